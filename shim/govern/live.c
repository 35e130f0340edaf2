#include "live.h"

#include <errno.h>

#include "sys.h"

#include "forbidden.h"

/* ---- reading it */

static char file_text[V6_CONFIG_FILE_MAX + 1];

/* One "NAME=VALUE", which is judged where the name is ours. */
static unsigned add_variable(struct v6_config *config, const char *entry, struct v6_slice *options,
	v6_config_print *print, void *context)
{
	struct v6_slice value = v6_slice_of(entry), name = v6_slice_cut(&value, '=');
	struct v6_problem p = {.origin = V6_ORIGIN_ENVIRONMENT,
		.setting = V6_SETTING_COUNT,
		.start = name.ptr,
		.text = name};
	enum v6_setting id;

	if (v6_slice_is(name, V6_OPTIONS_VARIABLE))
		*options = value;
	if (!v6_setting_env_ours(name))
		return 0;
	id = v6_setting_by_env_name(name);
	if (id != V6_SETTING_COUNT && !v6_config_set(config, id, value, V6_ORIGIN_ENVIRONMENT, &p))
		return 0;
	print(&p, context);
	return 1;
}

/* What the file says, where one is named, or what is wrong with that. */
static unsigned add_file(struct v6_config *config, v6_config_print *print, void *context)
{
	const struct v6_slice path = config->settings.config;
	struct v6_problem p = {.origin = config->settings.origin[V6_SETTING_CONFIG],
		.setting = V6_SETTING_COUNT,
		.file = path};
	char name[V6_PATH_SIZE];
	struct stat st;
	size_t len = 0;
	ssize_t n;
	bool pipe;
	int fd;

	if (!path.len)
		return 0;
	memcpy(name, path.ptr, path.len);
	name[path.len] = '\0';
	/* What a pipe held is gone once it was read, and it may be read too early. */
	pipe = v6_sys_stat(name, &st) >= 0 && S_ISFIFO(st.st_mode);
	/* Not waiting for anybody: with signals held back nothing could end it. */
	fd = pipe ? -1 : v6_sys_open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	n = fd;
	while (fd >= 0 && len < sizeof(file_text)) {
		n = v6_sys_read(fd, file_text + len, sizeof(file_text) - len);
		if (n <= 0 && n != -EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	v6_sys_close(fd);
	if (fd >= 0 && n >= 0 && len < sizeof(file_text))
		return v6_config_file(
			config, path, (struct v6_slice){file_text, len}, print, context);
	p.text = path;
	p.reason.number = V6_CONFIG_FILE_MAX;
	p.reason.words = pipe    ? "is a pipe; a file is meant, for each program reads it anew"
			 : n < 0 ? "cannot be read"
				 : "larger than %n bytes";
	if (n < 0 && !pipe)
		p.reason.otherwise = v6_errno_words((int)-n);
	print(&p, context);
	return 1;
}

unsigned v6_configure(
	struct v6_config *config, char **environment, v6_config_print *print, void *context)
{
	struct v6_slice options = v6_slice_of("");
	enum v6_origin *origin = config->settings.origin;
	unsigned problems = 0;

	for (char **e = environment; e && *e; e++)
		problems += add_variable(config, *e, &options, print, context);
	while (options.len) {
		enum v6_setting id = v6_setting_by_name(v6_slice_cut(&options, ','));

		if (id != V6_SETTING_COUNT && origin[id] == V6_ORIGIN_ENVIRONMENT)
			origin[id] = V6_ORIGIN_OPTION;
	}
	problems += add_file(config, print, context);
	v6_settings_finish(&config->settings);
	return problems;
}

/* ---- what it comes to */

static struct v6_config config_memory;

struct v6_live v6_live = {.config = &config_memory};

void v6_live_caller(const struct v6_config *config, struct v6_caller *who,
	const struct v6_slice *name, unsigned n)
{
	for (unsigned i = 0; i < config->rules.count; i++)
		for (unsigned k = 0; k < n; k++)
			if (v6_rule_program(&config->rules.rule[i], name[k]))
				who->rules[i / 32] |= UINT32_C(1) << i % 32;
}

static void watch(enum v6_event event, bool watched)
{
	v6_live.watch |= (unsigned)watched << event;
}

static void watch_knobs(const struct v6_knobs *k)
{
	bool forced = v6_policy_forced(k->policy), ordered = k->order != V6_ORDER_APP;
	/* Where the policy clears V6ONLY it may have to yield, but to what asked for 0 itself. */
	bool clears = v6_policy_value(k->policy) == 0;
	bool binds = forced || ordered || clears || k->on_mapped ||
		     k->on_conflict != V6_ON_CONFLICT_FAIL;

	v6_live.judged |= forced || ordered;
	v6_live.acts |= k->mode == V6_MODE_ENFORCE && (forced || ordered);
	v6_live.mapped |= k->on_mapped != 0;
	watch(V6_EVENT_SOCKET, v6_policy_needs(k, V6_EVENT_SOCKET, NULL));
	/* What is asked for is remembered. */
	watch(V6_EVENT_SETSOCKOPT,
		forced || clears || v6_policy_needs(k, V6_EVENT_SETSOCKOPT, NULL));
	watch(V6_EVENT_BIND, binds);
	watch(V6_EVENT_LISTEN, binds);
	watch(V6_EVENT_GETADDRINFO, ordered);
}

void v6_live_init(struct v6_config *config, bool broken, const struct v6_caller *who)
{
	const struct v6_settings *s = &config->settings;
	struct v6_rules *rules = &config->rules;
	bool logging = s->log != V6_LOG_OFF;

	v6_live.config = config;
	v6_live.broken = broken;
	v6_live.logging = logging;
	watch(V6_EVENT_SOCKET, logging && s->level >= V6_LOG_LEVEL_ALL);
	watch(V6_EVENT_SETSOCKOPT, logging);
	watch(V6_EVENT_BIND, logging || broken);
	watch(V6_EVENT_LISTEN, logging || broken);
	watch(V6_EVENT_GETADDRINFO, logging && s->level >= V6_LOG_LEVEL_BIND);
	watch_knobs(&s->knobs);
	for (unsigned i = 0; i < rules->count; i++) {
		struct v6_rule *r = &rules->rule[i];

		r->knobs = v6_knobs_over(&s->knobs, &r->knobs, r->sets);
		if (who && !(who->rules[i / 32] >> i % 32 & 1))
			continue;
		watch_knobs(&r->knobs);
		v6_live.ported |= r->ports != 0;
	}
	v6_live.judged |= v6_live.ported;
}
