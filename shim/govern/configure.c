#include "configure.h"

#include <errno.h>
#include <fcntl.h>

#include "sys.h"

#include "forbidden.h"

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

/* The whole file, or what is wrong with it; -1 then. */
static ssize_t read_file(struct v6_slice path, struct v6_problem *p)
{
	char name[V6_PATH_SIZE];
	struct stat st;
	size_t len = 0;
	ssize_t n;
	int fd;

	memcpy(name, path.ptr, path.len);
	name[path.len] = '\0';
	/* Not waiting for the writer of a FIFO: with signals held back nothing could end it. */
	fd = v6_sys_open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0)
		return v6_problem_add(p, path, "cannot be read", .otherwise = v6_errno_words(-fd));
	/* What a pipe held is gone once it was read, and it may be read too early. */
	if (v6_sys_fstat(fd, &st) >= 0 && S_ISFIFO(st.st_mode)) {
		v6_sys_close(fd);
		return v6_problem_add(
			p, path, "is a pipe; a file is meant, for each program reads it anew");
	}
	do {
		n = v6_sys_read(fd, file_text + len, sizeof(file_text) - len);
		len += n > 0 ? (size_t)n : 0;
	} while ((n > 0 && len < sizeof(file_text)) || n == -EINTR);
	v6_sys_close(fd);
	if (n < 0)
		return v6_problem_add(
			p, path, "cannot be read", .otherwise = v6_errno_words((int)-n));
	if (len == sizeof(file_text))
		return v6_problem_add(
			p, path, "larger than %n bytes", .number = V6_CONFIG_FILE_MAX);
	return (ssize_t)len;
}

unsigned v6_configure(
	struct v6_config *config, char **environment, v6_config_print *print, void *context)
{
	struct v6_slice path, nothing = v6_slice_of(""), options = nothing;
	enum v6_origin *origin = config->settings.origin;
	unsigned problems = 0;

	for (char **e = environment; e && *e; e++)
		problems += add_variable(config, *e, &options, print, context);
	while (options.len) {
		enum v6_setting id = v6_setting_by_name(v6_slice_cut(&options, ','));

		if (id != V6_SETTING_COUNT && origin[id] == V6_ORIGIN_ENVIRONMENT)
			origin[id] = V6_ORIGIN_OPTION;
	}
	path = config->settings.config;
	if (path.len) {
		struct v6_problem p = {
			.origin = V6_ORIGIN_FILE, .setting = V6_SETTING_COUNT, .file = path};
		ssize_t len = read_file(path, &p);

		if (len < 0) {
			print(&p, context);
			problems++;
		} else {
			problems += v6_config_file(config, path,
				(struct v6_slice){file_text, (size_t)len}, print, context);
		}
	}
	v6_settings_finish(&config->settings);
	return problems;
}
