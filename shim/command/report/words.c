#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../core/errname.h"
#include "../../core/policy.h"
#include "../memory.h"
#include "reader.h"
#include "report.h"

void v6_text_printf(struct v6_text *t, const char *format, ...)
{
	char buf[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buf, sizeof(buf), format, arguments);
	va_end(arguments);
	v6_text_str(t, buf);
}

void v6_process_text(struct v6_text *t, struct v6_slice program, int pid)
{
	v6_text_safe(t, program.len ? program.ptr : "?", program.len ? program.len : 1);
	v6_text_printf(t, "[%d]", pid);
}

static const char *policy_word(enum v6_policy policy)
{
	return v6_word(V6_LIST_POLICY, policy);
}

/* What decides about calls. */
void v6_settings_text(struct v6_text *t, const struct v6_process *p)
{
	struct v6_read_setting settings[V6_SETTING_COUNT];
	char *scratch = v6_resize(NULL, p->settings.len);
	bool told = v6_read_settings(settings, p->settings, scratch);

	if (!told || !settings[V6_SETTING_POLICY].value.ptr)
		settings[V6_SETTING_POLICY].value =
			v6_slice_of(told ? "app" : policy_word(p->policy));
	for (unsigned id = 0; id < V6_SETTING_LOG; id++) {
		struct v6_slice value = settings[id].value;
		bool rules = id == V6_SETTING_RULES;

		if (!value.ptr)
			continue;
		v6_text_printf(t, "%s%s%s", id ? ", " : "", rules ? "" : v6_setting_name(id),
			rules ? "" : " ");
		v6_text_safe(t, value.ptr, value.len);
		if (rules)
			v6_text_str(t, v6_slice_is(value, "1") ? " rule" : " rules");
	}
	if (!told)
		v6_text_printf(t, "%s (this log does not have the other settings)",
			p->mode == V6_MODE_LOG ? ", mode log" : "");
	free(scratch);
}

bool v6_knows_binds(const struct v6_process *p)
{
	return p->level >= V6_LOG_LEVEL_BIND;
}

/* "; " between what is there since `start` and what comes. */
static const char *separator(const struct v6_text *t, size_t start)
{
	return t->len > start ? "; " : "";
}

static void action_text(struct v6_text *t, const struct v6_record *r, enum v6_action action)
{
	bool log = r->mode == V6_MODE_LOG;

	v6_text_printf(t, "%s%s", log ? "would " : "", v6_word(V6_LIST_ACTION, action));
	switch (action) {
	case V6_ACTION_SET:
		if (log)
			v6_text_printf(t, " V6ONLY %d", v6_policy_value(r->policy));
		v6_text_printf(t, ": policy %s", policy_word(r->policy));
		break;
	case V6_ACTION_OVERRIDE:
		v6_text_printf(t, ": the application asked for %s",
			r->facts.asked == 1 ? "IPv6 alone" : "dual-stack");
		break;
	case V6_ACTION_DENY:
		v6_text_str(t, r->error ? ": " : "");
		if (r->error)
			v6_errno_text(t, r->error);
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

/* The socket still has the value that a default-* policy gave it at socket(). */
static bool has_initial(const struct v6_listener *l)
{
	int value = v6_policy_value(l->r.policy);

	return value != V6_UNKNOWN && !v6_policy_forced(l->r.policy) &&
	       l->r.mode == V6_MODE_ENFORCE && l->r.facts.asked == V6_UNKNOWN &&
	       l->r.after == value && !l->inherited;
}

void v6_listener_text(struct v6_text *t, const struct v6_process *p, const struct v6_listener *l)
{
	bool denied = l->actions >> V6_ACTION_DENY & 1 && l->r.mode == V6_MODE_ENFORCE;
	size_t start = t->len;

	if (l->inherited)
		v6_text_str(t, "inherited: bound before this program ran");
	for (unsigned action = 0; l->actions >> action; action++) {
		if (!(l->actions >> action & 1))
			continue;
		v6_text_str(t, separator(t, start));
		action_text(t, &l->r, action);
	}
	if (l->actions && l->r.rule)
		v6_text_printf(t, " (rule %u)", l->r.rule);
	if (t->len == start && has_initial(l))
		v6_text_printf(t, "initial value of policy %s", policy_word(l->r.policy));
	if (l->r.error && !denied) {
		v6_text_printf(t, "%s%s fails with ", separator(t, start),
			v6_word(V6_LIST_EVENT, l->r.facts.event));
		v6_errno_text(t, l->r.error);
	}
	if (l->chosen && l->binds > 1)
		v6_text_printf(t, "%s%u in turn, each on a port of the kernel's choice",
			separator(t, start), l->binds);
	if (l->replaced)
		v6_text_printf(t, "%sits descriptor got another socket later", separator(t, start));
	else if (!l->r.error && !l->r.serves && l->r.facts.type != V6_TYPE_DGRAM &&
		 v6_knows_binds(p))
		v6_text_printf(t, "%shas not listened", separator(t, start));
	if (t->len == start)
		v6_text_char(t, '-');
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
	v6_text_str(t, v6_trouble_succeeded(trouble) ? ", and succeeded later"
		       : trouble->failed             ? ", unresolved"
						     : "");
	if (log)
		v6_text_printf(t, "; enforce would %s", v6_word(V6_LIST_ACTION, action));
}

void v6_outcome_text(struct v6_text *t, const struct v6_trouble *trouble)
{
	const struct v6_record *r = &trouble->r;
	bool denied = r->verdict.action == V6_ACTION_DENY;

	if (trouble->kind == V6_TROUBLE_CONFLICT)
		conflict_text(t, trouble);
	if (trouble->kind == V6_TROUBLE_CONFLICT || trouble->kind == V6_TROUBLE_ERROR)
		return;
	if (trouble->kind == V6_TROUBLE_DISORDER)
		v6_text_str(t, "out of order, ");
	if (trouble->kind == V6_TROUBLE_CONTRARY)
		v6_text_printf(t, "asks for V6ONLY %d against policy %s, ", r->facts.asked,
			policy_word(r->policy));
	if (denied && r->mode == V6_MODE_LOG) {
		v6_text_str(t, "let through; enforce would deny it");
	} else if (denied || trouble->failed) {
		v6_text_str(t, denied ? "denied with " : "fails with ");
		v6_errno_text(t, r->error);
	} else {
		v6_text_str(t, "let through");
	}
	if (trouble->kind == V6_TROUBLE_FAILURE && v6_trouble_succeeded(trouble))
		v6_text_str(t, ", and succeeded later");
}

void v6_holder_text(struct v6_text *t, const struct v6_holder *h, int pid)
{
	if (!h->known)
		return;
	if (h->fd >= 0)
		v6_text_printf(t, "fd %d of this process", h->fd);
	else if (h->pid || h->program.len)
		v6_process_text(t, h->program, h->pid);
	else
		v6_text_str(t, "a process that could not be seen");
	v6_text_str(t, h->fd < 0 && h->pid && h->pid == pid ? ", this process" : "");
	v6_text_str(t, h->address.family != V6_FAMILY_OTHER ? ", " : "");
	v6_address_port_text(t, &h->address);
	if (h->v6only != V6_UNKNOWN)
		v6_text_printf(t, ", V6ONLY %d", h->v6only);
	if (h->uid >= 0)
		v6_text_printf(t, ", uid %lld", (long long)h->uid);
}
