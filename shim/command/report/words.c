#include "words.h"

#include <stdlib.h>

#include "../../core/errname.h"
#include "../../core/policy.h"
#include "../memory.h"
#include "reader.h"

static void number(struct v6_text *t, const char *before, int64_t value)
{
	v6_text_str(t, before);
	v6_text_int(t, value);
}

void v6_process_text(struct v6_text *t, struct v6_slice program, int pid)
{
	if (program.len)
		v6_text_safe(t, program.ptr, program.len);
	else
		v6_text_char(t, '?');
	number(t, "[", pid);
	v6_text_char(t, ']');
}

void v6_errno_text(struct v6_text *t, int error)
{
	const char *name = v6_errname(error);

	if (name)
		v6_text_str(t, name);
	else
		number(t, "errno ", error);
}

/* Settings: what decides about calls. */

void v6_settings_text(struct v6_text *t, const struct v6_process *p)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	char *scratch = v6_resize(NULL, p->settings.len);
	bool told = v6_read_settings(settings, p->settings, scratch);

	if (!told || !settings[V6_SETTING_POLICY].value.ptr)
		settings[V6_SETTING_POLICY].value =
			v6_slice_of(told ? "app" : v6_word(V6_LIST_POLICY, p->policy));
	for (unsigned id = 0; id < V6_SETTING_LOG; id++) {
		struct v6_slice value = settings[id].value;

		if (!value.ptr)
			continue;
		v6_text_str(t, id ? ", " : "");
		if (id == V6_SETTING_RULES) {
			v6_text_safe(t, value.ptr, value.len);
			v6_text_str(t, v6_slice_is(value, "1") ? " rule" : " rules");
			continue;
		}
		v6_text_str(t, v6_setting_name(id));
		v6_text_char(t, ' ');
		v6_text_safe(t, value.ptr, value.len);
	}
	if (!told) {
		v6_text_str(t, p->mode == V6_MODE_LOG ? ", mode log" : "");
		v6_text_str(t, " (this log does not have the other settings)");
	}
	free(scratch);
}

bool v6_knows_binds(const struct v6_process *p)
{
	return p->level >= V6_LOG_LEVEL_BIND;
}

const char *v6_level_text(const struct v6_process *p)
{
	if (v6_knows_binds(p))
		return NULL;
	if (p->level == V6_LOG_LEVEL_ERROR)
		return "Its log-level is error: log-level=bind would tell what it binds.";
	if (p->level == V6_LOG_LEVEL_CHANGE)
		return "Its log-level is change: calls that were left alone are not in this log; "
		       "log-level=bind would tell every one.";
	return "The log does not have every call of it; log-level=bind would tell every one.";
}

/* Sockets. */

/* Puts "; " between what is there since `start` and what comes. */
static void part(struct v6_text *t, size_t start)
{
	if (t->len > start)
		v6_text_str(t, "; ");
}

static void reason_text(struct v6_text *t, const struct v6_record *r, enum v6_action action)
{
	static const char *const reasons[] = {
		[V6_ACTION_SPLIT] = ": V6ONLY 1, for IPv4 has a socket of its own",
		[V6_ACTION_SHARE] = ": SO_REUSEPORT on both sockets of the port",
		[V6_ACTION_YIELD] = ": the policy gives way, for IPv4 has a socket of its own",
		[V6_ACTION_REORDER] = "",
	};

	switch (action) {
	case V6_ACTION_SET:
		if (r->mode == V6_MODE_LOG)
			number(t, " V6ONLY ", v6_policy_value(r->policy));
		v6_text_str(t, ": policy ");
		v6_text_str(t, v6_word(V6_LIST_POLICY, r->policy));
		break;
	case V6_ACTION_OVERRIDE:
		v6_text_str(t, r->facts.asked == 1 ? ": the application asked for IPv6 alone"
					     : ": the application asked for dual-stack");
		break;
	case V6_ACTION_DENY:
		if (r->error) {
			v6_text_str(t, ": ");
			v6_errno_text(t, r->error);
		}
		break;
	default:
		v6_text_str(t, reasons[action]);
		break;
	}
}

static void actions_text(struct v6_text *t, const struct v6_listener *l, size_t start)
{
	for (unsigned a = V6_ACTION_NONE + 1; a <= V6_ACTION_REORDER; a++) {
		if (!(l->actions >> a & 1))
			continue;
		part(t, start);
		v6_text_str(t, l->r.mode == V6_MODE_LOG ? "would " : "");
		v6_text_str(t, v6_word(V6_LIST_ACTION, a));
		reason_text(t, &l->r, a);
	}
	if (!l->actions || !l->r.rule)
		return;
	number(t, " (rule ", l->r.rule);
	v6_text_char(t, ')');
}

/* The socket still has the value that a default-* policy gave it at socket(). */
static bool has_initial(const struct v6_listener *l)
{
	int value = v6_policy_value(l->r.policy);

	return value != V6_UNKNOWN && !v6_policy_forced(l->r.policy) &&
	       l->r.mode == V6_MODE_ENFORCE && l->r.facts.asked == V6_UNKNOWN && l->r.after == value &&
	       !l->inherited;
}

void v6_listener_text(struct v6_text *t, const struct v6_process *p, const struct v6_listener *l)
{
	bool denied = l->actions >> V6_ACTION_DENY & 1 && l->r.mode == V6_MODE_ENFORCE;
	size_t start = t->len;

	if (l->inherited)
		v6_text_str(t, "inherited: bound before this program ran");
	actions_text(t, l, start);
	if (t->len == start && has_initial(l)) {
		v6_text_str(t, "initial value of policy ");
		v6_text_str(t, v6_word(V6_LIST_POLICY, l->r.policy));
	}
	if (l->r.error && !denied) {
		part(t, start);
		v6_text_str(t, v6_word(V6_LIST_EVENT, l->r.facts.event));
		v6_text_str(t, " fails with ");
		v6_errno_text(t, l->r.error);
	}
	if (l->chosen && l->binds > 1) {
		part(t, start);
		v6_text_uint(t, l->binds);
		v6_text_str(t, " in turn, each on a port of the kernel's choice");
	}
	if (l->replaced) {
		part(t, start);
		v6_text_str(t, "its descriptor got another socket later");
	} else if (!l->r.error && !l->r.serves && l->r.facts.type != V6_TYPE_DGRAM && v6_knows_binds(p)) {
		part(t, start);
		v6_text_str(t, "has not listened");
	}
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

void v6_call_text(struct v6_text *t, const struct v6_record *r)
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
		v6_text_char(t, ' ');
		v6_text_str(t, v6_family_title(r->facts.family));
	}
	if (r->fd >= 0)
		number(t, " fd ", r->fd);
}

static void conflict_text(struct v6_text *t, const struct v6_trouble *trouble)
{
	enum v6_action action = trouble->r.verdict.action;
	bool log = trouble->r.mode == V6_MODE_LOG && action != V6_ACTION_NONE;

	if (!trouble->failed && !log) {
		v6_text_str(t, action == V6_ACTION_SPLIT   ? "resolved by a split"
			       : action == V6_ACTION_SHARE ? "resolved by sharing the port"
			       : action == V6_ACTION_YIELD
				       ? "resolved, the policy gave way"
				       : "no error, but both families have the port");
		return;
	}
	v6_text_str(t, trouble->failed ? "fails with " : "succeeds");
	if (trouble->failed)
		v6_errno_text(t, trouble->r.error);
	if (v6_trouble_succeeded(trouble))
		v6_text_str(t, ", and succeeded later");
	else if (trouble->failed)
		v6_text_str(t, ", unresolved");
	if (log) {
		v6_text_str(t, "; enforce would ");
		v6_text_str(t, v6_word(V6_LIST_ACTION, action));
	}
}

/* What came of a call that the shim may have denied. */
static void denial_text(struct v6_text *t, const struct v6_trouble *trouble)
{
	bool denied = trouble->r.verdict.action == V6_ACTION_DENY;

	if (denied && trouble->r.mode == V6_MODE_LOG) {
		v6_text_str(t, "let through; enforce would deny it");
	} else if (denied || trouble->failed) {
		v6_text_str(t, denied ? "denied with " : "fails with ");
		v6_errno_text(t, trouble->r.error);
	} else {
		v6_text_str(t, "let through");
	}
}

void v6_outcome_text(struct v6_text *t, const struct v6_trouble *trouble)
{
	switch (trouble->kind) {
	case V6_TROUBLE_CONFLICT:
		conflict_text(t, trouble);
		return;
	case V6_TROUBLE_DISORDER:
		v6_text_str(t, "out of order, ");
		break;
	case V6_TROUBLE_CONTRARY:
		number(t, "asks for V6ONLY ", trouble->r.facts.asked);
		v6_text_str(t, " against policy ");
		v6_text_str(t, v6_word(V6_LIST_POLICY, trouble->r.policy));
		v6_text_str(t, ", ");
		break;
	case V6_TROUBLE_ERROR:
		return;
	default:
		break;
	}
	denial_text(t, trouble);
	if (trouble->kind == V6_TROUBLE_FAILURE && v6_trouble_succeeded(trouble))
		v6_text_str(t, ", and succeeded later");
}

void v6_holder_text(struct v6_text *t, const struct v6_holder *h, int pid)
{
	if (!h->known)
		return;
	if (h->fd >= 0) {
		number(t, "fd ", h->fd);
		v6_text_str(t, " of this process");
	} else if (h->pid || h->program.len) {
		v6_process_text(t, h->program, h->pid);
		v6_text_str(t, h->pid == pid ? ", this process" : "");
	} else {
		v6_text_str(t, "a process that could not be seen");
	}
	if (h->address.family != V6_FAMILY_OTHER) {
		v6_text_str(t, ", ");
		v6_address_port_text(t, &h->address);
	}
	if (h->v6only != V6_UNKNOWN)
		number(t, ", V6ONLY ", h->v6only);
	if (h->uid >= 0)
		number(t, ", uid ", h->uid);
}
