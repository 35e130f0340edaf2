#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "../core/record.h"
#include "logfile.h"
#include "self.h"
#include "sys.h"

#include "forbidden.h"

enum { STDOUT = 1, STDERR = 2, NO_FD = -1, MEMORY_DEVICES = 1 };

/*
 * What a descriptor is known by: the number alone says nothing once the server had it.
 * ino 0: none. Of 32-bit machines the lower halves: 64-bit atomics have a lock there.
 */
struct identity {
	size_t dev, ino;
};

/* Set once, before there is a log. */
static struct {
	const struct v6_settings *settings;
	enum v6_log kind; /* V6_LOG_FD is every descriptor of the server's, standard error too */
	struct identity root; /* "/", of a path: tells chroot from rotation */
	struct identity err;  /* standard error; none where it is closed, or a client's */
	bool err_is_journal;
	bool err_is_null; /* /dev/null */
} start;

/*
 * The log that is open, if one is. It changes by one thread at a time; readers may
 * see two states mixed. That is harmless: a descriptor is believed only where
 * fstat(2) shows the identity beside it.
 */
static struct {
	atomic_int fd;
	struct v6_self *_Atomic by; /* whose path it was last looked for by */
	atomic_size_t dev, ino;     /* what the descriptor has to be */
	atomic_size_t limit;        /* RLIMIT_FSIZE; 0: to be asked for */
	atomic_bool unfinished;     /* the last line may have been cut short */
} now = {.fd = NO_FD};

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){(size_t)st->st_dev, (size_t)st->st_ino};
}

static bool same(struct identity a, struct identity b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

/* ---- the descriptor that is open */

struct opened {
	int fd;
	struct stat st;
	bool ours; /* it is the log still, and st is what fstat(2) says */
};

static struct opened look_at(int fd, struct identity id)
{
	struct opened log = {.fd = fd};

	log.ours = fd >= 0 && id.ino && v6_sys_fstat(fd, &log.st) >= 0 &&
		   same(identity_of(&log.st), id);
	return log;
}

static struct opened look(void)
{
	int fd = now.fd;

	return look_at(fd, (struct identity){now.dev, now.ino});
}

static void publish(int fd, struct identity id)
{
	now.dev = id.dev;
	now.ino = id.ino;
	now.fd = fd;
}

/*
 * Puts a log that was just opened in the place of the one that was seen to be
 * wrong, or closes it, where another thread was quicker. dup3(2) changes what the
 * number means at one stroke: another thread that is about to write to it is not
 * left with one that the server then gets.
 */
static void keep(const struct opened *log, const struct opened *seen)
{
	struct v6_self *self = v6_self();
	bool opening = false;
	struct opened current;

	if (!atomic_compare_exchange_strong(&self->opening, &opening, true)) {
		v6_sys_close(log->fd);
		return;
	}
	current = look();
	if (!current.ours) {
		publish(v6_logfile_raise(log->fd), identity_of(&log->st));
	} else {
		if (seen->ours && same(identity_of(&current.st), identity_of(&seen->st)) &&
			v6_sys_dup_onto(log->fd, current.fd) >= 0)
			publish(current.fd, identity_of(&log->st));
		v6_sys_close(log->fd);
	}
	atomic_store(&self->opening, false);
}

int v6_log_descriptor(void)
{
	struct opened log = look();

	return log.ours ? log.fd : NO_FD;
}

/* ---- writing a line */

static uint64_t signal_bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

/*
 * Near the limit nothing is written: at it the kernel raises SIGXFSZ, which ends a
 * server. Where a filter refuses to say what it is, everything is near it.
 */
static ssize_t write_file(const struct opened *log, const char *line, size_t len)
{
	enum { NEAR = 64 * 1024 }; /* what others may append between fstat(2) and the write */
	size_t limit = now.limit;
	uint64_t asked;

	if (!limit) {
		asked = v6_sys_limit(RLIMIT_FSIZE);
		limit = asked == V6_LIMIT_UNKNOWN || !asked ? 1
			: asked > SIZE_MAX                  ? SIZE_MAX
							    : (size_t)asked;
		now.limit = limit;
	}
	return (uint64_t)log->st.st_size + len + NEAR > limit ? -EFBIG
							      : v6_sys_write(log->fd, line, len);
}

/* Opens the same once more: O_NONBLOCK belongs to the opening, not to the number, and others have that too. */
static int open_again(const struct opened *log)
{
	char path[32];
	struct v6_text t = v6_text_in(path, sizeof(path));
	struct stat st;
	int fd;

	v6_text_print(&t, "/proc/self/fd/%d", log->fd);
	fd = v6_sys_open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0 || (v6_sys_fstat(fd, &st) >= 0 && same(identity_of(&st), identity_of(&log->st))))
		return fd;
	v6_sys_close(fd);
	return -ENOENT;
}

/*
 * A pipe or a terminal. SIGPIPE and SIGTTOU (termios(3), TOSTOP) would end or stop
 * the server, and are held back; a SIGPIPE that was pending before is not this write's. The
 * kernel's is the thread's; whether one that is pending is the thread's too, and so
 * would be one with it, or the process's, cannot be told: then none must be raised.
 */
static ssize_t write_stream(const struct opened *log, bool shared, const char *line, size_t len)
{
	uint64_t pipe = signal_bit(SIGPIPE), mask = 0;
	/* Where a seccomp filter refuses to hold it back, none must be raised either. */
	bool held = v6_sys_block_signals(pipe | signal_bit(SIGTTOU), &mask) >= 0;
	bool pending = !held || (mask & pipe && v6_sys_pending_signals() & pipe);
	int fd = shared ? open_again(log) : log->fd;
	ssize_t n = -EAGAIN;

	/* What there is room for is not known where it cannot be opened: without /proc, or the right to. */
	if (fd >= 0 && !pending)
		n = v6_sys_write(fd, line, len);
	else if (v6_sys_writable(log->fd))
		n = v6_sys_write(fd < 0 ? log->fd : fd, line, len);
	if (shared && fd >= 0)
		v6_sys_close(fd);
	if (n == -EPIPE && !pending)
		v6_sys_take_signal(pipe);
	if (held)
		v6_sys_restore_signals(mask);
	return n;
}

/*
 * 0, or why it was not written whole, negated. After a line that was cut short the next one begins with
 * a newline of its own; also where the disk is full, for then another process's may have been.
 */
static int write_line(const struct opened *log, bool shared, char *line, size_t len)
{
	mode_t mode = log->st.st_mode;
	bool file = S_ISREG(mode), cut;
	bool was_cut = now.unfinished;
	ssize_t n;

	if (was_cut && !(file && !log->st.st_size)) {
		*--line = '\n';
		len++;
	}
	if (S_ISSOCK(mode))
		n = v6_sys_send(log->fd, line, len);
	else if (file)
		n = write_file(log, line, len);
	else if (S_ISCHR(mode) && major(log->st.st_rdev) == MEMORY_DEVICES)
		n = v6_sys_write(log->fd, line, len);
	else
		n = write_stream(log, shared, line, len);
	cut = n >= 0 ? (size_t)n < len
		     : was_cut || (file && (n == -ENOSPC || n == -EDQUOT || n == -EIO));
	if (cut != was_cut)
		now.unfinished = cut;
	return n < 0 ? (int)n : (size_t)n < len ? -ENOSPC : 0;
}

/* ---- a descriptor of the server's */

/* The server may have closed it, and what it opened next has the number: EBADF. */
static int write_given(const struct opened *log, const struct v6_log_line *line)
{
	char *text = line->text;

	if (!log->ours)
		return EBADF;
	if (log->fd == STDERR && start.err_is_journal) {
		/* sd-daemon(3): "<N>" before a line is its priority. */
		*--text = '>';
		*--text = (char)('0' + line->severity);
		*--text = '<';
	}
	return write_line(log, true, text, line->len + (size_t)(line->text - text));
}

/* ---- a path, and the system log: what is opened by the first record */

/* The process's own file name, %p and %n filled in, in the line's spare memory. */
static bool expand(const struct v6_log_line *line)
{
	struct v6_text t = v6_text_in(line->spare, V6_PATH_SIZE);
	struct v6_slice from = start.settings->log_path;

	for (size_t i = 0; i < from.len; i++) {
		char c = from.ptr[i];

		if (c != '%')
			v6_text_char(&t, c);
		else if (from.ptr[++i] == 'p')
			v6_text_int(&t, v6_self()->pid);
		else if (from.ptr[i] == 'n')
			v6_text_slice(&t, line->program);
		else
			v6_text_char(&t, '%');
	}
	return !t.full;
}

/*
 * Whether what is open is what the path leads to: looked at once a second, so that a log
 * that was moved away gets what is written until then. One that was removed is seen at once.
 */
static bool in_place(const struct opened *log, const struct v6_log_line *line)
{
	unsigned second = (unsigned)(line->time / 1000000);
	struct v6_self *self = v6_self();
	bool looked = now.by == self && self->looked == second;
	struct stat st;

	now.by = self;
	self->looked = second;
	if (!log->ours || (looked && log->st.st_nlink))
		return log->ours;
	now.limit = 0;
	return expand(line) && v6_sys_stat(line->spare, &st) >= 0 &&
	       same(identity_of(&st), identity_of(&log->st));
}

/* In a chroot the path means another place. */
static int open_path(const struct v6_log_line *line, struct stat *st)
{
	struct stat root;

	if (v6_sys_stat("/", &root) < 0 || !same(identity_of(&root), start.root))
		return -EXDEV;
	now.limit = 0;
	return expand(line) ? v6_logfile_open(line->spare, &root, st) : -ENAMETOOLONG;
}

static int connect_syslog(struct stat *st)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = v6_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return fd;
	error = v6_sys_connect(fd, &un, sizeof(un));
	if (!error)
		error = v6_sys_fstat(fd, st);
	if (!error)
		return fd;
	v6_sys_close(fd);
	return error;
}

/*
 * Puts "<PRI>TAG[PID]: " before the line, RFC 3164 without the time, which the receiver has itself, and
 * returns its length. What a tag consists of ends where anything but print begins (4.1.3).
 */
static size_t put_tag(const struct v6_log_line *line)
{
	enum { FACILITY_DAEMON = 3, TAG = 32 };
	char head[V6_LOG_HEADROOM];
	struct v6_text t = v6_text_in(head, sizeof(head));

	v6_text_print(&t, "<%u>", FACILITY_DAEMON * 8u + line->severity);
	for (size_t i = 0; i < line->program.len && i < TAG; i++) {
		char c = line->program.ptr[i];

		v6_text_char(&t, c > ' ' && c < 0x7f && !strchr("[]:", c) ? c : '_');
	}
	v6_text_print(&t, "[%d]: ", v6_self()->pid);
	memcpy(line->text - t.len, head, t.len);
	return t.len;
}

/*
 * Where the log is elsewhere now every thread that finds it so opens it and writes its
 * own record; which of the openings is kept is seen to after that. A path that leads nowhere any
 * more: what is open stays the log, as long as it has a name.
 */
static int write_own(const struct v6_log_line *line)
{
	bool by_syslog = start.kind == V6_LOG_SYSLOG;
	size_t tag = by_syslog ? put_tag(line) : 0, len = tag + line->len - by_syslog;
	struct opened log = look(), opened = {.ours = true};
	int error;

	if (by_syslog ? log.ours : in_place(&log, line)) {
		error = write_line(&log, false, line->text - tag, len);
		/* The daemon was started again. */
		if (!by_syslog || (error != -ECONNREFUSED && error != -ENOTCONN))
			return error;
	}
	opened.fd = by_syslog ? connect_syslog(&opened.st) : open_path(line, &opened.st);
	if (opened.fd < 0)
		return !by_syslog && log.ours && log.st.st_nlink
			       ? write_line(&log, false, line->text, len)
			       : -opened.fd;
	error = write_line(&opened, false, line->text - tag, len);
	keep(&opened, &log);
	return error;
}

/* 0; negated, why this record is lost; as it is, why there is no log at all. */
static int write_log(const struct v6_log_line *line)
{
	struct opened log;

	if (start.kind == V6_LOG_OFF)
		return 0;
	if (start.kind != V6_LOG_FD)
		return write_own(line);
	log = look();
	return write_given(&log, line);
}

static void tell_syslog(const struct v6_log_line *line)
{
	size_t tag = put_tag(line);
	struct stat st;
	int fd = connect_syslog(&st);

	if (fd < 0)
		return;
	v6_sys_send(fd, line->text - tag, tag + line->len - 1);
	v6_sys_close(fd);
}

/* Apart from write_log(), whose stack is the deepest there is. */
__attribute__((noinline)) static bool tell_stderr(const struct v6_log_line *line)
{
	struct opened err = look_at(STDERR, start.err);

	return !start.err_is_null && !write_given(&err, line);
}

/* That there is no log, in the place of the record that is lost by that. */
static void say(const struct v6_log_line *lost, int error)
{
	struct v6_log_line line = *lost;
	struct v6_text t = v6_text_in(line.text, V6_RECORD_SIZE);

	v6_text_str(&t, "v6shim: log: '");
	v6_setting_value(&t, start.settings, V6_SETTING_LOG);
	v6_text_print(&t, "'%s; records are counted until it can be used\n",
		start.kind == V6_LOG_FD
			? " is closed, another file than at the start, or a client's socket"
			: v6_errno_words(error));
	line.len = t.len;
	line.severity = V6_SEVERITY_ERROR;
	if (!tell_stderr(&line))
		tell_syslog(&line);
}

bool v6_log_write(const struct v6_log_line *line)
{
	static atomic_bool said;
	int error = write_log(line);

	if (error > 0 && !atomic_exchange(&said, true))
		say(line, error);
	return !error;
}

void v6_log_complain(const struct v6_log_line *line)
{
	bool elsewhere = start.kind != V6_LOG_OFF && now.fd != STDERR;

	if (!tell_stderr(line) && !(elsewhere && !write_log(line)) && start.kind != V6_LOG_SYSLOG)
		tell_syslog(line);
}

/* ---- at the start */

/* The number before the next ':'; 0 where there is none. */
static uint64_t next_number(struct v6_slice *text)
{
	uint64_t number = 0;

	v6_slice_uint(v6_slice_cut(text, ':'), UINT64_MAX, &number);
	return number;
}

static struct identity next_identity(struct v6_slice *text)
{
	size_t dev = (size_t)next_number(text);

	return (struct identity){dev, (size_t)next_number(text)};
}

/*
 * The descriptor that a path is but another name of, NO_FD where it is more. By
 * its name it would be opened once more, and keep the reader of a pipe waiting.
 */
static int alias(struct v6_slice path)
{
	uint64_t fd;

	if (v6_slice_is(path, "/dev/stdout"))
		return STDOUT;
	if (v6_slice_is(path, "/dev/stderr"))
		return STDERR;
	if (v6_slice_begins(path, "/dev/fd/"))
		path = v6_slice_from(path, strlen("/dev/fd/"));
	else if (v6_slice_begins(path, "/proc/self/fd/"))
		path = v6_slice_from(path, strlen("/proc/self/fd/"));
	/* No other path is a number. */
	return v6_slice_uint(path, INT32_MAX, &fd) ? (int)fd : NO_FD;
}

static void init_stderr(struct v6_slice journal)
{
	struct stat st;

	if (v6_sys_fstat(STDERR, &st) < 0)
		return;
	start.err_is_journal = same(identity_of(&st), next_identity(&journal));
	start.err_is_null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(MEMORY_DEVICES, 3);
	/* By another socket an inetd service talks to its client. */
	if (!S_ISSOCK(st.st_mode) || start.err_is_journal)
		start.err = identity_of(&st);
}

void v6_log_init(const struct v6_settings *s, struct v6_slice journal, struct v6_slice handed)
{
	bool path = s->log == V6_LOG_PATH;
	int fd = s->log == V6_LOG_STDERR ? STDERR : s->log == V6_LOG_FD ? s->log_fd : NO_FD;
	struct identity id = {0, 0};
	struct stat st;

	start.settings = s;
	init_stderr(journal);
	if (path)
		fd = alias(s->log_path);
	start.kind = fd == NO_FD ? s->log : V6_LOG_FD;
	if (fd == STDERR) {
		id = start.err;
	} else if (fd != NO_FD) {
		if (v6_sys_fstat(fd, &st) >= 0)
			id = identity_of(&st);
	} else if (path) {
		if (v6_sys_stat("/", &st) >= 0)
			start.root = identity_of(&st);
		fd = (int)next_number(&handed);
		id = next_identity(&handed);
		/* What came from a v6shim run with another log is not this one's. */
		if (handed.len != s->log_path.len ||
			memcmp(handed.ptr, s->log_path.ptr, handed.len))
			id.ino = 0;
	}
	publish(fd, id);
}
