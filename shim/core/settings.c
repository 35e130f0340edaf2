#include "settings.h"

#include <errno.h>

#define AT(member) offsetof(struct v6_settings, member)

static const struct {
	uint8_t list;  /* enum v6_list; NONE: a text, with a place of its own */
	bool reaction; /* deny:ERRNO is a value */
	uint16_t at;   /* of the value in struct v6_settings: an enum or an int */
} table[V6_SETTING_COUNT] = {
	[V6_SETTING_POLICY] = {V6_LIST_POLICY, false, AT(knobs.policy)},
	[V6_SETTING_ON_CONTRARY] = {V6_LIST_ON_CONTRARY, true, AT(knobs.on_contrary)},
	[V6_SETTING_ORDER] = {V6_LIST_ORDER, false, AT(knobs.order)},
	[V6_SETTING_ON_DISORDER] = {V6_LIST_ON_DISORDER, true, AT(knobs.on_disorder)},
	[V6_SETTING_ON_CONFLICT] = {V6_LIST_ON_CONFLICT, false, AT(knobs.on_conflict)},
	[V6_SETTING_ON_MAPPED] = {V6_LIST_ON_MAPPED, true, AT(knobs.on_mapped)},
	[V6_SETTING_ON_NONBOOLEAN] = {V6_LIST_ON_NONBOOLEAN, true, AT(knobs.on_nonboolean)},
	[V6_SETTING_MODE] = {V6_LIST_MODE, false, AT(knobs.mode)},
	[V6_SETTING_PROFILE] = {V6_LIST_PROFILE, false, AT(profile)},
	[V6_SETTING_LOG] = {V6_LIST_LOG, false, AT(log)},
	[V6_SETTING_LOG_FORMAT] = {V6_LIST_LOG_FORMAT, false, AT(format)},
	[V6_SETTING_LOG_LEVEL] = {V6_LIST_LOG_LEVEL, false, AT(level)},
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

/* The value of a word or a reaction: enums are unsigned here, and an errno is positive. */
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

int v6_knobs_set(void *settings, enum v6_setting id, struct v6_slice value, struct v6_problem *p)
{
	bool denies = table[id].reaction && v6_slice_begins(value, deny);
	enum v6_list list = denies ? V6_LIST_ERRNO : (enum v6_list)table[id].list;
	struct v6_slice word = v6_slice_from(value, denies ? strlen(deny) : 0);
	const char *near;
	int number = v6_word_value(list, word);

	if (number >= 0) {
		put(settings, id, (unsigned)number);
		return 0;
	}
	near = v6_nearest_of(list, word);
	if (denies)
		return v6_problem_add(p, word, word.len ? "unknown errno %q%c" : "no errno given%c",
			.near = near, .otherwise = "; a symbolic name is meant, as in deny:EPERM");
	return v6_problem_add(p, word, word.len ? "unknown value %q" : "no value given",
		.near = near, .valid = list);
}

static int check_path(struct v6_slice path, struct v6_problem *p)
{
	if (!v6_slice_begins(path, "/"))
		return v6_problem_add(p, path, "%q is not an absolute path");
	if (path.len >= V6_PATH_SIZE)
		return v6_problem_add(
			p, path, "%q is longer than %n bytes", .number = V6_PATH_SIZE - 1);
	return 0;
}

static int check_log_path(struct v6_slice path, struct v6_problem *p)
{
	static const char conversions[] = {'p', 'n', '%'};
	const char *end = path.ptr + path.len;

	if (check_path(path, p))
		return -1;
	if (end[-1] == '/')
		return v6_problem_add(p, path, "%q is a directory, a file is meant");
	for (const char *c = path.ptr; (c = memchr(c, '%', (size_t)(end - c))); c += 2)
		if (end - c < 2 || !memchr(conversions, c[1], sizeof(conversions)))
			return v6_problem_add(p, ((struct v6_slice){c, end - c < 2 ? 1 : 2}),
				"%q%c is no conversion; valid: %%p, %%n, %%%%");
	return 0;
}

static int set_log(struct v6_settings *s, struct v6_slice value, struct v6_problem *p)
{
	uint64_t fd;

	if (v6_slice_begins(value, "fd:")) {
		value = v6_slice_from(value, 3);
		if (!v6_slice_uint(value, INT32_MAX, &fd))
			return v6_problem_add(p, value,
				value.len ? "%q%c is no descriptor's number"
					  : "no descriptor's number given%c");
		s->log = V6_LOG_FD;
		s->log_fd = (int)fd;
		return 0;
	}
	if (!memchr(value.ptr, '/', value.len) && !memchr(value.ptr, '.', value.len))
		return v6_knobs_set(s, V6_SETTING_LOG, value, p);
	s->log = V6_LOG_PATH;
	s->log_path = value;
	return check_log_path(value, p);
}

static int set_config(struct v6_settings *s, struct v6_slice value, struct v6_problem *p)
{
	s->config = value;
	return value.len ? check_path(value, p)
			 : v6_problem_add(p, value, "no value given; an absolute path is meant");
}

struct v6_knobs v6_knobs_over(
	const struct v6_knobs *base, const struct v6_knobs *knobs, unsigned sets)
{
	struct v6_knobs both = *base;

	for (unsigned id = 0; sets >> id; id++)
		if (sets >> id & 1)
			put(&both, id, get(knobs, id));
	return both;
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
	int error = id == V6_SETTING_LOG      ? set_log(&changed, value, p)
		    : id == V6_SETTING_CONFIG ? set_config(&changed, value, p)
					      : v6_knobs_set(&changed, id, value, p);

	if (error || origin < s->origin[id])
		return error;
	changed.origin[id] = origin;
	*s = changed;
	return 0;
}

void v6_settings_finish(struct v6_settings *s)
{
	const struct v6_knobs *profile = &profiles[s->profile];

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

static void knobs_value(struct v6_text *t, const void *settings, enum v6_setting id)
{
	unsigned value = get(settings, id);
	bool denies = table[id].reaction && value;

	v6_text_print(t, "%s%s", denies ? deny : "",
		v6_word(denies ? V6_LIST_ERRNO : (enum v6_list)table[id].list, value));
}

const struct v6_slice *v6_setting_path(const struct v6_settings *s, enum v6_setting id)
{
	return id == V6_SETTING_LOG && s->log == V6_LOG_PATH ? &s->log_path
	       : id == V6_SETTING_CONFIG && s->config.len    ? &s->config
							     : NULL;
}

void v6_setting_value(struct v6_text *t, const struct v6_settings *s, enum v6_setting id)
{
	const struct v6_slice *path = v6_setting_path(s, id);

	if (path)
		v6_text_print(t, "%.*s", V6_SLICE(*path));
	else if (id == V6_SETTING_LOG && s->log == V6_LOG_FD)
		v6_text_print(t, "fd:%d", s->log_fd);
	else if (table[id].list == V6_LIST_NONE)
		v6_text_str(t, "none");
	else
		knobs_value(t, s, id);
}

void v6_knobs_text(struct v6_text *t, const struct v6_knobs *knobs, unsigned sets)
{
	for (unsigned id = 0; sets >> id; id++) {
		if (!(sets >> id & 1))
			continue;
		v6_text_print(t, "%s=", v6_setting_name(id));
		knobs_value(t, knobs, id);
		v6_text_str(t, sets >> id > 1 ? " " : "");
	}
}

void v6_profile_text(struct v6_text *t, enum v6_profile profile)
{
	unsigned sets = 0;

	for (unsigned id = 0; id < V6_KNOBS; id++)
		sets |= (unsigned)(get(&profiles[profile], id) != 0) << id;
	v6_knobs_text(t, &profiles[profile], sets);
}
