#include "record.h"

#include "errname.h"

#include <string.h>

void v6_record_init(struct v6_record *r, enum v6_event event)
{
	memset(r, 0, sizeof(*r));
	r->event = (uint8_t)event;
	r->fd = -1;
	r->proto = -1;
	r->value = r->asked = r->before = r->after = r->want = V6_UNKNOWN;
	r->holder.fd = -1;
	r->holder.uid = -1;
	r->holder.v6only = V6_UNKNOWN;
}

enum v6_level v6_record_level(const struct v6_record *r)
{
	if (r->event == V6_EVENT_ERROR || r->event == V6_EVENT_LOST)
		return V6_LEVEL_ERROR;
	if (r->action != V6_ACTION_NONE || r->finding != V6_FINDING_NONE)
		return V6_LEVEL_CHANGE;
	switch (r->event) {
	case V6_EVENT_BIND:
	case V6_EVENT_LISTEN:
	case V6_EVENT_GETADDRINFO:
	case V6_EVENT_INHERIT:
		return V6_LEVEL_BIND;
	default:
		return V6_LEVEL_ALL;
	}
}

unsigned v6_serves(const struct v6_address *bound, int v6only)
{
	if (bound->family == V6_FAMILY_INET || v6_address_mapped(bound))
		return V6_SERVES_INET;
	if (bound->family != V6_FAMILY_INET6)
		return 0;
	if (!v6_address_wildcard(bound))
		return V6_SERVES_INET6;
	return v6only == 0 ? V6_SERVES_INET6 | V6_SERVES_INET : v6only == 1 ? V6_SERVES_INET6 : 0;
}

/* JSON: one "key": at a time, in the order of DESIGN.md 1.6. */

/* ,"key": as it is written after another one, its length known before the program runs. */
struct key {
	const char *text;
	size_t len;
};

#define KEY(name) ((struct key){",\"" name "\":", sizeof(",\"" name "\":") - 1})

static inline void key(struct v6_text *t, struct key name)
{
	if (t->len && t->buf[t->len - 1] == '{')
		v6_text_bytes(t, name.text + 1, name.len - 1);
	else
		v6_text_bytes(t, name.text, name.len);
}

/* One of our own words, in which there is nothing to escape. */
static void json_word(struct v6_text *t, struct key name, const char *word)
{
	key(t, name);
	v6_text_char(t, '"');
	v6_text_str(t, word);
	v6_text_char(t, '"');
}

static void json_int(struct v6_text *t, struct key name, int64_t value)
{
	key(t, name);
	v6_text_int(t, value);
}

static void json_slice(struct v6_text *t, struct key name, struct v6_slice value)
{
	if (!value.len)
		return;
	key(t, name);
	v6_text_json(t, value.ptr, value.len);
}

/* A V6ONLY value, where it is known. */
static void json_bit(struct v6_text *t, struct key name, int value)
{
	if (value != V6_UNKNOWN)
		json_int(t, name, value);
}

static void json_address(struct v6_text *t, const struct v6_address *a)
{
	if (a->family == V6_FAMILY_OTHER)
		return;
	key(t, KEY("addr"));
	v6_text_char(t, '"');
	v6_address_text(t, a);
	v6_text_char(t, '"');
	json_int(t, KEY("port"), a->port);
}

static void json_serves(struct v6_text *t, unsigned serves)
{
	static const char value[][20] = {"", "[\"inet6\"]", "[\"inet\"]", "[\"inet6\",\"inet\"]"};

	if (!serves)
		return;
	key(t, KEY("serves"));
	v6_text_str(t, value[serves & 3]);
}

static void json_families(struct v6_text *t, struct key name, const struct v6_families *f)
{
	if (!f->count)
		return;
	key(t, name);
	for (unsigned i = 0; i < f->count; i++) {
		v6_text_char(t, i ? ',' : '[');
		v6_text_str(t, f->inet6 >> i & 1 ? "\"inet6\"" : "\"inet\"");
	}
	v6_text_char(t, ']');
}

static void json_holder(struct v6_text *t, const struct v6_holder *h)
{
	if (!h->known)
		return;
	key(t, KEY("holder"));
	v6_text_char(t, '{');
	if (h->fd >= 0)
		json_int(t, KEY("fd"), h->fd);
	if (h->pid)
		json_int(t, KEY("pid"), h->pid);
	json_slice(t, KEY("program"), h->program);
	if (h->uid >= 0)
		json_int(t, KEY("uid"), h->uid);
	if (h->address.family != V6_FAMILY_OTHER)
		json_word(t, KEY("family"), v6_family_name(h->address.family));
	json_address(t, &h->address);
	json_bit(t, KEY("v6only"), h->v6only);
	v6_text_char(t, '}');
}

static void json_errno(struct v6_text *t, int number)
{
	const char *name;

	if (!number)
		return;
	name = v6_errname(number);
	if (name)
		json_word(t, KEY("errno"), name);
	else
		json_int(t, KEY("errno"), number);
}

static void json_socket(struct v6_text *t, const struct v6_record *r)
{
	if (r->fd >= 0)
		json_int(t, KEY("fd"), r->fd);
	if (r->family != V6_FAMILY_OTHER)
		json_word(t, KEY("family"), v6_family_name(r->family));
	if (r->type != V6_TYPE_UNKNOWN)
		json_word(t, KEY("type"), v6_type_name(r->type));
	if (r->proto >= 0) {
		key(t, KEY("proto"));
		v6_text_char(t, '"');
		v6_proto_text(t, r->proto);
		v6_text_char(t, '"');
	}
	json_address(t, &r->address);
}

/* Only calls that a policy could apply to say which one did. */
static bool has_policy(const struct v6_record *r)
{
	return r->event != V6_EVENT_LOST && r->event != V6_EVENT_ERROR;
}

static void json_decision(struct v6_text *t, const struct v6_record *r)
{
	if (!has_policy(r))
		return;
	json_word(t, KEY("policy"), v6_setting_word_of(V6_SETTING_POLICY, r->policy));
	if (r->rule)
		json_int(t, KEY("rule"), r->rule);
	json_word(t, KEY("mode"), v6_setting_word_of(V6_SETTING_MODE, r->mode));
	json_word(t, KEY("action"), v6_action_name(r->action));
	json_word(t, KEY("finding"), v6_finding_name(r->finding));
}

/* Cuts the text back to where a record began, if it did not fit. */
static bool whole(struct v6_text *t, size_t start)
{
	if (!t->full)
		return true;
	t->len = start;
	t->buf[start] = '\0';
	t->full = false;
	return false;
}

bool v6_record_json(struct v6_text *t, const struct v6_record *r)
{
	size_t start = t->len;

	v6_text_char(t, '{');
	json_int(t, KEY("v"), V6_RECORD_VERSION);
	key(t, KEY("time"));
	v6_text_char(t, '"');
	v6_text_time(t, r->time);
	v6_text_char(t, '"');
	json_int(t, KEY("pid"), r->pid);
	json_int(t, KEY("tid"), r->tid);
	json_slice(t, KEY("program"), r->program);
	json_word(t, KEY("event"), v6_event_name(r->event));
	json_socket(t, r);
	json_bit(t, KEY("asked"), r->event == V6_EVENT_SETSOCKOPT ? r->value : r->asked);
	json_bit(t, KEY("before"), r->before);
	json_bit(t, KEY("after"), r->after);
	json_serves(t, r->serves);
	json_families(t, KEY("families_before"), &r->families_before);
	json_families(t, KEY("families_after"), &r->families_after);
	json_decision(t, r);
	json_holder(t, &r->holder);
	if (r->has_result)
		json_int(t, KEY("result"), r->result);
	json_errno(t, r->error);
	if (r->event == V6_EVENT_LOST)
		json_int(t, KEY("count"), (int64_t)r->count);
	json_slice(t, KEY("note"), r->note);
	v6_text_str(t, "}\n");
	return whole(t, start);
}

/* Text: "v6shim PROGRAM[PID]: WHAT: OUTCOME (WHY) - NOTE". */

static void text_subject(struct v6_text *t, const struct v6_record *r)
{
	v6_text_str(t, v6_event_name(r->event));
	if (r->proto >= 0) {
		v6_text_char(t, ' ');
		v6_proto_text(t, r->proto);
	}
	if (r->address.family != V6_FAMILY_OTHER) {
		v6_text_char(t, ' ');
		v6_address_port_text(t, &r->address);
	} else if (r->family != V6_FAMILY_OTHER) {
		v6_text_char(t, ' ');
		v6_text_str(t, v6_family_title(r->family));
	}
	if (r->fd >= 0) {
		v6_text_str(t, " fd ");
		v6_text_int(t, r->fd);
	}
}

/* Puts "; " or ": " between what was written since `start` and what comes. */
static void part(struct v6_text *t, size_t *start)
{
	v6_text_str(t, t->len == *start ? ": " : ", ");
	*start = 0;
}

static void text_errno(struct v6_text *t, int number)
{
	const char *name = v6_errname(number);

	if (name) {
		v6_text_str(t, name);
		return;
	}
	v6_text_str(t, "errno ");
	v6_text_int(t, number);
}

static void text_v6only(struct v6_text *t, const struct v6_record *r)
{
	bool changes = r->action == V6_ACTION_SET || r->action == V6_ACTION_OVERRIDE ||
		       r->action == V6_ACTION_SPLIT || r->action == V6_ACTION_YIELD;

	if (r->mode == V6_MODE_LOG && changes && r->want != V6_UNKNOWN) {
		v6_text_str(t, "V6ONLY ");
		v6_text_int(t, r->before);
		v6_text_str(t, ", would be set to ");
		v6_text_int(t, r->want);
		return;
	}
	v6_text_str(t, "V6ONLY ");
	v6_text_int(t, r->before);
	if (r->after != V6_UNKNOWN && r->after != r->before) {
		v6_text_str(t, " -> ");
		v6_text_int(t, r->after);
	}
}

static void text_families(struct v6_text *t, const struct v6_families *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (i)
			v6_text_char(t, ' ');
		v6_text_str(t, f->inet6 >> i & 1 ? "IPv6" : "IPv4");
	}
}

static void text_outcome(struct v6_text *t, const struct v6_record *r)
{
	bool log = r->mode == V6_MODE_LOG;
	size_t start = t->len;

	if (r->value != V6_UNKNOWN) {
		part(t, &start);
		v6_text_str(t, "asks for V6ONLY ");
		v6_text_int(t, r->value);
	}
	if (r->action == V6_ACTION_DENY) {
		part(t, &start);
		v6_text_str(t, log ? "would be denied" : "denied with ");
		if (!log)
			text_errno(t, r->error);
	}
	if (r->action == V6_ACTION_SHARE) {
		part(t, &start);
		v6_text_str(t, log ? "the port would be shared" : "the port is shared");
	}
	if (r->before != V6_UNKNOWN) {
		part(t, &start);
		text_v6only(t, r);
	}
	if (r->families_before.count) {
		part(t, &start);
		text_families(t, &r->families_before);
		if (r->action == V6_ACTION_REORDER) {
			v6_text_str(t, log ? ", would be reordered" : " -> ");
			if (!log)
				text_families(t, &r->families_after);
		}
	}
	if (r->serves) {
		part(t, &start);
		v6_text_str(t, "serves ");
		if (r->serves & V6_SERVES_INET6)
			v6_text_str(t, "IPv6");
		if (r->serves == (V6_SERVES_INET6 | V6_SERVES_INET))
			v6_text_str(t, " and ");
		if (r->serves & V6_SERVES_INET)
			v6_text_str(t, "IPv4");
	}
	if (r->has_result && r->error && (log || r->action != V6_ACTION_DENY)) {
		part(t, &start);
		v6_text_str(t, "fails with ");
		text_errno(t, r->error);
	}
	if (r->finding != V6_FINDING_NONE) {
		part(t, &start);
		v6_text_str(t, v6_finding_name(r->finding));
	}
	if (r->event == V6_EVENT_LOST) {
		part(t, &start);
		v6_text_uint(t, r->count);
		v6_text_str(t, r->count == 1 ? " record could not be written"
					     : " records could not be written");
	}
}

static void text_why(struct v6_text *t, const struct v6_record *r)
{
	if (!has_policy(r) || r->event == V6_EVENT_LOAD)
		return;
	v6_text_str(t, " (policy ");
	v6_text_str(t, v6_setting_word_of(V6_SETTING_POLICY, r->policy));
	if (r->rule) {
		v6_text_str(t, ", rule ");
		v6_text_uint(t, r->rule);
	}
	if (r->mode == V6_MODE_LOG)
		v6_text_str(t, ", mode log");
	if (r->asked != V6_UNKNOWN) {
		v6_text_str(t, "; the application asked for ");
		v6_text_int(t, r->asked);
	}
	v6_text_char(t, ')');
}

bool v6_record_text(struct v6_text *t, const struct v6_record *r)
{
	size_t start = t->len;

	v6_text_str(t, "v6shim ");
	v6_text_safe(t, r->program.ptr, r->program.len);
	v6_text_char(t, '[');
	v6_text_int(t, r->pid);
	v6_text_str(t, "]: ");
	text_subject(t, r);
	text_outcome(t, r);
	text_why(t, r);
	if (r->note.len) {
		v6_text_str(
			t, r->event == V6_EVENT_LOAD || r->event == V6_EVENT_ERROR ? ": " : " - ");
		v6_text_safe(t, r->note.ptr, r->note.len);
	}
	v6_text_char(t, '\n');
	return whole(t, start);
}
