#include "logtarget.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../govern/log.h"
#include "../govern/sys.h"
#include "command.h"
#include "memory.h"

static void warn(const char *log, int error)
{
	V6_TEXT(t, 4 * V6_PATH_SIZE);

	v6_text_safe(&t, log, strlen(log));
	v6_complain("warning: log: '%s'%s; records would be lost", t.buf, v6_errno_words(error));
}

/*
 * Cut to the folder, where that is what is wrong. What it leads to with a % only the program
 * knows.
 */
static int check_path(char *path)
{
	size_t len = strcspn(path, "%");
	struct stat st;
	int error = path[len] ? -ENOENT : v6_sys_stat(path, &st);

	if (!error && S_ISDIR(st.st_mode))
		return EISDIR;
	if (!error && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return EINVAL;
	if (error != -ENOENT)
		return error ? -error : access(path, W_OK) ? errno : 0;
	while (path[len - 1] != '/')
		len--;
	path[len] = '\0';
	error = access(path, W_OK | X_OK) ? errno : 0;
	path[len > 1 ? len - 1 : 1] = '\0';
	return error;
}

static int check_syslog(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = connect(fd, (struct sockaddr *)&un, sizeof(un)) ? errno : 0;

	close(fd);
	return error;
}

bool v6_logtarget_check(const struct v6_settings *s)
{
	V6_TEXT(t, V6_PATH_SIZE);
	int error, flags;

	if (s->log == V6_LOG_SYSLOG) {
		v6_text_str(&t, "/dev/log");
		error = check_syslog();
	} else if (s->log == V6_LOG_PATH) {
		v6_text_slice(&t, s->log_path);
		error = check_path(t.buf);
	} else {
		v6_setting_value(&t, s, V6_SETTING_LOG);
		flags = s->log == V6_LOG_FD ? v6_sys_fcntl(s->log_fd, F_GETFL, 0) : O_RDWR;
		error = flags < 0 || (flags & O_ACCMODE) == O_RDONLY ? EBADF : 0;
	}
	if (error)
		warn(t.buf, error);
	return !error;
}

const char *v6_logtarget_open(const struct v6_settings *s)
{
	char path[V6_PATH_SIZE], numbers[96];
	struct v6_text t = v6_text_in(path, sizeof(path));
	struct stat root, st;
	int fd;

	v6_text_slice(&t, s->log_path);
	/* What is no file is not held open for nothing: a reader waits for the end of a FIFO. */
	if (s->log != V6_LOG_PATH || strchr(path, '%') ||
		(!v6_sys_stat(path, &st) && !S_ISREG(st.st_mode)))
		return NULL;
	fd = v6_sys_stat("/", &root);
	if (!fd)
		fd = v6_logfile_open(path, &root, &st);
	if (fd < 0) {
		warn(path, -fd);
		return NULL;
	}
	fd = v6_logfile_raise(fd);
	snprintf(numbers, sizeof(numbers), "%d:%ju:%ju:", fd, (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino);
	return fd < 0 ? NULL : v6_keep_joined(numbers, path, NULL);
}
