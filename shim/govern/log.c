#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "logfile.h"
#include "self.h"
#include "sys.h"

#include "forbidden.h"

enum { STDOUT = 1, STDERR = 2, NO_FD = -1 };

/* What a descriptor is known by: the number alone says nothing once the server had it. */
struct identity {
	uint64_t dev, ino;
};

/* Set once, before there is a log. */
static struct {
	enum v6_log kind;
	struct v6_slice path; /* V6_LOG_PATH, with its %p and %n */
	struct v6_slice program;
	struct identity root;    /* "/", of a path: tells chroot from rotation */
	struct identity err;     /* standard error as it was given; 0:0: closed */
	struct identity journal; /* 0:0: none */
	bool by_pid;             /* the path has a %p */
	bool err_is_null;        /* /dev/null */
} start;

/*
 * The log that is open, if one is. It changes by one thread at a time; readers may
 * see two states mixed. That is harmless: a descriptor is believed only where
 * fstat(2) shows the identity beside it.
 */
static struct {
	atomic_int fd;
	atomic_int pid;         /* of the process that it was opened for */
	atomic_uint id[4];      /* no 64-bit atomics: some machines have a lock behind them */
	atomic_uint limit[2];   /* RLIMIT_FSIZE when it was last asked for */
	atomic_uint placed;     /* the second in which the path was last seen to lead to it */
	atomic_bool unfinished; /* the last line may have been cut short */
} now = {.fd = NO_FD};

static unsigned load(const atomic_uint *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(atomic_uint *word, uint64_t value)
{
	atomic_store_explicit(word, (unsigned)value, memory_order_relaxed);
}

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){(uint64_t)st->st_dev, (uint64_t)st->st_ino};
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

static struct opened look(void)
{
	struct opened log = {.fd = atomic_load_explicit(&now.fd, memory_order_acquire)};
	struct identity id = {(uint64_t)load(&now.id[0]) << 32 | load(&now.id[1]),
		(uint64_t)load(&now.id[2]) << 32 | load(&now.id[3])};

	log.ours =
		log.fd >= 0 && v6_sys_fstat(log.fd, &log.st) >= 0 && same(identity_of(&log.st), id);
	return log;
}

/* Near the limit nothing is written: at it the kernel raises SIGXFSZ, which ends a server. */
static void ask_limit(void)
{
	uint64_t limit = v6_sys_limit(RLIMIT_FSIZE);

	store(&now.limit[0], limit >> 32);
	store(&now.limit[1], limit);
}

static void publish(int fd, struct identity id, int pid)
{
	store(&now.id[0], id.dev >> 32);
	store(&now.id[1], id.dev);
	store(&now.id[2], id.ino >> 32);
	store(&now.id[3], id.ino);
	ask_limit();
	atomic_store_explicit(&now.pid, pid, memory_order_relaxed);
	atomic_store_explicit(&now.fd, fd, memory_order_release);
}

/*
 * Up and out of the server's way: servers close or select(2) on low numbers, and
 * take 0, 1 and 2 for what they are. Not too high either, for the kernel's table
 * grows to hold it. A server that may have few descriptors needs them all.
 */
static int raise_fd(int fd)
{
	enum { FEW = 64, MANY = 1024, HIGH = 960, FROM_END = 16 };
	uint64_t limit = v6_sys_limit(RLIMIT_NOFILE);
	int high = NO_FD;

	if (limit > FEW)
		high = v6_sys_dup_from(fd, limit > MANY ? HIGH : (int)limit - FROM_END);
	v6_sys_close(fd);
	return high < 0 ? NO_FD : high;
}

/*
 * Puts a log that was just opened in the place of the one that was seen to be
 * wrong, or closes it, where another thread was quicker. dup3(2) changes what the
 * number means at one stroke: another thread that is about to write to it is not
 * left with one that the server then gets.
 */
static void keep(int fd, const struct stat *st, const struct opened *seen)
{
	struct v6_self *self = v6_self();
	bool opening = false;
	struct opened log;

	if (!atomic_compare_exchange_strong(&self->opening, &opening, true)) {
		v6_sys_close(fd);
		return;
	}
	log = look();
	if (!log.ours) {
		publish(raise_fd(fd), identity_of(st), self->pid);
	} else {
		if (seen->ours && same(identity_of(&log.st), identity_of(&seen->st)) &&
			v6_sys_dup_onto(fd, log.fd) >= 0)
			publish(log.fd, identity_of(st), self->pid);
		v6_sys_close(fd);
	}
	atomic_store(&self->opening, false);
}

/* ---- writing a line */

static uint64_t signal_bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

static ssize_t write_file(int fd, const struct stat *st, const char *line, size_t len)
{
	enum { NEAR = 64 * 1024 }; /* what others may append between fstat(2) and the write */
	uint64_t limit, too_big = signal_bit(SIGXFSZ), mask = 0;
	ssize_t n;

	if (!load(&now.limit[0]) && !load(&now.limit[1]))
		ask_limit();
	limit = (uint64_t)load(&now.limit[0]) << 32 | load(&now.limit[1]);
	if (limit != V6_LIMIT_UNKNOWN) {
		if (limit < V6_LIMIT_UNKNOWN && (uint64_t)st->st_size + len + NEAR > limit)
			return -EFBIG;
		return v6_sys_write(fd, line, len);
	}
	/* A seccomp filter refuses to say. The signal is the thread's, as SIGPIPE below. */
	if (v6_sys_pending_signals() & too_big || v6_sys_block_signals(too_big, &mask) < 0)
		return -EFBIG;
	n = v6_sys_write(fd, line, len);
	if (n == -EFBIG)
		v6_sys_take_signal(too_big);
	v6_sys_restore_signals(mask);
	return n;
}

/* Opens the same once more: O_NONBLOCK belongs to the opening, not to the number. */
static int open_again(int fd, const struct stat *st)
{
	char path[32];
	struct v6_text t = v6_text_in(path, sizeof(path));
	struct stat opened;

	v6_text_str(&t, "/proc/self/fd/");
	v6_text_int(&t, fd);
	fd = v6_sys_open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	if (v6_sys_fstat(fd, &opened) >= 0 && same(identity_of(&opened), identity_of(st)))
		return fd;
	v6_sys_close(fd);
	return -ENOENT;
}

/* To what is shared with others, so that O_NONBLOCK is not ours to set. */
static ssize_t write_shared(int fd, const struct stat *st, const char *line, size_t len)
{
	ssize_t n = v6_sys_write_nowait(fd, line, len);
	int again;

	/* EPERM: what container runtimes' filters say of calls they do not know. */
	if (n != -EOPNOTSUPP && n != -ENOSYS && n != -ESPIPE && n != -EINVAL && n != -EPERM)
		return n;
	again = open_again(fd, st);
	if (again >= 0) {
		n = v6_sys_write(again, line, len);
		v6_sys_close(again);
		return n;
	}
	/* No /proc, or no right to: what a terminal then has room for is not known beforehand. */
	return v6_sys_writable(fd) ? v6_sys_write(fd, line, len) : -EAGAIN;
}

/*
 * A pipe or a terminal. SIGPIPE and SIGTTOU (termios(3), TOSTOP) would end or stop
 * the server, and are held back; one that was pending before is not this write's. The
 * kernel's SIGPIPE is the thread's; whether one that is pending is the thread's too,
 * and so would be one with it, or the process's, cannot be told: then none must be raised.
 */
static ssize_t write_stream(
	int fd, const struct stat *st, bool shared, const char *line, size_t len)
{
	uint64_t pipe = signal_bit(SIGPIPE), mask = 0;
	/* Where a seccomp filter refuses to hold it back, none must be raised either. */
	bool held = v6_sys_block_signals(pipe | signal_bit(SIGTTOU), &mask) >= 0;
	bool pending = !held || v6_sys_pending_signals() & pipe;
	ssize_t n;

	if (pending && !v6_sys_writable(fd))
		n = -EAGAIN;
	else if (shared)
		n = write_shared(fd, st, line, len);
	else
		n = v6_sys_write(fd, line, len);
	if (n == -EPIPE && !pending)
		v6_sys_take_signal(pipe);
	if (held)
		v6_sys_restore_signals(mask);
	return n;
}

/*
 * After a line that was cut short the next one begins with a newline of its own;
 * also where the disk is full, for then another process's may have been.
 */
static bool write_line(int fd, const struct stat *st, bool shared, char *line, size_t len)
{
	bool file = S_ISREG(st->st_mode), cut;
	bool was_cut = atomic_load_explicit(&now.unfinished, memory_order_relaxed);
	ssize_t n;

	if (was_cut && !(file && !st->st_size)) {
		*--line = '\n';
		len++;
	}
	if (S_ISSOCK(st->st_mode))
		n = v6_sys_send(fd, line, len);
	else if (file)
		n = write_file(fd, st, line, len);
	else
		n = write_stream(fd, st, shared, line, len);
	cut = n >= 0 ? (size_t)n < len
		     : was_cut || (file && (n == -ENOSPC || n == -EDQUOT || n == -EIO));
	if (cut != was_cut)
		atomic_store_explicit(&now.unfinished, cut, memory_order_relaxed);
	return n >= 0 && (size_t)n == len;
}

static bool write_stderr(const struct v6_log_line *line)
{
	struct stat st;
	struct identity id;
	char *text = line->text;

	if (v6_sys_fstat(STDERR, &st) < 0)
		return false;
	id = identity_of(&st);
	/* The server may have closed it, and what it opened next has the number. */
	if (!start.err.ino || !same(id, start.err))
		return false;
	if (start.journal.ino && same(id, start.journal)) {
		/* sd-daemon(3): "<N>" before a line is its priority. */
		text -= 3;
		text[0] = '<';
		text[1] = (char)('0' + line->severity);
		text[2] = '>';
	} else if (S_ISSOCK(st.st_mode)) {
		return false; /* there an inetd service talks to its client */
	}
	return write_line(STDERR, &st, true, text, line->len + (size_t)(line->text - text));
}

static bool write_fd(const struct v6_log_line *line)
{
	struct opened log = look();

	return log.ours && write_line(log.fd, &log.st, true, line->text, line->len);
}

/* ---- a path */

/* The process's own file name, %p and %n filled in, into V6_PATH_SIZE bytes. */
static bool expand(char *path, int pid)
{
	struct v6_text t = v6_text_in(path, V6_PATH_SIZE);

	for (size_t i = 0; i < start.path.len; i++) {
		char c = start.path.ptr[i];

		if (c != '%')
			v6_text_char(&t, c);
		else if (start.path.ptr[++i] == 'p')
			v6_text_int(&t, pid);
		else if (start.path.ptr[i] == 'n')
			v6_text_slice(&t, start.program);
		else
			v6_text_char(&t, '%');
	}
	return !t.full;
}

/*
 * Whether what is open is what the path leads to: asked for once a second, so that a log
 * that was moved away gets what is written until then. One that was removed is seen at once.
 */
static bool in_place(const struct opened *log, char *path, int64_t time)
{
	unsigned second = (unsigned)(time / 1000000);
	struct stat st;

	if (!log->ours || (start.by_pid && atomic_load(&now.pid) != v6_self()->pid))
		return false;
	if (S_ISREG(log->st.st_mode) && log->st.st_nlink && second == load(&now.placed))
		return true;
	if (!expand(path, v6_self()->pid) || v6_sys_stat(path, &st) < 0 ||
		!same(identity_of(&st), identity_of(&log->st)))
		return false;
	ask_limit();
	store(&now.placed, second);
	return true;
}

/*
 * Where the path leads elsewhere every thread that finds it so opens it and writes its
 * own record; which of the openings is kept is seen to after that. In a chroot the path
 * means another place: what is open stays the log, as long as it has a name.
 */
static bool write_path(const struct v6_log_line *line)
{
	struct opened log = look();
	struct stat root, st;
	int fd = -EACCES;
	bool written;

	if (!in_place(&log, line->spare, line->time)) {
		if (v6_sys_stat("/", &root) >= 0 && same(identity_of(&root), start.root) &&
			expand(line->spare, v6_self()->pid))
			fd = v6_logfile_open(line->spare, &root, &st);
		if (fd >= 0) {
			written = write_line(fd, &st, false, line->text, line->len);
			keep(fd, &st, &log);
			return written;
		}
		if (!log.ours || !log.st.st_nlink)
			return false;
	}
	return write_line(log.fd, &log.st, false, line->text, line->len);
}

/* ---- syslog */

static int connect_syslog(struct stat *st)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = v6_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

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

/* The daemon has no room: it is there, and has to be left alone. */
static bool is_busy(ssize_t n)
{
	return n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM || n == -EMSGSIZE;
}

static bool send_syslog(const char *text, size_t len)
{
	struct opened log = start.kind == V6_LOG_SYSLOG ? look() : (struct opened){.fd = NO_FD};
	struct stat st = {0};
	ssize_t n;
	int fd;

	if (log.ours) {
		n = v6_sys_send(log.fd, text, len);
		if (n >= 0 || is_busy(n))
			return n == (ssize_t)len;
	}
	/* The daemon was started again, or the server closed the descriptor. */
	fd = connect_syslog(&st);
	if (fd < 0)
		return false;
	n = v6_sys_send(fd, text, len);
	if (start.kind == V6_LOG_SYSLOG)
		keep(fd, &st, &log);
	else
		v6_sys_close(fd);
	return n == (ssize_t)len;
}

/*
 * "<PRI>TAG[PID]: TEXT", RFC 3164 without the time, which the receiver has itself. What a
 * tag consists of ends where anything but print begins (4.1.3).
 */
static bool write_syslog(const struct v6_log_line *line)
{
	enum { FACILITY_DAEMON = 3, TAG = 32 };
	char head[V6_LOG_HEADROOM];
	struct v6_text t = v6_text_in(head, sizeof(head));

	v6_text_char(&t, '<');
	v6_text_uint(&t, FACILITY_DAEMON * 8 + line->severity);
	v6_text_char(&t, '>');
	for (size_t i = 0; i < start.program.len && i < TAG; i++) {
		char c = start.program.ptr[i];

		v6_text_char(&t, c > ' ' && c < 0x7f && !strchr("[]:", c) ? c : '_');
	}
	v6_text_char(&t, '[');
	v6_text_int(&t, v6_self()->pid);
	v6_text_str(&t, "]: ");
	memcpy(line->text - t.len, head, t.len);
	/* The newline is the file's, not the datagram's. */
	return send_syslog(line->text - t.len, t.len + line->len - 1);
}

bool v6_log_write(const struct v6_log_line *line)
{
	switch (start.kind) {
	case V6_LOG_STDERR:
		return write_stderr(line);
	case V6_LOG_FD:
		return write_fd(line);
	case V6_LOG_SYSLOG:
		return write_syslog(line);
	case V6_LOG_PATH:
		return write_path(line);
	default:
		return true;
	}
}

void v6_log_complain(const struct v6_log_line *line)
{
	bool said = !start.err_is_null && write_stderr(line);

	if (!said && start.kind != V6_LOG_STDERR && start.kind != V6_LOG_OFF)
		said = v6_log_write(line);
	if (!said && start.kind != V6_LOG_SYSLOG)
		write_syslog(line);
}

/* ---- at the start */

/* "DEVICE:INODE", decimal. */
static struct identity parse_journal(struct v6_slice text)
{
	struct v6_slice dev = v6_slice_cut(&text, ':');
	struct identity id;

	if (!v6_slice_uint(dev, UINT64_MAX, &id.dev) || !v6_slice_uint(text, UINT64_MAX, &id.ino))
		return (struct identity){0, 0};
	return id;
}

/*
 * The descriptor that a path is but another name of, NO_FD where it is more. By
 * its name it would be opened once more, and keep the reader of a pipe waiting.
 */
static int alias(struct v6_slice path)
{
	static const char *const dirs[] = {"/dev/fd/", "/proc/self/fd/"};
	uint64_t fd;

	if (v6_slice_is(path, "/dev/stdout"))
		return STDOUT;
	if (v6_slice_is(path, "/dev/stderr"))
		return STDERR;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (v6_slice_begins(path, dirs[i]) &&
			v6_slice_uint(v6_slice_from(path, strlen(dirs[i])), INT32_MAX, &fd))
			return (int)fd;
	return NO_FD;
}

void v6_log_init(const struct v6_settings *s, struct v6_slice program, struct v6_slice journal)
{
	int fd = s->log == V6_LOG_FD ? s->log_fd : NO_FD;
	struct stat st;

	start.kind = s->log;
	start.program = program;
	start.path = s->log_path;
	for (size_t i = 0; i + 1 < s->log_path.len; i++)
		if (s->log_path.ptr[i] == '%')
			start.by_pid |= s->log_path.ptr[++i] == 'p';
	start.journal = parse_journal(journal);
	if (s->log == V6_LOG_PATH)
		fd = alias(s->log_path);
	if (fd == STDERR)
		start.kind = V6_LOG_STDERR;
	else if (fd != NO_FD)
		start.kind = V6_LOG_FD;
	if (v6_sys_fstat(STDERR, &st) >= 0) {
		start.err = identity_of(&st);
		start.err_is_null = S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
	}
	if (start.kind == V6_LOG_FD && v6_sys_fstat(fd, &st) >= 0) {
		for (int i = 0; i < 4; i++)
			store(&now.id[i], (i < 2 ? (uint64_t)st.st_dev : (uint64_t)st.st_ino) >>
						  (i % 2 ? 0 : 32));
		atomic_store(&now.fd, fd);
	} else if (start.kind == V6_LOG_PATH && v6_sys_stat("/", &st) >= 0) {
		start.root = identity_of(&st);
	}
}
