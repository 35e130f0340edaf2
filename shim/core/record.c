#include "record.h"

#define AT(name, member) offsetof(struct v6_##name, member)

const struct v6_field v6_record_fields[] = {
	{"v", V6_FIELD_VERSION, 0, 0},
	{"time", V6_FIELD_TIME, 0, AT(record, time)},
	{"pid", V6_FIELD_COUNT, 0, AT(record, pid)},
	{"program", V6_FIELD_STRING, 0, AT(record, program)},
	{"via", V6_FIELD_WORD, V6_LIST_VIA, AT(record, via)},
	{"event", V6_FIELD_WORD, V6_LIST_EVENT, AT(record, facts.event)},
	{"fd", V6_FIELD_FD, 0, AT(record, fd)},
	{"family", V6_FIELD_WORD, V6_LIST_FAMILY, AT(record, facts.family)},
	{"type", V6_FIELD_WORD, V6_LIST_TYPE, AT(record, facts.type)},
	{"proto", V6_FIELD_PROTO, 0, AT(record, proto)},
	{"addr", V6_FIELD_ADDRESS, 0, AT(record, facts.address)},
	{"port", V6_FIELD_PORT, 0, AT(record, facts.address)},
	{"asked", V6_FIELD_BIT, 0, AT(record, facts.asked)},
	{"before", V6_FIELD_BIT, 0, AT(record, facts.before)},
	{"after", V6_FIELD_BIT, 0, AT(record, after)},
	{"serves", V6_FIELD_SERVES, 0, AT(record, serves)},
	{"families_before", V6_FIELD_FAMILIES, 0, AT(record, families_before)},
	{"families_after", V6_FIELD_FAMILIES, 0, AT(record, families_after)},
	{"policy", V6_FIELD_DECISION, V6_LIST_POLICY, AT(record, policy)},
	{"rule", V6_FIELD_COUNT, 0, AT(record, rule)},
	{"mode", V6_FIELD_DECISION, V6_LIST_MODE, AT(record, mode)},
	{"action", V6_FIELD_DECISION, V6_LIST_ACTION, AT(record, verdict.action)},
	{"finding", V6_FIELD_DECISION, V6_LIST_FINDING, AT(record, verdict.finding)},
	{"holder", V6_FIELD_HOLDER, 0, AT(record, holder)},
	{"result", V6_FIELD_RESULT, 0, AT(record, result)},
	{"errno", V6_FIELD_ERRNO, V6_LIST_ERRNO, AT(record, error)},
	{"enforce", V6_FIELD_ENFORCE, 0, AT(record, enforce)},
	{"count", V6_FIELD_COUNT64, 0, AT(record, count)},
	{"version", V6_FIELD_STRING, 0, AT(record, version)},
	{"settings", V6_FIELD_SETTINGS, 0, AT(record, settings)},
	{"note", V6_FIELD_STRING, 0, AT(record, note)},
	{"", 0, 0, 0},
};

const struct v6_field v6_holder_fields[] = {
	{"fd", V6_FIELD_FD, 0, AT(holder, fd)},
	{"pid", V6_FIELD_COUNT, 0, AT(holder, pid)},
	{"program", V6_FIELD_STRING, 0, AT(holder, program)},
	{"uid", V6_FIELD_UID, 0, AT(holder, uid)},
	{"family", V6_FIELD_AFAMILY, V6_LIST_FAMILY, AT(holder, address)},
	{"addr", V6_FIELD_ADDRESS, 0, AT(holder, address)},
	{"port", V6_FIELD_PORT, 0, AT(holder, address)},
	{"v6only", V6_FIELD_BIT, 0, AT(holder, v6only)},
	{"", 0, 0, 0},
};

const struct v6_field v6_enforce_fields[] = {
	{"after", V6_FIELD_BIT, 0, AT(enforce, after)},
	{"serves", V6_FIELD_SERVES, 0, AT(enforce, serves)},
	{"result", V6_FIELD_RESULT, 0, AT(enforce, result)},
	{"errno", V6_FIELD_ERRNO, V6_LIST_ERRNO, AT(enforce, error)},
	{"", 0, 0, 0},
};

void v6_record_init(struct v6_record *r, enum v6_event event)
{
	memset(r, 0, sizeof(*r));
	v6_record_init_zeroed(r, event);
}

void v6_record_init_zeroed(struct v6_record *r, enum v6_event event)
{
	v6_facts_init(&r->facts, event);
	r->verdict.v6only = r->after = r->enforce.after = r->holder.v6only = V6_UNKNOWN;
	r->fd = r->proto = r->holder.fd = -1;
	r->holder.uid = -1;
	r->has_policy = event != V6_EVENT_LOST && event != V6_EVENT_ERROR;
	r->result = r->enforce.result = V6_NO_RESULT;
}

enum v6_log_level v6_record_level(const struct v6_record *r)
{
	enum v6_event event = r->facts.event;

	if (!r->has_policy)
		return V6_LOG_LEVEL_ERROR;
	/* Of a socket there is something to say where the kernel has no IPv6. */
	if (r->verdict.action != V6_ACTION_NONE || r->verdict.finding != V6_FINDING_NONE ||
		r->enforce.known || (event == V6_EVENT_SOCKET && r->note.len))
		return V6_LOG_LEVEL_CHANGE;
	return event == V6_EVENT_BIND || event == V6_EVENT_LISTEN ||
			       event == V6_EVENT_GETADDRINFO || event == V6_EVENT_INHERIT
		       ? V6_LOG_LEVEL_BIND
		       : V6_LOG_LEVEL_ALL;
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

/* JSON: one "key":value at a time, as the tables have them. */

/*
 * Those that are not default: {"policy":{"value":"both","origin":"option"}}, or for a person
 * ", policy=both (option)". Of rules it is told how many there are.
 */
static void write_settings(struct v6_text *t, const struct v6_config *c, bool json)
{
	const char *begin = json ? "{" : ", ";

	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		const struct v6_slice *path = json ? v6_setting_path(&c->settings, id) : NULL;
		const char *quote = json && !path && id != V6_SETTING_RULES ? "\"" : "";

		if (c->settings.origin[id] == V6_ORIGIN_DEFAULT)
			continue;
		v6_text_print(t, json ? "%s\"%s\":{\"value\":%s" : "%s%s=%s", begin,
			v6_setting_name(id), quote);
		if (id == V6_SETTING_RULES)
			v6_text_uint(t, c->rules.count);
		else if (path)
			v6_text_json(t, path->ptr, path->len);
		else
			v6_setting_value(t, &c->settings, id);
		v6_text_print(t, json ? "%s,\"origin\":\"%s\"}" : "%s (%s)", quote,
			v6_word(V6_LIST_ORIGIN, c->settings.origin[id]));
		begin = json ? "," : begin;
	}
	if (json)
		v6_text_str(t, *begin == '{' ? "{}" : "}");
}

static void json_object(struct v6_text *t, const struct v6_field *f, const void *from);

static bool json_number(struct v6_text *t, int64_t number, bool applies)
{
	if (applies)
		v6_text_int(t, number);
	return applies;
}

static bool json_word(struct v6_text *t, const struct v6_field *f, unsigned value)
{
	const char *word = v6_word(f->list, value);

	if (!word)
		return false;
	v6_text_char(t, '"');
	v6_text_str(t, word);
	v6_text_char(t, '"');
	return true;
}

/* false where the key does not apply. `r` is looked at for kinds that the other tables have not. */
static bool json_value(
	struct v6_text *t, const struct v6_field *f, const struct v6_record *r, const void *member)
{
	static const char served[][20] = {"", "[\"inet6\"]", "[\"inet\"]", "[\"inet6\",\"inet\"]"};
	const struct v6_address *address = member;
	const struct v6_slice *slice = member;
	const struct v6_families *families = member;
	const int64_t *wide = member;
	const unsigned *bits = member;
	const int *number = member;

	switch ((enum v6_field_kind)f->kind) {
	case V6_FIELD_VERSION:
		return json_number(t, V6_RECORD_VERSION, true);
	case V6_FIELD_TIME:
		v6_text_char(t, '"');
		v6_text_time(t, *wide);
		v6_text_char(t, '"');
		return true;
	case V6_FIELD_FD:
		return json_number(t, *number, *number >= 0);
	case V6_FIELD_COUNT:
		return json_number(t, *number, *number != 0);
	case V6_FIELD_BIT:
		return json_number(t, *number, *number != V6_UNKNOWN);
	case V6_FIELD_COUNT64:
		return json_number(t, *wide, *wide != 0);
	case V6_FIELD_UID:
		return json_number(t, *wide, *wide >= 0);
	case V6_FIELD_RESULT:
		return json_number(t, *wide, *wide != V6_NO_RESULT);
	case V6_FIELD_STRING:
		if (slice->len)
			v6_text_json(t, slice->ptr, slice->len);
		return slice->len != 0;
	case V6_FIELD_DECISION:
		return r->has_policy && json_word(t, f, *bits);
	case V6_FIELD_WORD:
		return json_word(t, f, *bits);
	case V6_FIELD_ERRNO:
		return json_word(t, f, *bits) || json_number(t, *number, *number != 0);
	case V6_FIELD_AFAMILY:
		return json_word(t, f, address->family);
	case V6_FIELD_PORT:
		return json_number(t, address->port, address->family != V6_FAMILY_OTHER);
	case V6_FIELD_ADDRESS:
		v6_text_char(t, '"');
		v6_address_text(t, address);
		v6_text_char(t, '"');
		return address->family != V6_FAMILY_OTHER;
	case V6_FIELD_PROTO:
		v6_text_char(t, '"');
		v6_proto_text(t, *number);
		v6_text_char(t, '"');
		return *number >= 0;
	case V6_FIELD_SERVES:
		v6_text_str(t, served[*bits & 3]);
		return *bits != 0;
	case V6_FIELD_FAMILIES:
		for (unsigned i = 0; i < families->count; i++)
			v6_text_print(t, "%c\"%s\"", i ? ',' : '[',
				families->inet6 >> i & 1 ? "inet6" : "inet");
		v6_text_char(t, ']');
		return families->count;
	case V6_FIELD_HOLDER:
	case V6_FIELD_ENFORCE: /* `known` comes first in both */
		if (*(const bool *)member)
			json_object(t,
				f->kind == V6_FIELD_HOLDER ? v6_holder_fields : v6_enforce_fields,
				member);
		return *(const bool *)member;
	case V6_FIELD_SETTINGS:
		if (r->config)
			write_settings(t, r->config, true);
		else
			v6_text_slice(t, r->settings);
		return r->config || r->settings.len;
	}
	return false;
}

/* Whether all found room; else the text is cut back to what it was. */
static bool is_whole(struct v6_text *t, struct v6_text before)
{
	if (t->full) {
		*t = before;
		t->buf[t->len] = '\0';
		return false;
	}
	return true;
}

static void json_object(struct v6_text *t, const struct v6_field *f, const void *from)
{
	char brace = '{';

	for (; *f->key && !t->full; f++) {
		struct v6_text after = *t;
		size_t key = strlen(f->key);

		/* Most keys do not apply: one is written once its value is there, before it. */
		after.len += key + strlen("{\"\":");
		t->full = after.len >= t->size;
		if (t->full || !json_value(&after, f, from, (const char *)from + f->at))
			continue;
		t->buf[t->len++] = brace;
		t->buf[t->len++] = '"';
		memcpy(t->buf + t->len, f->key, key);
		memcpy(t->buf + t->len + key, "\":", 2);
		*t = after;
		brace = ',';
	}
	v6_text_str(t, brace == '{' ? "{}" : "}");
}

bool v6_record_json(struct v6_text *t, const struct v6_record *r)
{
	struct v6_text before = *t;

	json_object(t, v6_record_fields, r);
	v6_text_char(t, '\n');
	return is_whole(t, before);
}

/* Text: "v6shim PROGRAM[PID]: WHAT: OUTCOME (WHY) - NOTE". */

static void text_subject(struct v6_text *t, const struct v6_record *r)
{
	v6_text_str(t, v6_word(V6_LIST_EVENT, r->facts.event));
	if (r->proto >= 0) {
		v6_text_char(t, ' ');
		v6_proto_text(t, r->proto);
	}
	if (r->facts.address.family != V6_FAMILY_OTHER) {
		v6_text_char(t, ' ');
		v6_address_port_text(t, &r->facts.address);
	} else if (r->facts.family != V6_FAMILY_OTHER) {
		v6_text_print(t, " %s", v6_family_title(r->facts.family));
	}
	if (r->fd >= 0)
		v6_text_print(t, " fd %d", r->fd);
}

static void text_families(struct v6_text *t, const struct v6_families *f)
{
	for (unsigned i = 0; i < f->count; i++)
		v6_text_print(t, "%s%s", i ? " " : "", f->inet6 >> i & 1 ? "IPv6" : "IPv4");
}

static const char *const serves[] = {"", "IPv6", "IPv4", "IPv6 and IPv4"};

static void text_enforce(struct v6_text *t, const struct v6_record *r)
{
	const struct v6_enforce *e = &r->enforce;

	if (e->result == V6_NO_RESULT) {
		v6_text_str(t, ", with mode=enforce undecided");
	} else if (e->error != r->error && r->verdict.action != V6_ACTION_DENY) {
		v6_text_str(t, e->error ? ", would fail with " : ", would succeed");
		if (e->error)
			v6_errno_text(t, e->error);
	}
	if (e->serves && e->serves != r->serves)
		v6_text_print(t, ", would serve %s", serves[e->serves & 3]);
}

/* What getaddrinfo(3) returned: the same numbers in glibc and musl. */
static void text_eai(struct v6_text *t, int64_t result)
{
	static const char name[][9] = {"", "BADFLAGS", "NONAME", "AGAIN", "FAIL", "", "FAMILY",
		"SOCKTYPE", "SERVICE", "", "MEMORY", "SYSTEM", "OVERFLOW"};
	uint64_t number = (uint64_t)-result;

	if (number < sizeof(name) / sizeof(*name) && *name[number])
		v6_text_print(t, ", fails with EAI_%s", name[number]);
	else
		v6_text_print(t, ", fails with %d", (int)result);
}

static void text_outcome(struct v6_text *t, const struct v6_record *r)
{
	bool log = r->mode == V6_MODE_LOG;
	size_t start = t->len;

	if (r->facts.event == V6_EVENT_SETSOCKOPT && r->facts.asked != V6_UNKNOWN)
		v6_text_print(t, ", asks for V6ONLY %d", r->facts.asked);
	if (r->verdict.action == V6_ACTION_DENY) {
		v6_text_str(t, log ? ", would be denied with " : ", denied with ");
		v6_errno_text(t, log ? r->enforce.error : r->error);
	}
	if (r->verdict.action == V6_ACTION_SHARE)
		v6_text_str(t, log ? ", the port would be shared" : ", the port is shared");
	if (r->facts.before != V6_UNKNOWN) {
		v6_text_print(t, ", V6ONLY %d", r->facts.before);
		if (r->enforce.after != V6_UNKNOWN && r->enforce.after != r->after)
			v6_text_print(t, ", would be %d", r->enforce.after);
		else if (r->after != V6_UNKNOWN && r->after != r->facts.before)
			v6_text_print(t, " -> %d", r->after);
	}
	if (r->families_before.count) {
		v6_text_str(t, ", ");
		text_families(t, &r->families_before);
		if (r->verdict.action == V6_ACTION_REORDER) {
			v6_text_str(t, log ? ", would be reordered" : " -> ");
			if (!log)
				text_families(t, &r->families_after);
		}
	}
	if (r->serves)
		v6_text_print(t, ", serves %s", serves[r->serves & 3]);
	if (r->facts.event == V6_EVENT_GETADDRINFO && r->result && !r->error)
		text_eai(t, r->result);
	if (r->error && (log || r->verdict.action != V6_ACTION_DENY)) {
		v6_text_str(t, ", fails with ");
		v6_errno_text(t, r->error);
	}
	if (r->enforce.known)
		text_enforce(t, r);
	if (r->verdict.finding != V6_FINDING_NONE)
		v6_text_print(t, ", %s", v6_word(V6_LIST_FINDING, r->verdict.finding));
	if (r->facts.event == V6_EVENT_LOST)
		v6_text_print(t, ", %lld record%s could not be written", (long long)r->count,
			r->count == 1 ? "" : "s");
	/* The first of them is told after a colon. */
	if (t->len > start)
		t->buf[start] = ':';
}

static void text_why(struct v6_text *t, const struct v6_record *r)
{
	if (!r->has_policy || r->facts.event == V6_EVENT_LOAD)
		return;
	v6_text_print(t, " (policy %s", v6_word(V6_LIST_POLICY, r->policy));
	if (r->rule)
		v6_text_print(t, ", rule %u", r->rule);
	if (r->mode == V6_MODE_LOG)
		v6_text_str(t, ", mode log");
	if (r->facts.event != V6_EVENT_SETSOCKOPT && r->facts.asked != V6_UNKNOWN)
		v6_text_print(t, "; the application asked for %d", r->facts.asked);
	v6_text_char(t, ')');
}

bool v6_record_text(struct v6_text *t, const struct v6_record *r)
{
	const char *dash = r->facts.event == V6_EVENT_ERROR ? ": " : " - ";
	struct v6_text before = *t;

	v6_text_print(t, "v6shim %.*s[%d]: ", V6_SLICE(r->program), r->pid);
	text_subject(t, r);
	text_outcome(t, r);
	text_why(t, r);
	if (r->version.len) {
		v6_text_print(t, ": v6shim %.*s", V6_SLICE(r->version));
		v6_text_slice(t, r->settings);
		if (r->config)
			write_settings(t, r->config, false);
		v6_text_str(t, ", all else default");
	}
	if (r->note.len)
		v6_text_print(t, "%s%.*s", dash, V6_SLICE(r->note));
	v6_text_char(t, '\n');
	return is_whole(t, before);
}
