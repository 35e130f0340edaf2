#include "log.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "../core/record.h"
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
	struct identity root;    /* "/", of a path: tells chroot from rotation */
	struct identity err;     /* standard error; none where it is closed, or a client's */
	struct identity journal; /* the socket that JOURNAL_STREAM names */
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
	atomic_size_t limit;        /* RLIMIT_FSIZE, odd; 0: to be asked for */
	atomic_bool unfinished;     /* the last line may have been cut short */
} now = {.fd = NO_FD};

static bool is(const struct stat *st, struct identity id)
{
	return (size_t)st->st_dev == id.dev && (size_t)st->st_ino == id.ino;
}

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){(size_t)st->st_dev, (size_t)st->st_ino};
}

/* ---- opening a file where nobody else can have put something in its place */

/* The last part of a path before it is opened, and the folder that it is in. */
struct part {
	struct stat folder, st;
	bool link; /* it is a symbolic link, and may be followed; st is what it leads to */
};

static bool trusted(unsigned uid)
{
	return uid == 0 || uid == v6_sys_geteuid();
}

/*
 * What another user may have put in the place of a log, so that it goes where they
 * want: a symbolic link, or a file that has a second name, wherever it is; and in a
 * sticky directory that everybody may write to whatever neither its owner, nor root,
 * nor we made. `root` owns "/": root, whatever this user namespace calls it. The kernel
 * has such rules, weaker ones, in fs.protected_symlinks, _regular, _fifos and _hardlinks
 * (Documentation/admin-guide/sysctl/fs.rst); they may be off, or the kernel older than they.
 */
static bool planted(const struct part *p, unsigned root)
{
	const struct stat *dir = &p->folder, *st = &p->st;
	bool open_to_others = dir->st_mode & (S_IWGRP | S_IWOTH) ||
			      (dir->st_uid != root && !trusted(dir->st_uid));

	if (S_ISLNK(st->st_mode))
		return !trusted(st->st_uid) && (st->st_uid != root || open_to_others);
	if (S_ISREG(st->st_mode) && st->st_nlink > 1 && open_to_others)
		return true;
	return dir->st_mode & S_ISVTX && dir->st_mode & S_IWOTH && st->st_uid != dir->st_uid &&
	       !trusted(st->st_uid);
}

/*
 * Goes a path part by part, cutting it short and mending it as it goes. 0 where
 * it may be opened, or made: what is not there, or a link to it.
 */
static int walk(char *path, const struct stat *root, struct part *p)
{
	char *end = path, slash;
	int error;

	p->st = *root;
	do {
		p->folder = p->st;
		end += 1 + strcspn(end + 1, "/");
		slash = *end;
		*end = '\0';
		error = v6_sys_lstat(path, &p->st);
		p->link = !error && S_ISLNK(p->st.st_mode);
		if (!error && (p->link || !slash) && planted(p, root->st_uid))
			error = -EACCES;
		else if (p->link)
			error = v6_sys_stat(path, &p->st);
		*end = slash;
	} while (slash && !error);
	if (error)
		return error == -ENOENT && !slash ? 0 : error;
	return S_ISREG(p->st.st_mode) || S_ISFIFO(p->st.st_mode) || S_ISCHR(p->st.st_mode)
		       ? 0
		       : -EINVAL;
}

int v6_logfile_open(char *path, const struct stat *root, struct stat *st)
{
	enum { TRIES = 4 };
	const int flags =
		O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
	struct part p;
	int fd;

	for (int i = 0; i < TRIES; i++) {
		fd = walk(path, root, &p);
		if (fd < 0)
			return fd;
		fd = v6_sys_open(path, flags | (p.link ? 0 : O_NOFOLLOW), 0644);
		if (fd < 0)
			return fd == -ENXIO ? -EPIPE : fd; /* a FIFO without a reader */
		/* What was put there, or on the way there, since then. */
		if (v6_sys_fstat(fd, st) >= 0 && walk(path, root, &p) >= 0 &&
			is(st, identity_of(&p.st)))
			return fd;
		v6_sys_close(fd);
	}
	return -EAGAIN;
}

int v6_logfile_raise(int fd)
{
	enum { FEW = 64, MANY = 1024, HIGH = 960, FROM_END = 16 };
	uint64_t told = v6_sys_limit(RLIMIT_NOFILE), limit = told ? told : UINT64_MAX;
	int high = -EMFILE;

	if (limit > FEW)
		high = v6_sys_fcntl(
			fd, F_DUPFD_CLOEXEC, limit > MANY ? HIGH : (int)limit - FROM_END);
	v6_sys_close(fd);
	return high;
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

	log.ours = fd >= 0 && id.ino && v6_sys_fstat(fd, &log.st) >= 0 && is(&log.st, id);
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
 * Puts a log that was just opened in the place of the one that was seen to be wrong, or closes it,
 * where another thread was quicker. dup3(2) changes what the number means at one stroke: another
 * thread that is about to write to it is not left with one that the server then gets.
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
		if (seen->ours && is(&current.st, identity_of(&seen->st)) &&
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

static void put_before(struct v6_log_line *line, const char *bytes, size_t len)
{
	line->text -= len;
	line->len += len;
	memcpy(line->text, bytes, len);
}

/*
 * Near the limit nothing is written: at it the kernel raises SIGXFSZ, which ends a
 * server. Where a filter refuses to say what it is, everything is near it.
 */
static ssize_t write_file(const struct opened *log, const char *text, size_t len)
{
	enum { NEAR = 64 * 1024 }; /* what others may append between fstat(2) and the write */
	size_t limit = now.limit;

	if (!limit) {
		uint64_t asked = v6_sys_limit(RLIMIT_FSIZE);

		now.limit = limit = asked < SIZE_MAX ? (size_t)asked | 1 : SIZE_MAX;
	}
	return (uint64_t)log->st.st_size + len + NEAR > limit ? -EFBIG
							      : v6_sys_write(log->fd, text, len);
}

/* Opens the same once more: O_NONBLOCK is the opening's, not the number's, and others have that. */
static int open_again(const struct opened *log)
{
	char path[32];
	struct v6_text t = v6_text_in(path, sizeof(path));
	struct stat st;
	int fd;

	v6_text_print(&t, "/proc/self/fd/%d", log->fd);
	fd = v6_sys_open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0 || (v6_sys_fstat(fd, &st) >= 0 && is(&st, identity_of(&log->st))))
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
static ssize_t write_stream(const struct opened *log, bool shared, const char *text, size_t len)
{
	const uint64_t pipe = UINT64_C(1) << (SIGPIPE - 1), ttou = UINT64_C(1) << (SIGTTOU - 1);
	uint64_t mask = 0, waiting = 0;
	/* Where a seccomp filter refuses to hold it back, none must be raised either. */
	bool held = v6_sys_block_signals(pipe | ttou, &mask) >= 0, pending;
	int fd = shared ? open_again(log) : log->fd;
	ssize_t n = -EAGAIN;

	if (mask & pipe)
		v6_sys_pending_signals(&waiting);
	pending = !held || waiting & pipe;
	/* Where it cannot be opened, without /proc or the right to, the room is not known. */
	if ((fd >= 0 && !pending) || v6_sys_writable(log->fd))
		n = v6_sys_write(fd < 0 ? log->fd : fd, text, len);
	if (shared && fd >= 0)
		v6_sys_close(fd);
	if (n == -EPIPE && !pending)
		v6_sys_take_signal(pipe);
	if (held)
		v6_sys_restore_signals(mask);
	return n;
}

/*
 * 0, or why it was not written whole, negated. After a line that was cut short the next one begins
 * with a newline of its own; also where the disk is full, for then another process's may have been.
 * `shared`: others may have the descriptor's opening.
 */
static int write_line(const struct opened *log, bool shared, struct v6_log_line line)
{
	mode_t mode = log->st.st_mode;
	bool file = S_ISREG(mode), was_cut = now.unfinished, cut;
	ssize_t n;

	if (was_cut && !(file && !log->st.st_size))
		put_before(&line, "\n", 1);
	if (S_ISSOCK(mode))
		n = v6_sys_send(log->fd, line.text, line.len);
	else if (file)
		n = write_file(log, line.text, line.len);
	else if (S_ISCHR(mode) && major(log->st.st_rdev) == MEMORY_DEVICES)
		n = v6_sys_write(log->fd, line.text, line.len);
	else
		n = write_stream(log, shared, line.text, line.len);
	cut = n >= 0 ? (size_t)n < line.len
		     : was_cut || (file && (n == -ENOSPC || n == -EDQUOT || n == -EIO));
	if (cut != was_cut)
		now.unfinished = cut;
	return n < 0 ? (int)n : cut ? -ENOSPC : 0;
}

/* To a descriptor of the server's. EBADF where that is closed, and the number another's. */
static int write_given(const struct opened *log, struct v6_log_line line)
{
	/* sd-daemon(3): "<N>" before a line is its priority. */
	const char priority[] = {'<', (char)('0' + line.severity), '>'};

	if (!log->ours)
		return EBADF;
	if (log->fd == STDERR && is(&log->st, start.journal))
		put_before(&line, priority, sizeof(priority));
	return write_line(log, true, line);
}

/* ---- a path, and the system log: what is opened by the first record */

/* The process's own file name, %p and %n filled in, behind the line; NULL where it is too long. */
static char *expand(const struct v6_log_line *line)
{
	struct v6_text t = v6_text_in(line->text + V6_RECORD_SIZE, V6_PATH_SIZE);
	struct v6_slice from = start.settings->log_path;

	for (size_t i = 0; i < from.len; i++) {
		char c = from.ptr[i], what = c == '%' ? from.ptr[++i] : c;

		if (c == '%' && what == 'p')
			v6_text_int(&t, v6_self()->pid);
		else if (c == '%' && what == 'n')
			v6_text_slice(&t, line->program);
		else
			v6_text_char(&t, what);
	}
	return t.full ? NULL : t.buf;
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
	char *path;

	now.by = self;
	self->looked = second;
	if (!log->ours || (looked && log->st.st_nlink))
		return log->ours;
	now.limit = 0;
	path = expand(line);
	return path && v6_sys_stat(path, &st) >= 0 && is(&st, identity_of(&log->st));
}

/* In a chroot the path means another place. */
static int open_path(const struct v6_log_line *line, struct stat *st)
{
	struct stat root;
	char *path;

	if (v6_sys_stat("/", &root) < 0 || !is(&root, start.root))
		return -EXDEV;
	now.limit = 0;
	path = expand(line);
	return path ? v6_logfile_open(path, &root, st) : -ENAMETOOLONG;
}

static int connect_syslog(struct stat *st)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = v6_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = fd < 0 ? fd : v6_sys_connect(fd, &un, sizeof(un));

	if (!error)
		error = v6_sys_fstat(fd, st);
	if (!error)
		return fd;
	v6_sys_close(fd);
	return error;
}

/*
 * "<PRI>TAG[PID]: " before the line, RFC 3164 without the time, which the receiver has itself, and
 * no newline. What a tag consists of ends where anything but print begins (4.1.3).
 */
static void put_tag(struct v6_log_line *line)
{
	enum { TAG = 32 };
	char head[V6_LOG_HEADROOM];
	struct v6_text t = v6_text_in(head, sizeof(head));

	v6_text_print(&t, "<%d>", LOG_DAEMON | line->severity);
	for (size_t i = 0; i < line->program.len && i < TAG; i++) {
		char c = line->program.ptr[i];

		v6_text_char(&t, c > ' ' && c < 0x7f && !strchr("[]:", c) ? c : '_');
	}
	v6_text_print(&t, "[%d]: ", v6_self()->pid);
	line->len--;
	put_before(line, head, t.len);
}

/*
 * 0; negated, why this record is lost; as it is, why there is no log at all.
 *
 * Where the log is elsewhere now every thread that finds it so opens it and writes its
 * own record; which of the openings is kept is seen to after that. A path that leads nowhere any
 * more: what is open stays the log, as long as it has a name.
 */
static int write_log(struct v6_log_line line)
{
	bool by_syslog = start.kind == V6_LOG_SYSLOG;
	struct opened log, opened = {.ours = true};
	int error;

	if (start.kind == V6_LOG_OFF)
		return 0;
	log = look();
	if (start.kind == V6_LOG_FD)
		return write_given(&log, line);
	if (by_syslog)
		put_tag(&line);
	if (by_syslog ? log.ours : in_place(&log, &line)) {
		error = write_line(&log, false, line);
		/* The daemon was started again. */
		if (!by_syslog || (error != -ECONNREFUSED && error != -ENOTCONN))
			return error;
	}
	opened.fd = by_syslog ? connect_syslog(&opened.st) : open_path(&line, &opened.st);
	if (opened.fd < 0)
		return !by_syslog && log.ours && log.st.st_nlink ? write_line(&log, false, line)
								 : -opened.fd;
	error = write_line(&opened, false, line);
	keep(&opened, &log);
	return error;
}

static void tell_syslog(struct v6_log_line line)
{
	struct stat st;
	int fd = connect_syslog(&st);

	if (fd < 0)
		return;
	put_tag(&line);
	v6_sys_send(fd, line.text, line.len);
	v6_sys_close(fd);
}

/* Apart from write_log(), whose stack is the deepest there is. */
__attribute__((noinline)) static bool tell_stderr(struct v6_log_line line)
{
	struct opened err = look_at(STDERR, start.err);
	bool null = S_ISCHR(err.st.st_mode) && err.st.st_rdev == makedev(MEMORY_DEVICES, 3);

	return !null && !write_given(&err, line);
}

bool v6_log_write(struct v6_log_line line)
{
	static atomic_bool said;
	struct v6_text t;
	int error = write_log(line);

	if (error <= 0 || atomic_exchange(&said, true))
		return !error;
	/* That there is no log, in the place of the record that is lost by that. */
	t = v6_text_in(line.text, V6_RECORD_SIZE);
	v6_text_str(&t, "v6shim: log: '");
	v6_setting_value(&t, start.settings, V6_SETTING_LOG);
	v6_text_print(&t, "'%s; records are counted until it can be used\n",
		start.kind == V6_LOG_FD
			? " is closed, another file than at the start, or a client's socket"
			: v6_errno_words(error));
	line.len = t.len;
	line.severity = LOG_ERR;
	if (!tell_stderr(line))
		tell_syslog(line);
	return false;
}

void v6_log_complain(struct v6_log_line line)
{
	bool elsewhere = start.kind != V6_LOG_OFF && now.fd != STDERR;

	if (!tell_stderr(line) && !(elsewhere && !write_log(line)) && start.kind != V6_LOG_SYSLOG)
		tell_syslog(line);
}

/* ---- at the start */

/* The number before the next ':'; 0 where there is none. */
static size_t next_number(struct v6_slice *text)
{
	uint64_t number = 0;

	v6_slice_uint(v6_slice_cut(text, ':'), UINT64_MAX, &number);
	return (size_t)number;
}

static struct identity next_identity(struct v6_slice *text)
{
	size_t dev = next_number(text);

	return (struct identity){dev, next_number(text)};
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

void v6_log_init(const struct v6_settings *s, struct v6_slice journal, struct v6_slice handed)
{
	bool path = s->log == V6_LOG_PATH;
	int fd = path                      ? alias(s->log_path)
		 : s->log == V6_LOG_STDERR ? STDERR
		 : s->log == V6_LOG_FD     ? s->log_fd
					   : NO_FD;
	struct identity id = {0, 0};
	struct stat st;

	start.settings = s;
	start.journal = next_identity(&journal);
	/* By another socket an inetd service talks to its client. */
	if (v6_sys_fstat(STDERR, &st) >= 0 && (!S_ISSOCK(st.st_mode) || is(&st, start.journal)))
		start.err = identity_of(&st);
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
