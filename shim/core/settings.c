#include "settings.h"

#include <errno.h>

#include "errname.h"
#include "nearest.h"

enum kind { WORD, REACTION, RULES, CONFIG, LOG };

/* Of WORD and REACTION, `at` is where in struct v6_settings the value is: an enum or an int. */
#define AT(member)               offsetof(struct v6_settings, member)
#define KNOB(list, member, kind) kind, V6_LIST_##list, AT(knobs.member)

static const struct {
	uint8_t kind; /* enum kind */
	uint8_t list; /* enum v6_list */
	uint16_t at;
} table[V6_SETTING_COUNT] = {
	[V6_SETTING_POLICY] = {KNOB(POLICY, policy, WORD)},
	[V6_SETTING_ON_CONTRARY] = {KNOB(ON_CONTRARY, on_contrary, REACTION)},
	[V6_SETTING_ORDER] = {KNOB(ORDER, order, WORD)},
	[V6_SETTING_ON_DISORDER] = {KNOB(ON_DISORDER, on_disorder, REACTION)},
	[V6_SETTING_ON_CONFLICT] = {KNOB(ON_CONFLICT, on_conflict, WORD)},
	[V6_SETTING_ON_MAPPED] = {KNOB(ON_MAPPED, on_mapped, REACTION)},
	[V6_SETTING_ON_NONBOOLEAN] = {KNOB(ON_NONBOOLEAN, on_nonboolean, REACTION)},
	[V6_SETTING_MODE] = {KNOB(MODE, mode, WORD)},
	[V6_SETTING_PROFILE] = {WORD, V6_LIST_PROFILE, AT(profile)},
	[V6_SETTING_RULES] = {RULES, V6_LIST_NONE, 0},
	[V6_SETTING_CONFIG] = {CONFIG, V6_LIST_NONE, 0},
	[V6_SETTING_LOG] = {LOG, V6_LIST_LOG, AT(log)},
	[V6_SETTING_LOG_FORMAT] = {WORD, V6_LIST_LOG_FORMAT, AT(format)},
	[V6_SETTING_LOG_LEVEL] = {WORD, V6_LIST_LOG_LEVEL, AT(level)},
};

_Static_assert(offsetof(struct v6_settings, knobs) == 0, "an offset serves both structs");

/* Where a system's behaviour is not confirmed the value is left at its default. FACTS.md, 2. */
static const struct v6_knobs profiles[V6_PROFILE_COUNT] = {
#define P(name, default_, order_, conflict, contrary, mapped, nonboolean)                          \
	[V6_PROFILE_##name] = {.policy = V6_POLICY_DEFAULT_##default_,                             \
		.order = V6_ORDER_##order_,                                                        \
		.on_conflict = V6_ON_CONFLICT_##conflict,                                          \
		.on_contrary = (contrary),                                                         \
		.on_mapped = (mapped),                                                             \
		.on_nonboolean = (nonboolean)},
	/* clang-format off */
	P(LINUX, BOTH, IPV4_FIRST, FAIL, 0, 0, 0)
	P(FREEBSD, IPV6_ONLY, IPV6_FIRST, SHARE_IPV6, 0, EADDRNOTAVAIL, 0)
	P(NETBSD, IPV6_ONLY, IPV6_FIRST, SHARE, 0, 0, 0)
	P(OPENBSD, IPV6_ONLY, IPV4_FIRST, FAIL, EINVAL, EADDRNOTAVAIL, 0)
	P(DRAGONFLY, IPV6_ONLY, IPV6_FIRST, FAIL, EOPNOTSUPP, EADDRNOTAVAIL, 0)
	P(MACOS, BOTH, IPV4_FIRST, SHARE_IPV6, 0, EADDRNOTAVAIL, 0)
	P(ILLUMOS, BOTH, IPV6_FIRST, SHARE, 0, EADDRNOTAVAIL, EINVAL)
	P(WINDOWS, IPV6_ONLY, APP, FAIL, 0, 0, 0)
	P(QNX, IPV6_ONLY, APP, SHARE, 0, 0, 0)
	P(IBMI, BOTH, APP, FAIL, 0, 0, 0)
	P(AIX, BOTH, APP, FAIL, 0, 0, 0)
	P(BINDV6ONLY_0, BOTH, APP, FAIL, 0, 0, 0)
	P(BINDV6ONLY_1, IPV6_ONLY, APP, FAIL, 0, 0, 0)
#undef P
};
/* clang-format on */

static const char deny[] = "deny:";

/* The value of a WORD or REACTION setting: enums are unsigned here, and an errno is positive. */
static unsigned get(const void *settings, enum v6_setting id)
{
	unsigned value;

	memcpy(&value, (const char *)settings + table[id].at, sizeof(value));
	return value;
}

static void put(void *settings, enum v6_setting id, unsigned value)
{
	memcpy((char *)settings + table[id].at, &value, sizeof(value));
}

static int unknown_value(struct v6_problem *p, enum v6_setting id, struct v6_slice value)
{
	p->valid = table[id].list;
	return v6_problem_add_near(p, value, value.len ? "unknown value %q" : "no value given",
		v6_nearest_of(table[id].list, value), NULL);
}

static int unknown_errno(struct v6_problem *p, struct v6_slice name)
{
	struct v6_nearest near = v6_nearest_to(name);

	for (unsigned i = 0; v6_errname_at(i); i++)
		v6_nearest_offer(&near, v6_errname_at(i));
	return v6_problem_add_near(p, name, name.len ? "unknown errno %q%c" : "no errno given%c",
		near.word, "; a symbolic name is meant, as in deny:EPERM");
}

/* A word of the setting's list, or deny:ERRNO. */
static int set_value(
	void *settings, enum v6_setting id, struct v6_slice value, struct v6_problem *p)
{
	bool reaction = table[id].kind == REACTION;
	int number;

	if (reaction && v6_slice_begins(value, deny)) {
		value = v6_slice_from(value, strlen(deny));
		number = v6_errname_parse(value);
		if (!number)
			return unknown_errno(p, value);
	} else {
		number = v6_word_value(table[id].list, value);
		if (number < 0)
			return unknown_value(p, id, value);
	}
	put(settings, id, (unsigned)number);
	return 0;
}

static int too_long(struct v6_problem *p, struct v6_slice path)
{
	return v6_problem_add_number(p, path, "%q is longer than %n bytes", V6_PATH_SIZE - 1);
}

static int check_log_path(struct v6_slice path, struct v6_problem *p)
{
	if (path.len >= V6_PATH_SIZE)
		return too_long(p, path);
	if (path.ptr[path.len - 1] == '/')
		return v6_problem_add(p, path, "%q is a directory, a file is meant");
	for (size_t i = 0; i < path.len; i++) {
		size_t left = path.len - i;

		if (path.ptr[i] != '%')
			continue;
		if (left < 2 || (path.ptr[i + 1] != 'p' && path.ptr[i + 1] != 'n' &&
					path.ptr[i + 1] != '%'))
			return v6_problem_add(p,
				(struct v6_slice){path.ptr + i, left < 2 ? left : 2},
				"%q%c is no conversion; valid: %%p, %%n, %%%%");
		i++;
	}
	return 0;
}

static int set_log(struct v6_settings *s, struct v6_slice value, struct v6_problem *p)
{
	int word = v6_word_value(V6_LIST_LOG, value);
	uint64_t fd;

	if (word >= 0 && word < V6_LOG_FD) {
		s->log = (enum v6_log)word;
	} else if (v6_slice_begins(value, "fd:")) {
		value = v6_slice_from(value, 3);
		if (!v6_slice_uint(value, INT32_MAX, &fd))
			return v6_problem_add(p, value,
				value.len ? "%q%c is no descriptor's number"
					  : "no descriptor's number given%c");
		s->log = V6_LOG_FD;
		s->log_fd = (int)fd;
	} else if (v6_slice_begins(value, "/")) {
		if (check_log_path(value, p))
			return -1;
		s->log = V6_LOG_PATH;
		s->log_path = value;
	} else if (memchr(value.ptr, '/', value.len) || memchr(value.ptr, '.', value.len)) {
		return v6_problem_add(p, value, "%q is not an absolute path");
	} else {
		return unknown_value(p, V6_SETTING_LOG, value);
	}
	return 0;
}

static int set_config(struct v6_settings *s, struct v6_slice value, struct v6_problem *p)
{
	if (!value.len)
		return v6_problem_add(p, value, "no value given; an absolute path is meant");
	if (!v6_slice_begins(value, "/"))
		return v6_problem_add(p, value, "%q is not an absolute path");
	if (value.len >= V6_PATH_SIZE)
		return too_long(p, value);
	s->config = value;
	return 0;
}

int v6_knobs_set(
	struct v6_knobs *k, enum v6_setting id, struct v6_slice value, struct v6_problem *p)
{
	return set_value(k, id, value, p);
}

void v6_knobs_copy(struct v6_knobs *to, const struct v6_knobs *from, enum v6_setting id)
{
	put(to, id, get(from, id));
}

void v6_settings_init(struct v6_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->level = V6_LOG_LEVEL_CHANGE;
}

int v6_settings_set(struct v6_settings *s, enum v6_setting id, struct v6_slice value,
	enum v6_origin origin, struct v6_problem *p)
{
	struct v6_settings changed = *s;
	int error;

	if (table[id].kind == LOG)
		error = set_log(&changed, value, p);
	else if (table[id].kind == CONFIG)
		error = set_config(&changed, value, p);
	else
		error = set_value(&changed, id, value, p);
	if (error || origin < s->origin[id])
		return error;
	changed.origin[id] = origin;
	*s = changed;
	return 0;
}

void v6_settings_finish(struct v6_settings *s)
{
	const struct v6_knobs *profile = v6_profile_knobs(s->profile);

	for (unsigned id = 0; id < V6_KNOBS; id++) {
		if (s->origin[id] != V6_ORIGIN_DEFAULT || !get(profile, id))
			continue;
		put(s, id, get(profile, id));
		s->origin[id] = V6_ORIGIN_PROFILE;
	}
	if (s->log != V6_LOG_PATH)
		return;
	/* So that a log in a file can be reported on. */
	if (s->origin[V6_SETTING_LOG_FORMAT] == V6_ORIGIN_DEFAULT)
		s->format = V6_LOG_FORMAT_JSON;
	if (s->origin[V6_SETTING_LOG_LEVEL] == V6_ORIGIN_DEFAULT)
		s->level = V6_LOG_LEVEL_BIND;
}

enum v6_list v6_setting_list(enum v6_setting id)
{
	return (enum v6_list)table[id].list;
}

void v6_knobs_value(struct v6_text *t, const struct v6_knobs *knobs, enum v6_setting id)
{
	unsigned value = get(knobs, id);

	if (table[id].kind == REACTION && value) {
		v6_text_print(t, "%s%s", deny, v6_errname((int)value));
	} else {
		v6_text_str(t, v6_word(table[id].list, value));
	}
}

void v6_setting_value(struct v6_text *t, const struct v6_settings *s, enum v6_setting id)
{
	struct v6_slice none = v6_slice_of("none");

	if (id < V6_KNOBS) {
		v6_knobs_value(t, &s->knobs, id);
	} else if (id == V6_SETTING_CONFIG) {
		v6_text_print(t, "%.*s", V6_SLICE(s->config.len ? s->config : none));
	} else if (id == V6_SETTING_RULES) {
		v6_text_str(t, "none");
	} else if (id == V6_SETTING_LOG && s->log == V6_LOG_PATH) {
		v6_text_print(t, "%.*s", V6_SLICE(s->log_path));
	} else if (id == V6_SETTING_LOG && s->log == V6_LOG_FD) {
		v6_text_print(t, "fd:%d", s->log_fd);
	} else {
		v6_text_str(t, v6_word(table[id].list, get(s, id)));
	}
}

const struct v6_knobs *v6_profile_knobs(enum v6_profile profile)
{
	return &profiles[profile];
}

void v6_profile_text(struct v6_text *t, enum v6_profile profile)
{
	const char *blank = "";

	for (unsigned id = 0; id < V6_KNOBS; id++) {
		if (!get(&profiles[profile], id))
			continue;
		v6_text_print(t, "%s%s=", blank, v6_setting_name(id));
		v6_knobs_value(t, &profiles[profile], id);
		blank = " ";
	}
}
