#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "raw.h"
#include "scratch.h"

#include "forbidden.h"

enum { STDOUT = 1, STDERR = 2, NO_FD = -1 };

/* What a descriptor is known by: the number alone tells nothing once the server had it. */
struct identity {
	uint64_t dev, ino;
};

/*
 * The log that is open, if one is. It changes by one thread at a time, unless a
 * child of vfork is another; readers may see two states mixed. That is harmless:
 * a descriptor is believed only where fstat(2) shows the identity beside it.
 */
static struct {
	atomic_int fd;
	atomic_int pid;         /* of the process that it was opened for */
	atomic_uint id[4];      /* no 64-bit atomics: some machines have a lock behind them */
	atomic_uint placed;     /* in ms, when the path was last seen to lead to it */
	atomic_int opener;      /* the thread that is changing this; 0: none */
	atomic_bool unfinished; /* the last line may have been cut short */
} now = {.fd = NO_FD};

/* Set once, before there is a log. */
static struct {
	uint8_t kind;            /* enum v6_log_kind */
	int flags;               /* of V6_LOG_FD's descriptor: access mode and O_APPEND */
	struct identity root;    /* "/": tells chroot from rotation */
	struct identity err;     /* standard error; 0:0: closed */
	int err_flags;           /* the same of it */
	struct identity journal; /* 0:0: none */
	struct v6_slice program;
	struct v6_slice template; /* V6_LOG_PATH */
	bool by_pid;              /* the template has a %p */
	int pid;                  /* whose path this is: */
	char path[V6_PATH_SIZE];
} sink;

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){(uint64_t)st->st_dev, (uint64_t)st->st_ino};
}

static bool same(struct identity a, struct identity b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

/* ---- the descriptor that is kept */

struct opened {
	int fd, pid;
	struct identity id;
	struct stat st;
	bool ours; /* it is open, and st is what fstat(2) says */
};

static unsigned id_word(int i)
{
	return atomic_load_explicit(&now.id[i], memory_order_relaxed);
}

static void look(struct opened *log)
{
	log->fd = atomic_load_explicit(&now.fd, memory_order_acquire);
	log->pid = atomic_load_explicit(&now.pid, memory_order_relaxed);
	log->id.dev = (uint64_t)id_word(0) << 32 | id_word(1);
	log->id.ino = (uint64_t)id_word(2) << 32 | id_word(3);
	log->ours = log->fd >= 0 && v6_raw_fstat_untimed(log->fd, &log->st) >= 0 &&
		    same(identity_of(&log->st), log->id);
}

static void publish(int fd, struct identity id, int pid)
{
	const uint64_t words[] = {id.dev >> 32, id.dev, id.ino >> 32, id.ino};

	for (int i = 0; i < 4; i++)
		atomic_store_explicit(&now.id[i], (unsigned)words[i], memory_order_relaxed);
	atomic_store_explicit(&now.pid, pid, memory_order_relaxed);
	atomic_store_explicit(&now.fd, fd, memory_order_release);
}

static bool begin_change(void)
{
	int opener = 0, tid = v6_raw_gettid();

	if (atomic_compare_exchange_strong(&now.opener, &opener, tid))
		return true;
	/* A thread of the parent's at the time of fork, or cancelled: it will never end here. */
	return v6_raw_thread_gone(opener) &&
	       atomic_compare_exchange_strong(&now.opener, &opener, tid);
}

static void end_change(void)
{
	atomic_store(&now.opener, 0);
}

/*
 * Up and out of the server's way: servers close or select(2) on low numbers, and
 * take 0, 1 and 2 for what they are. Not too high either, for the kernel's table
 * grows to hold it. A server that may have few descriptors needs them all.
 */
static int raise_fd(int fd)
{
	enum { FEW = 64, MANY = 1024, HIGH = 960, FROM_END = 16 };
	uint64_t limit = v6_raw_limit(RLIMIT_NOFILE);
	int high = -EMFILE;

	if (limit > FEW)
		high = v6_raw_dup_from(fd, limit > MANY ? HIGH : (int)limit - FROM_END);
	v6_raw_close(fd);
	return high;
}

/*
 * Beside what the number shows, how it was opened: the inode of a log that was
 * removed may have become that of a file of the server's.
 */
static bool surely_ours(const struct opened *log)
{
	const int how = O_ACCMODE | O_APPEND | O_NONBLOCK;
	int flags;

	if (!log->ours || S_ISSOCK(log->st.st_mode))
		return log->ours;
	flags = v6_raw_flags(log->fd);
	return flags >= 0 && (flags & how) == (O_WRONLY | O_APPEND | O_NONBLOCK);
}

/*
 * Puts a log that was just opened in the place of the one that was `seen`, or
 * closes it. dup3(2) changes what the number means at one stroke: another thread
 * that is about to write to it is not left with one that the server then gets.
 */
static void keep(int fd, const struct stat *st, int pid, const struct opened *seen)
{
	struct opened log;
	bool unchanged;

	if (!begin_change()) {
		v6_raw_close(fd);
		return;
	}
	look(&log);
	unchanged = seen->ours && same(log.id, seen->id) && log.pid == seen->pid;
	if (!surely_ours(&log)) {
		fd = raise_fd(fd);
		publish(fd < 0 ? NO_FD : fd, identity_of(st), pid);
	} else if (unchanged && v6_raw_dup_onto(fd, log.fd) >= 0) {
		v6_raw_close(fd);
		publish(log.fd, identity_of(st), pid);
	} else { /* another thread was quicker */
		v6_raw_close(fd);
	}
	end_change();
}

/* ---- writing a line */

/* The signal that a write raises, held back; one that was pending before is not this write's. */
struct hold {
	uint64_t raised, mask;
	bool pending;
};

static uint64_t signal_bit(int number)
{
	return UINT64_C(1) << (number - 1);
}

/* And `others`, that the write must not meet either. */
static struct hold hold(int raised, uint64_t others)
{
	struct hold h = {.raised = signal_bit(raised)};
	bool held = v6_raw_block_signals(h.raised | others, &h.mask) >= 0;

	/* Where a seccomp filter refuses that, none must be raised either. */
	h.pending = !held || v6_raw_pending_signals() & h.raised;
	return h;
}

static void let_go(const struct hold *h, bool raised)
{
	if (raised && !h->pending)
		v6_raw_take_signal(h->raised);
	v6_raw_restore_signals(h->mask);
}

static ssize_t write_file(int fd, const struct stat *st, const char *line, size_t len)
{
	uint64_t limit = v6_raw_limit(RLIMIT_FSIZE);
	struct hold h;
	ssize_t n;

	if (limit == UINT64_MAX)
		return v6_raw_write(fd, line, len);
	if ((uint64_t)st->st_size + len > limit)
		return -EFBIG;
	/* Others may have filled it since: then the kernel raises SIGXFSZ, which ends a server. */
	h = hold(SIGXFSZ, 0);
	n = v6_raw_write(fd, line, len);
	let_go(&h, n == -EFBIG);
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
	fd = v6_raw_open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	if (v6_raw_fstat(fd, &opened) >= 0 && same(identity_of(&opened), identity_of(st)))
		return fd;
	v6_raw_close(fd);
	return -ENOENT;
}

/* To what is shared with others, so that O_NONBLOCK is not ours to set. */
static ssize_t write_shared(int fd, const struct stat *st, const char *line, size_t len)
{
	ssize_t n = v6_raw_write_nowait(fd, line, len);
	int again;

	/* EPERM: what container runtimes' filters say of calls they do not know. */
	if (n != -EOPNOTSUPP && n != -ENOSYS && n != -ESPIPE && n != -EINVAL && n != -EPERM)
		return n;
	again = open_again(fd, st);
	if (again >= 0) {
		n = v6_raw_write(again, line, len);
		v6_raw_close(again);
		return n;
	}
	/* No /proc, or no right to: what a terminal then has room for is not known beforehand. */
	return v6_raw_writable(fd) ? v6_raw_write(fd, line, len) : -EAGAIN;
}

/*
 * A pipe or a terminal. SIGPIPE and SIGTTOU (termios(3), TOSTOP) would end or stop
 * the server. The kernel's SIGPIPE is the thread's; whether one that is pending is
 * the thread's too, and so would be one with it, or the process's, cannot be told:
 * then none must be raised.
 */
static ssize_t write_stream(
	int fd, const struct stat *st, bool shared, const char *line, size_t len)
{
	struct hold h = hold(SIGPIPE, signal_bit(SIGTTOU));
	ssize_t n;

	if (h.pending && !v6_raw_writable(fd))
		n = -EAGAIN;
	else if (shared)
		n = write_shared(fd, st, line, len);
	else
		n = v6_raw_write(fd, line, len);
	let_go(&h, n == -EPIPE);
	return n;
}

static void set_unfinished(bool unfinished)
{
	if (atomic_load_explicit(&now.unfinished, memory_order_relaxed) != unfinished)
		atomic_store_explicit(&now.unfinished, unfinished, memory_order_relaxed);
}

/*
 * After a line that was cut short the next one begins with a newline of its own;
 * also where the disk is full, for then another process's may have been.
 */
static bool write_line(int fd, const struct stat *st, bool shared, char *line, size_t len)
{
	bool file = S_ISREG(st->st_mode);
	bool mend = atomic_load_explicit(&now.unfinished, memory_order_relaxed) &&
		    !(file && !st->st_size);
	const char *start = line - mend;
	size_t size = len + mend;
	ssize_t n;

	if (mend)
		line[-1] = '\n';
	if (S_ISSOCK(st->st_mode))
		n = v6_raw_send(fd, start, size);
	else if (file)
		n = write_file(fd, st, start, size);
	else
		n = write_stream(fd, st, shared, start, size);
	if (n >= 0)
		set_unfinished((size_t)n < size);
	else if (file && (n == -ENOSPC || n == -EDQUOT || n == -EIO))
		set_unfinished(true);
	return n >= 0 && (size_t)n == size;
}

/* ---- standard error, and a descriptor that was handed over */

static int how_opened(int fd)
{
	int flags = v6_raw_flags(fd);

	return flags < 0 ? flags : flags & (O_ACCMODE | O_APPEND);
}

/* /dev/null, terminals, the console: what servers put there (devices.txt of the kernel). */
static bool may_be_stderr(const struct stat *st)
{
	unsigned class = major(st->st_rdev), number = minor(st->st_rdev);

	switch (class) {
	case 1:
		return number == 3;
	case 4:
		return number < 64;
	case 5:
		return number < 2;
	default:
		return class >= 136 && class <= 143;
	}
}

/*
 * Whether standard error still is such. The server may have closed it, and what
 * it opened next got the number: only what can be no data of its own is written
 * to. A file as it was given, the way it was opened included, for its inode may
 * be another's by now; or one opened for appending alone. A pipe as it was given,
 * or that standard output has as well, which no pipe gets by accident.
 */
static bool is_stderr(const struct stat *st)
{
	bool given = same(identity_of(st), sink.err);
	struct stat out;
	int how;

	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		how = how_opened(STDERR);
		return how == (O_WRONLY | O_APPEND) || (given && how == sink.err_flags);
	case S_IFIFO:
		return given || (v6_raw_fstat(STDOUT, &out) >= 0 &&
					same(identity_of(&out), identity_of(st)));
	case S_IFCHR:
		return given || may_be_stderr(st);
	default: /* on a socket an inetd service talks to its client */
		return false;
	}
}

static bool write_stderr(char *line, size_t len, int priority)
{
	struct stat st;

	if (v6_raw_fstat_untimed(STDERR, &st) < 0)
		return false;
	if (sink.journal.ino && same(identity_of(&st), sink.journal)) {
		/* sd-daemon(3): "<N>" before a line is its priority. */
		line -= 3;
		line[0] = '<';
		line[1] = (char)('0' + priority);
		line[2] = '>';
		return write_line(STDERR, &st, true, line, len + 3);
	}
	return is_stderr(&st) && write_line(STDERR, &st, true, line, len);
}

static bool write_fd(char *line, size_t len)
{
	struct opened log;

	look(&log);
	if (!log.ours || (S_ISREG(log.st.st_mode) && how_opened(log.fd) != sink.flags))
		return false;
	return write_line(log.fd, &log.st, true, line, len);
}

/* ---- a path */

/* The process's own file name, %p and %n filled in. false where it does not fit. */
static bool expand(char *path, int pid)
{
	struct v6_text t = v6_text_in(path, V6_PATH_SIZE);

	for (size_t i = 0; i < sink.template.len; i++) {
		char c = sink.template.ptr[i];

		if (c != '%') {
			v6_text_char(&t, c);
			continue;
		}
		switch (sink.template.ptr[++i]) {
		case 'p':
			v6_text_int(&t, pid);
			break;
		case 'n':
			v6_text_slice(&t, sink.program);
			break;
		default:
			v6_text_char(&t, '%');
		}
	}
	if (t.full)
		path[0] = '\0';
	return !t.full;
}

/* Who may put things there. */
struct folder {
	unsigned mode, uid;
};

static struct folder folder_of(const struct stat *st)
{
	return (struct folder){st->st_mode, st->st_uid};
}

/* What is known of the last part of a path before it is opened. */
struct way {
	struct folder dir; /* that it is in */
	struct stat st;
	unsigned root; /* the owner of "/": root, whatever this user namespace calls it */
	bool link;     /* it is a symbolic link, and may be followed; st is what it leads to */
};

static bool trusted(unsigned uid)
{
	return uid == 0 || uid == v6_raw_geteuid();
}

/* Whether others than root and we may put things there. */
static bool open_to_others(const struct way *way)
{
	const struct folder *dir = &way->dir;

	return dir->mode & (S_IWGRP | S_IWOTH) || (dir->uid != way->root && !trusted(dir->uid));
}

/*
 * What another user may have put in the place of a log, so that it goes where they
 * want: a symbolic link, or a file that has a second name, wherever it is; and in a
 * sticky directory that everybody may write to whatever neither its owner, nor root,
 * nor we made. The kernel has such rules, weaker ones, in fs.protected_symlinks,
 * _regular, _fifos and _hardlinks (Documentation/admin-guide/sysctl/fs.rst); they may be
 * off, or the kernel older than they.
 */
static bool planted(const struct way *way, const struct stat *st)
{
	const struct folder *dir = &way->dir;

	if (S_ISLNK(st->st_mode))
		return !trusted(st->st_uid) && (st->st_uid != way->root || open_to_others(way));
	if (S_ISREG(st->st_mode) && st->st_nlink > 1 && open_to_others(way))
		return true;
	return dir->mode & S_ISVTX && dir->mode & S_IWOTH && st->st_uid != dir->uid &&
	       !trusted(st->st_uid);
}

static bool writable_kind(mode_t mode)
{
	return S_ISREG(mode) || S_ISFIFO(mode) || S_ISCHR(mode);
}

/* One part of a path, the last one or a directory on the way. */
static int step(const char *path, bool last, struct way *way)
{
	int error = v6_raw_lstat(path, &way->st);

	way->link = !error && S_ISLNK(way->st.st_mode);
	if (!error && (way->link || last) && planted(way, &way->st))
		return -EACCES;
	if (way->link)
		error = v6_raw_stat(path, &way->st);
	if (!last)
		return error;
	/* What is not there, or a link to it, is made. */
	if (error)
		return error == -ENOENT ? 0 : error;
	return writable_kind(way->st.st_mode) ? 0 : -EINVAL;
}

/*
 * Goes a path part by part, cutting it short and mending it as it goes. 0 where
 * it may be opened, or made.
 */
static int walk(char *path, const struct folder *root, struct way *way)
{
	int error = 0;

	way->dir = *root;
	way->root = root->uid;
	for (char *end = path + 1; !error; end++) {
		bool last = !*end;

		if (!last && *end != '/')
			continue;
		*end = '\0';
		error = step(path, last, way);
		if (last)
			break;
		*end = '/';
		way->dir = folder_of(&way->st);
	}
	return error;
}

static int open_once(char *path, const struct folder *root, struct stat *st)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_LARGEFILE;
	struct way way;
	int fd;

	fd = walk(path, root, &way);
	if (fd < 0)
		return fd;
	fd = v6_raw_open(path, flags | (way.link ? 0 : O_NOFOLLOW), 0644);
	if (fd < 0)
		return fd;
	/* What was put there, or on the way there, since then. */
	if (v6_raw_fstat(fd, st) >= 0 && walk(path, root, &way) >= 0 &&
		same(identity_of(st), identity_of(&way.st)))
		return fd;
	v6_raw_close(fd);
	return -EAGAIN;
}

/*
 * Opens a path for appending: the descriptor and *st, or the negated errno. *root is
 * what "/" is. The path is the caller's own copy, for other threads may be reading
 * the common one. A log that is rotated meanwhile is opened again.
 */
static int open_path(char *path, const struct folder *root, struct stat *st)
{
	enum { TRIES = 4 };
	int fd = -EAGAIN;

	for (int i = 0; i < TRIES && fd == -EAGAIN; i++)
		fd = open_once(path, root, st);
	return fd;
}

/*
 * Whether the path led here a moment ago, and the file was not removed since. One
 * that was moved away gets what is written until the moment is over.
 */
static bool stays_in_place(const struct opened *log, unsigned now_ms)
{
	enum { MOMENT_MS = 100 };

	return S_ISREG(log->st.st_mode) && log->st.st_nlink &&
	       now_ms - atomic_load_explicit(&now.placed, memory_order_relaxed) < MOMENT_MS;
}

/* Whether what is open is what the path leads to now. */
static bool in_place(const struct opened *log, const char *path, const struct v6_sink_line *line)
{
	unsigned now_ms = (unsigned)(line->time / 1000);
	struct stat st;

	if (!log->ours || (sink.by_pid && log->pid != line->pid))
		return false;
	if (stays_in_place(log, now_ms))
		return true;
	if (v6_raw_stat(path, &st) < 0 || !same(identity_of(&st), log->id))
		return false;
	atomic_store_explicit(&now.placed, now_ms, memory_order_relaxed);
	return true;
}

/*
 * Where the path leads elsewhere. Every thread that finds it so opens it and
 * writes its own record; which of the openings is kept is seen to after that.
 */
static bool write_anew(const struct opened *log, const char *path, const struct v6_sink_line *line)
{
	struct folder root;
	struct stat st;
	int fd = -EACCES;
	bool written;

	/* In a chroot the path means another place. */
	if (v6_raw_stat("/", &st) >= 0 && same(identity_of(&st), sink.root)) {
		root = folder_of(&st);
		if (path != line->spare)
			memcpy(line->spare, path, strlen(path) + 1);
		fd = open_path(line->spare, &root, &st);
	}
	if (fd < 0)
		/* What is open stays the log, as long as it has a name. */
		return surely_ours(log) && log->st.st_nlink &&
		       write_line(log->fd, &log->st, false, line->text, line->len);
	written = write_line(fd, &st, false, line->text, line->len);
	keep(fd, &st, line->pid, log);
	return written;
}

static bool write_path(const struct v6_sink_line *line)
{
	const char *path = sink.path;
	struct opened log;

	if (sink.by_pid && line->pid != sink.pid && expand(line->spare, line->pid))
		path = line->spare;
	look(&log);
	if (in_place(&log, path, line))
		return write_line(log.fd, &log.st, false, line->text, line->len);
	return *path && write_anew(&log, path, line);
}

/* ---- syslog */

static int connect_syslog(struct stat *st)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = v6_raw_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return fd;
	error = v6_raw_connect(fd, &un, sizeof(un));
	if (!error)
		error = v6_raw_fstat(fd, st);
	if (!error)
		return fd;
	v6_raw_close(fd);
	return error;
}

/* The daemon has no room: it is there, and has to be left alone. */
static bool is_busy(ssize_t n)
{
	return n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM || n == -EMSGSIZE;
}

static bool send_syslog(const char *text, size_t len, int pid)
{
	struct opened log;
	struct stat st;
	ssize_t n;
	int fd;

	look(&log);
	if (log.ours) {
		n = v6_raw_send(log.fd, text, len);
		if (n >= 0 || is_busy(n))
			return n == (ssize_t)len;
	}
	/* The daemon was started again, or the server closed the descriptor. */
	fd = connect_syslog(&st);
	if (fd < 0)
		return false;
	n = v6_raw_send(fd, text, len);
	keep(fd, &st, pid, &log);
	return n == (ssize_t)len;
}

/* RFC 3164, 4.1.3: what a tag consists of ends where anything else begins. */
static void put_tag(struct v6_text *t, struct v6_slice program)
{
	enum { TAG = 32 };

	for (size_t i = 0; i < program.len && i < TAG; i++) {
		char c = program.ptr[i];

		v6_text_char(t, c > ' ' && c < 0x7f && !strchr("[]:", c) ? c : '_');
	}
}

/* "<PRI>TAG[PID]: TEXT", RFC 3164 without the time, which the receiver has itself. */
static bool write_syslog(const struct v6_sink_line *line)
{
	enum { FACILITY_DAEMON = 3 };
	char head[V6_SINK_HEADROOM];
	struct v6_text t = v6_text_in(head, sizeof(head));

	v6_text_char(&t, '<');
	v6_text_int(&t, FACILITY_DAEMON * 8 + line->priority);
	v6_text_char(&t, '>');
	put_tag(&t, sink.program);
	v6_text_char(&t, '[');
	v6_text_int(&t, line->pid);
	v6_text_str(&t, "]: ");
	memcpy(line->text - t.len, head, t.len);
	/* The newline is the file's, not the datagram's. */
	return send_syslog(line->text - t.len, t.len + line->len - 1, line->pid);
}

bool v6_sink_write(const struct v6_sink_line *line)
{
	switch (sink.kind) {
	case V6_LOG_STDERR:
		return write_stderr(line->text, line->len, line->priority);
	case V6_LOG_FD:
		return write_fd(line->text, line->len);
	case V6_LOG_SYSLOG:
		return write_syslog(line);
	case V6_LOG_PATH:
		return write_path(line);
	default:
		return true;
	}
}

bool v6_sink_complain(char *line, size_t len, int priority)
{
	return write_stderr(line, len, priority);
}

/* ---- at the start */

/* "DEVICE:INODE", decimal. */
static struct identity parse_journal(struct v6_slice text)
{
	struct identity id = {0, 0};
	uint64_t *number = &id.dev;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == ':' && number == &id.dev)
			number = &id.ino;
		else if (c >= '0' && c <= '9')
			*number = 10 * *number + (uint64_t)(c - '0');
		else
			return (struct identity){0, 0};
	}
	return id;
}

static bool has_pid(struct v6_slice template)
{
	for (size_t i = 0; i + 1 < template.len; i++)
		if (template.ptr[i] == '%' && template.ptr[++i] == 'p')
			return true;
	return false;
}

/* The number that a text consists of, NO_FD where it does not. */
static int number(struct v6_slice text)
{
	int n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || n > INT32_MAX / 10 - 1)
			return NO_FD;
		n = 10 * n + (text.ptr[i] - '0');
	}
	return text.len ? n : NO_FD;
}

/*
 * The descriptor that a path is but another name of, NO_FD where it is more. By
 * its name it would be opened once more, and keep the reader of a pipe waiting.
 */
static int alias(struct v6_slice path)
{
	static const char *const dirs[] = {"/dev/fd/", "/proc/self/fd/"};

	if (v6_slice_is(path, "/dev/stdout"))
		return STDOUT;
	if (v6_slice_is(path, "/dev/stderr"))
		return STDERR;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (v6_slice_begins(path, dirs[i]))
			return number(v6_slice_from(path, strlen(dirs[i])));
	return NO_FD;
}

static void adopt(int fd, int pid)
{
	struct stat st;

	if (v6_raw_fstat(fd, &st) < 0)
		return;
	sink.flags = how_opened(fd);
	publish(fd, identity_of(&st), pid);
}

static int open_first_path(struct v6_slice template, int pid, struct stat *st)
{
	char *copy = v6_scratch_claim();
	struct folder root;
	int fd = -ENAMETOOLONG;

	if (!copy)
		return -ENOMEM;
	if (v6_raw_stat("/", st) < 0)
		memset(st, 0, sizeof(*st));
	sink.root = identity_of(st);
	root = folder_of(st);
	sink.template = template;
	sink.by_pid = has_pid(template);
	sink.pid = pid;
	if (expand(sink.path, pid)) {
		memcpy(copy, sink.path, sizeof(sink.path));
		fd = open_path(copy, &root, st);
	}
	v6_scratch_release(copy);
	return fd;
}

void v6_sink_prepare(const struct v6_live *live, struct v6_slice journal)
{
	struct stat st;

	sink.program = live->program;
	sink.journal = parse_journal(journal);
	if (v6_raw_fstat(STDERR, &st) < 0)
		return;
	sink.err = identity_of(&st);
	sink.err_flags = how_opened(STDERR);
}

void v6_sink_open(const struct v6_live *live)
{
	struct v6_slice path = live->settings.log_path;
	struct opened none = {.fd = NO_FD};
	int pid = v6_raw_getpid(), fd = NO_FD;
	struct stat st = {0};

	sink.kind = live->settings.log;
	if (sink.kind == V6_LOG_FD)
		adopt(live->settings.log_fd, pid);
	else if (sink.kind == V6_LOG_SYSLOG)
		fd = connect_syslog(&st);
	else if (sink.kind == V6_LOG_PATH && alias(path) == NO_FD)
		fd = open_first_path(path, pid, &st);
	else if (sink.kind == V6_LOG_PATH && alias(path) == STDERR)
		sink.kind = V6_LOG_STDERR;
	else if (sink.kind == V6_LOG_PATH) {
		sink.kind = V6_LOG_FD;
		adopt(alias(path), pid);
	}
	if (fd >= 0)
		keep(fd, &st, pid, &none);
}
