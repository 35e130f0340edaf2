#include "report_words.h"

#include "../core/errname.h"
#include "report_settings.h"

void v6_say_process(struct v6_text *t, struct v6_slice program, int pid)
{
	if (program.len)
		v6_text_safe(t, program.ptr, program.len);
	else
		v6_text_char(t, '?');
	v6_text_char(t, '[');
	v6_text_int(t, pid);
	v6_text_char(t, ']');
}

void v6_say_proto(struct v6_text *t, int proto)
{
	if (proto >= 0)
		v6_proto_text(t, proto);
	else
		v6_text_char(t, '-');
}

void v6_say_call(struct v6_text *t, const struct v6_trouble *trouble)
{
	v6_text_str(t, v6_event_name(trouble->event));
	if (trouble->proto >= 0) {
		v6_text_char(t, ' ');
		v6_proto_text(t, trouble->proto);
	}
	if (trouble->address.family != V6_FAMILY_OTHER) {
		v6_text_char(t, ' ');
		v6_address_port_text(t, &trouble->address);
	} else if (trouble->family != V6_FAMILY_OTHER) {
		v6_text_char(t, ' ');
		v6_text_str(t, v6_family_title(trouble->family));
	}
	if (trouble->fd >= 0) {
		v6_text_str(t, " fd ");
		v6_text_int(t, trouble->fd);
	}
}

void v6_say_serves(struct v6_text *t, unsigned serves)
{
	static const char words[][10] = {"-", "IPv6", "IPv4", "IPv6+IPv4"};

	v6_text_str(t, words[serves & 3]);
}

void v6_say_v6only(struct v6_text *t, int before, int after)
{
	if (before == V6_UNKNOWN)
		before = after;
	if (before == V6_UNKNOWN) {
		v6_text_char(t, '-');
		return;
	}
	v6_text_int(t, before);
	if (after == V6_UNKNOWN || after == before)
		return;
	v6_text_str(t, " -> ");
	v6_text_int(t, after);
}

void v6_say_errno(struct v6_text *t, int error)
{
	const char *name = v6_errname(error);

	if (name) {
		v6_text_str(t, name);
		return;
	}
	v6_text_str(t, "errno ");
	v6_text_int(t, error);
}

static const char *policy_word(unsigned policy)
{
	return v6_setting_word_of(V6_SETTING_POLICY, policy);
}

/* Sockets. */

/* Puts "; " between what is there since `start` and what comes. */
static void part(struct v6_text *t, size_t start)
{
	if (t->len > start)
		v6_text_str(t, "; ");
}

static void say_set(struct v6_text *t, const struct v6_listener *l)
{
	if (l->mode == V6_MODE_LOG) {
		v6_text_str(t, " V6ONLY ");
		v6_text_int(t, v6_policy_value(l->policy));
	}
	v6_text_str(t, ": policy ");
	v6_text_str(t, policy_word(l->policy));
}

static void say_reason(struct v6_text *t, const struct v6_listener *l, enum v6_action action)
{
	switch (action) {
	case V6_ACTION_SET:
		say_set(t, l);
		break;
	case V6_ACTION_OVERRIDE:
		v6_text_str(t, l->asked == 1 ? ": the application asked for IPv6 alone"
					     : ": the application asked for dual-stack");
		break;
	case V6_ACTION_DENY:
		if (!l->error)
			break;
		v6_text_str(t, ": ");
		v6_say_errno(t, l->error);
		break;
	case V6_ACTION_SPLIT:
		v6_text_str(t, ": V6ONLY 1, for IPv4 has a socket of its own");
		break;
	case V6_ACTION_SHARE:
		v6_text_str(t, ": SO_REUSEPORT on both sockets of the port");
		break;
	case V6_ACTION_YIELD:
		v6_text_str(t, ": the policy gives way, for IPv4 has a socket of its own");
		break;
	default:
		break;
	}
}

static void say_actions(struct v6_text *t, const struct v6_listener *l, size_t start)
{
	bool acted = false;

	for (unsigned a = V6_ACTION_NONE + 1; a < V6_ACTION_COUNT; a++) {
		if (!(l->actions >> a & 1))
			continue;
		part(t, start);
		v6_text_str(t, l->mode == V6_MODE_LOG ? "would " : "");
		v6_text_str(t, v6_action_name(a));
		say_reason(t, l, a);
		acted = true;
	}
	if (!acted || !l->rule)
		return;
	v6_text_str(t, " (rule ");
	v6_text_uint(t, l->rule);
	v6_text_char(t, ')');
}

/* The socket still has the value that a default-* policy gave it at socket(). */
static bool has_initial(const struct v6_listener *l)
{
	int value = v6_policy_value(l->policy);

	return value != V6_UNKNOWN && !v6_policy_forced(l->policy) && l->mode == V6_MODE_ENFORCE &&
	       l->asked == V6_UNKNOWN && l->after == value && !l->inherited;
}

static void say_failure(struct v6_text *t, const struct v6_listener *l, size_t start)
{
	bool denied = l->actions >> V6_ACTION_DENY & 1 && l->mode == V6_MODE_ENFORCE;

	if (!l->error || denied)
		return;
	part(t, start);
	v6_text_str(t, v6_event_name(l->failed));
	v6_text_str(t, " fails with ");
	v6_say_errno(t, l->error);
}

static void say_remarks(
	struct v6_text *t, const struct v6_process *p, const struct v6_listener *l, size_t start)
{
	if (l->chosen && l->binds > 1) {
		part(t, start);
		v6_text_uint(t, l->binds);
		v6_text_str(t, " in turn, each on a port of the kernel's choice");
	}
	if (l->replaced) {
		part(t, start);
		v6_text_str(t, "its descriptor got another socket later");
	} else if (!l->error && !l->serves && l->type != V6_TYPE_DGRAM && v6_knows_binds(p)) {
		part(t, start);
		v6_text_str(t, "has not listened");
	}
}

void v6_say_listener(struct v6_text *t, const struct v6_process *p, const struct v6_listener *l)
{
	size_t start = t->len;

	if (l->inherited)
		v6_text_str(t, "inherited: bound before this program ran");
	say_actions(t, l, start);
	if (t->len == start && has_initial(l)) {
		v6_text_str(t, "initial value of policy ");
		v6_text_str(t, policy_word(l->policy));
	}
	say_failure(t, l, start);
	say_remarks(t, p, l, start);
	if (t->len == start)
		v6_text_char(t, '-');
}

/* Trouble. */

const char *v6_trouble_name(enum v6_trouble_kind kind)
{
	static const char names[][10] = {
		[V6_TROUBLE_CONFLICT] = "conflict",
		[V6_TROUBLE_DISORDER] = "disorder",
		[V6_TROUBLE_DENIAL] = "denial",
		[V6_TROUBLE_CONTRARY] = "contrary",
		[V6_TROUBLE_FAILURE] = "failure",
		[V6_TROUBLE_ERROR] = "error",
	};

	return names[kind];
}

static void say_fails(struct v6_text *t, const struct v6_trouble *trouble)
{
	v6_text_str(t, "fails with ");
	v6_say_errno(t, trouble->error);
}

static void say_resolved(struct v6_text *t, const struct v6_trouble *trouble)
{
	switch (trouble->action) {
	case V6_ACTION_SPLIT:
		v6_text_str(t, "resolved by a split");
		break;
	case V6_ACTION_SHARE:
		v6_text_str(t, "resolved by sharing the port");
		break;
	case V6_ACTION_YIELD:
		v6_text_str(t, "resolved, the policy gave way");
		break;
	default:
		v6_text_str(t, "no error, but both families have the port");
		break;
	}
}

static void say_conflict(
	struct v6_text *t, const struct v6_gather *g, const struct v6_trouble *trouble)
{
	bool log = trouble->mode == V6_MODE_LOG && trouble->action != V6_ACTION_NONE;

	if (!trouble->failed && !log) {
		say_resolved(t, trouble);
		return;
	}
	if (trouble->failed)
		say_fails(t, trouble);
	else
		v6_text_str(t, "succeeds");
	if (v6_trouble_overcome(g, trouble))
		v6_text_str(t, ", and succeeded later");
	else if (trouble->failed)
		v6_text_str(t, ", unresolved");
	if (log) {
		v6_text_str(t, "; enforce would ");
		v6_text_str(t, v6_action_name(trouble->action));
	}
}

/* What came of a call that the shim may have denied. */
static void say_denied(struct v6_text *t, const struct v6_trouble *trouble)
{
	if (trouble->action != V6_ACTION_DENY) {
		v6_text_str(t, trouble->failed ? "" : "let through");
		if (trouble->failed)
			say_fails(t, trouble);
	} else if (trouble->mode == V6_MODE_LOG) {
		v6_text_str(t, "let through; enforce would deny it");
	} else {
		v6_text_str(t, "denied with ");
		v6_say_errno(t, trouble->error);
	}
}

void v6_say_trouble(struct v6_text *t, const struct v6_gather *g, const struct v6_trouble *trouble)
{
	switch (trouble->kind) {
	case V6_TROUBLE_CONFLICT:
		say_conflict(t, g, trouble);
		break;
	case V6_TROUBLE_DISORDER:
		v6_text_str(t, "out of order, ");
		say_denied(t, trouble);
		break;
	case V6_TROUBLE_CONTRARY:
		v6_text_str(t, "asks for V6ONLY ");
		v6_text_int(t, trouble->value);
		v6_text_str(t, " against policy ");
		v6_text_str(t, policy_word(trouble->policy));
		v6_text_str(t, ", ");
		say_denied(t, trouble);
		break;
	case V6_TROUBLE_DENIAL:
		say_denied(t, trouble);
		break;
	case V6_TROUBLE_FAILURE:
		say_fails(t, trouble);
		if (v6_trouble_overcome(g, trouble))
			v6_text_str(t, ", and succeeded later");
		break;
	default:
		break;
	}
}

void v6_say_holder(struct v6_text *t, const struct v6_holder *h, int pid)
{
	if (h->fd >= 0) {
		v6_text_str(t, "fd ");
		v6_text_int(t, h->fd);
		v6_text_str(t, " of this process");
	} else if (h->pid || h->program.len) {
		v6_say_process(t, h->program, h->pid);
		v6_text_str(t, h->pid == pid ? ", this process" : "");
	} else {
		v6_text_str(t, "a process that could not be seen");
	}
	if (h->address.family != V6_FAMILY_OTHER) {
		v6_text_str(t, ", ");
		v6_address_port_text(t, &h->address);
	}
	if (h->v6only != V6_UNKNOWN) {
		v6_text_str(t, ", V6ONLY ");
		v6_text_int(t, h->v6only);
	}
	if (h->uid >= 0) {
		v6_text_str(t, ", uid ");
		v6_text_int(t, h->uid);
	}
}

/* Settings. */

void v6_say_settings(struct v6_text *t, const struct v6_process *p)
{
	struct v6_note_settings s;

	if (v6_note_settings_read(&s, p->settings)) {
		v6_note_settings_text(t, &s);
		return;
	}
	v6_text_str(t, "policy ");
	v6_text_str(t, policy_word(p->policy));
	v6_text_str(t, p->mode == V6_MODE_LOG ? ", mode log" : "");
	v6_text_str(t, " (this log does not have the other settings)");
}

bool v6_knows_binds(const struct v6_process *p)
{
	return p->level >= V6_LEVEL_BIND;
}

const char *v6_say_level(const struct v6_process *p)
{
	if (v6_knows_binds(p))
		return NULL;
	if (p->level == V6_LEVEL_ERROR)
		return "Its log-level is error: log-level=bind would tell what it binds.";
	if (p->level == V6_LEVEL_CHANGE)
		return "Its log-level is change: calls that were left alone are not in this log; "
		       "log-level=bind would tell every one.";
	return "The log does not have every call of it; log-level=bind would tell every one.";
}
