#include "configure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "emit.h"
#include "raw.h"
#include "sink.h"
#include "start.h"

#include "forbidden.h"

enum { KEPT = 4, MESSAGE_SIZE = 768, SEVERITY_ERROR = 3 };

static char kept[KEPT][MESSAGE_SIZE];
static unsigned problems;

static char file_text[V6_CONFIG_FILE_MAX + 1];

/*
 * A call from an IFUNC resolver or from DT_PREINIT_ARRAY comes before glibc has set
 * environ, which is NULL until then, and would find no setting at all.
 */
static char **environment(void)
{
	return environ ? environ : v6_start_environment();
}

/* "v6shim: MESSAGE" on standard error. */
static void complain(const char *message)
{
	char buf[V6_SINK_HEADROOM + MESSAGE_SIZE + 16];
	struct v6_text t = v6_text_in(buf + V6_SINK_HEADROOM, sizeof(buf) - V6_SINK_HEADROOM);

	v6_text_str(&t, "v6shim: ");
	v6_text_str(&t, message);
	v6_text_char(&t, '\n');
	v6_sink_complain(t.buf, t.len, SEVERITY_ERROR);
}

static void tell(const struct v6_problem *problem, enum v6_spelling spelling)
{
	char *message = kept[problems < KEPT ? problems : KEPT - 1];
	struct v6_text t = v6_text_in(message, MESSAGE_SIZE);

	v6_problem_text(&t, problem, spelling);
	complain(message);
	problems++;
}

static void tell_of_file(const struct v6_problem *problem, struct v6_slice line, void *context)
{
	(void)line;
	(void)context;
	tell(problem, V6_SPELL_NAME);
}

/* One "NAME=VALUE", which is judged where the name is ours. */
static void take(struct v6_config *config, const char *entry)
{
	const char *equals = strchr(entry, '=');
	struct v6_slice name = {entry, equals ? (size_t)(equals - entry) : 0};
	struct v6_problem problem = {
		.kind = V6_PROBLEM_UNKNOWN_SETTING, .setting = V6_SETTING_COUNT, .text = name};
	enum v6_setting id;

	if (!v6_setting_env_ours(name))
		return;
	id = v6_setting_by_env_name(name);
	if (id == V6_SETTING_COUNT ||
		v6_config_set(config, id, v6_slice_of(equals + 1), V6_ORIGIN_ENVIRONMENT, &problem))
		tell(&problem, V6_SPELL_ENV);
}

static void tell_unreadable(struct v6_slice path, enum v6_problem_kind kind, int error)
{
	struct v6_problem problem = {.kind = kind,
		.setting = V6_SETTING_COUNT,
		.file = path,
		.limit = V6_CONFIG_FILE_MAX,
		.error = error};

	tell(&problem, V6_SPELL_NAME);
}

/* The whole file, or what is wrong with it; -1 then. */
static ssize_t read_file(struct v6_slice path)
{
	char name[V6_PATH_SIZE];
	struct stat st;
	size_t len = 0;
	ssize_t n;
	int fd;

	memcpy(name, path.ptr, path.len);
	name[path.len] = '\0';
	/* Not waiting for the writer of a FIFO: with signals held back nothing could end it. */
	fd = v6_raw_open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0) {
		tell_unreadable(path, V6_PROBLEM_FILE, -fd);
		return -1;
	}
	/* What a pipe held is gone once it was read, and it may be read too early. */
	if (v6_raw_fstat(fd, &st) >= 0 && S_ISFIFO(st.st_mode)) {
		v6_raw_close(fd);
		tell_unreadable(path, V6_PROBLEM_FILE_PIPE, 0);
		return -1;
	}
	do {
		n = v6_raw_read(fd, file_text + len, sizeof(file_text) - len);
		len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && len < sizeof(file_text)) || n == -EINTR);
	v6_raw_close(fd);
	if (n < 0) {
		tell_unreadable(path, V6_PROBLEM_FILE, (int)-n);
		return -1;
	}
	if (len == sizeof(file_text)) {
		tell_unreadable(path, V6_PROBLEM_FILE_SIZE, 0);
		return -1;
	}
	return (ssize_t)len;
}

static void take_file(struct v6_config *config)
{
	struct v6_slice path = config->settings.config;
	ssize_t len;

	if (!path.len)
		return;
	len = read_file(path);
	if (len >= 0)
		v6_config_file(config, path, (struct v6_slice){file_text, (size_t)len},
			tell_of_file, NULL);
}

unsigned v6_configure(struct v6_config *config)
{
	v6_config_init(config);
	for (char **e = environment(); e && *e; e++)
		take(config, *e);
	take_file(config);
	v6_settings_finish(&config->settings);
	if (problems)
		complain("every bind and listen on IPv4 and IPv6 fails with EINVAL until this is "
			 "mended");
	return problems;
}

void v6_configure_record(void)
{
	for (unsigned i = 0; i < problems && i < KEPT; i++) {
		struct v6_record r;

		v6_record_init(&r, V6_EVENT_ERROR);
		r.note = v6_slice_of(kept[i]);
		v6_emit(&r);
	}
}

struct v6_slice v6_configure_environment(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environment(); e && *e; e++)
		if (!strncmp(*e, name, n) && (*e)[n] == '=')
			return v6_slice_of(*e + n + 1);
	return v6_slice_of("");
}
