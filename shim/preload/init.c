/*
 * How the library comes to its settings: once in a process, by the constructor
 * or by a call that arrived before it.
 */
#include "emit.h"
#include "inherit.h"
#include "live.h"
#include "next.h"
#include "raw.h"
#include "sink.h"

#include "../core/version.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "forbidden.h"

extern char **environ;

struct v6_live v6_live;
atomic_int v6_live_state;

__attribute__((used)) static const char marker[] = V6_MARKER V6_VERSION;

enum { PROGRAM_SIZE = 256, COMPLAINT_SIZE = 768 };

static char program_text[PROGRAM_SIZE];
static char log_path_text[V6_PATH_SIZE];

static struct v6_slice base_name(const char *path, size_t len)
{
	size_t start = len;

	while (start && path[start - 1] != '/')
		start--;
	return (struct v6_slice){path + start, len - start};
}

static bool begins(const char *str, const char *with)
{
	return !strncmp(str, with, strlen(with));
}

/*
 * The name it was executed by: a script's own rather than its interpreter's, an
 * applet's rather than busybox's. fexecve(3) leaves a name that says nothing;
 * then it is the file's. Copied, for servers write their titles over both.
 */
static void find_program(struct v6_live *live)
{
	const char *path = (const char *)(uintptr_t)getauxval(AT_EXECFN);
	char exe[PROGRAM_SIZE];
	struct v6_slice name;
	ssize_t n;

	if (path && !begins(path, "/dev/fd/") && !begins(path, "/proc/self/fd/")) {
		name = base_name(path, strlen(path));
	} else {
		n = v6_raw_readlink("/proc/self/exe", exe, sizeof(exe));
		name = base_name(exe, n > 0 ? (size_t)n : 0);
	}
	if (name.len > sizeof(program_text))
		name.len = sizeof(program_text);
	memcpy(program_text, name.ptr, name.len);
	live->program = (struct v6_slice){program_text, name.len};
}

static struct v6_slice until(const char *str, char end)
{
	size_t n = 0;

	while (str[n] && str[n] != end)
		n++;
	return (struct v6_slice){str, n};
}

/* Judges one "NAME=VALUE"; false where it is ours and wrong. */
static bool take(struct v6_settings *settings, const char *entry, struct v6_problem *problem)
{
	struct v6_slice name = until(entry, '='), value;
	enum v6_setting id;

	if (!v6_setting_env_ours(name) || entry[name.len] != '=')
		return true;
	id = v6_setting_by_env_name(name);
	if (id == V6_SETTING_COUNT) {
		problem->kind = V6_PROBLEM_UNKNOWN_SETTING;
		problem->setting = id;
		problem->text = name;
		return false;
	}
	value.ptr = entry + name.len + 1;
	value.len = strlen(value.ptr);
	return !v6_settings_set(settings, id, value, V6_ORIGIN_ENVIRONMENT, problem);
}

typedef void (*complaint)(struct v6_text *text);

/* Hands every problem of the environment to `tell`; how many there are. */
static unsigned judge(struct v6_settings *settings, complaint tell)
{
	unsigned problems = 0;

	for (char **e = environ; e && *e; e++) {
		struct v6_problem problem;
		char buf[V6_SINK_HEADROOM + COMPLAINT_SIZE];
		struct v6_text t = v6_text_in(buf + V6_SINK_HEADROOM, COMPLAINT_SIZE);

		if (take(settings, *e, &problem))
			continue;
		problems++;
		v6_problem_text(&t, &problem, V6_SPELL_ENV);
		if (tell)
			tell(&t);
	}
	return problems;
}

enum { SEVERITY_ERROR = 3 };

static void complain(struct v6_text *problem)
{
	char buf[V6_SINK_HEADROOM + COMPLAINT_SIZE + 16];
	struct v6_text t = v6_text_in(buf + V6_SINK_HEADROOM, sizeof(buf) - V6_SINK_HEADROOM);

	v6_text_str(&t, "v6shim: ");
	v6_text_bytes(&t, problem->buf, problem->len);
	v6_text_char(&t, '\n');
	v6_sink_complain(t.buf, t.len, SEVERITY_ERROR);
}

static void record(struct v6_text *problem)
{
	struct v6_record r;

	v6_record_init(&r, V6_EVENT_ERROR);
	r.note = (struct v6_slice){problem->buf, problem->len};
	v6_emit(&r);
}

static struct v6_slice environment(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return (struct v6_slice){*e + n + 1, strlen(*e + n + 1)};
	return (struct v6_slice){"", 0};
}

/* What the settings ask of each call, told once. */
static void derive(struct v6_live *live)
{
	const struct v6_knobs *k = &live->settings.knobs;

	live->logging = live->settings.log != V6_LOG_OFF;
	live->forced = v6_policy_forced(k->policy);
	live->watch_socket = (k->policy != V6_POLICY_APP && !live->forced) ||
			     (live->logging && live->settings.level >= V6_LEVEL_ALL);
	live->watch_v6only = live->logging || live->forced || k->on_contrary;
	live->ordered = k->order != V6_ORDER_APP;
	live->watch_bind = live->logging || live->forced || live->ordered ||
			   k->on_conflict != V6_CONFLICT_FAIL;
	live->watch_passive =
		live->ordered || (live->logging && live->settings.level >= V6_LEVEL_BIND);
	if (live->settings.log == V6_LOG_PATH) {
		memcpy(log_path_text, live->settings.log_path.ptr, live->settings.log_path.len);
		live->settings.log_path.ptr = log_path_text;
	}
}

static void refuse_all(struct v6_live *live)
{
	static const char rest[] =
		"every bind and listen on IPv4 and IPv6 fails with EINVAL until this is mended";
	char buf[V6_SINK_HEADROOM + COMPLAINT_SIZE];
	struct v6_text t = v6_text_in(buf + V6_SINK_HEADROOM, COMPLAINT_SIZE);
	struct v6_settings spare;

	live->broken = live->watch_bind = true;
	v6_settings_init(&spare);
	judge(&spare, complain);
	if (live->settings.log != V6_LOG_STDERR)
		judge(&spare, record);
	v6_text_str(&t, rest);
	complain(&t);
}

static void settle(struct v6_live *live)
{
	unsigned problems;

	live->pid = v6_raw_getpid();
	v6_settings_init(&live->settings);
	if (getauxval(AT_SECURE)) {
		live->inert = true;
		live->settings.log = V6_LOG_OFF;
		return;
	}
	find_program(live);
	problems = judge(&live->settings, NULL);
	derive(live);
	v6_sink_open(live, environment("JOURNAL_STREAM"));
	if (problems)
		refuse_all(live);
}

void v6_live_settle(void)
{
	enum { TRIES = 100000, PAUSE = 50, SETTLED = 1 };
	uint64_t mask;

	/* With signals held back no handler of this thread can wait for this thread. */
	mask = v6_raw_block_signals(UINT64_MAX);
	for (int i = 0; i < TRIES; i++) {
		int pid = v6_raw_getpid(), seen = atomic_load(&v6_live_state);

		if (seen == SETTLED)
			break;
		/* A child of fork may find it begun by a thread that it does not have. */
		if (seen != -pid && atomic_compare_exchange_strong(&v6_live_state, &seen, -pid)) {
			settle(&v6_live);
			atomic_store_explicit(&v6_live_state, SETTLED, memory_order_release);
			break;
		}
		v6_raw_sleep_microseconds(PAUSE);
	}
	v6_raw_restore_signals(mask);
}

__attribute__((constructor)) static void come_to_life(void)
{
	v6_live_need();
	v6_next_resolve();
	v6_emit_load();
	v6_inherit_tell();
}
