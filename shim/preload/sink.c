#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "raw.h"

#include "forbidden.h"

enum { STDERR = 2, NO_FD = -1 };

/* What a descriptor is known by: the number alone tells nothing once the server had it. */
struct identity {
	uint64_t dev, ino;
};

/*
 * The open log. Readers take fd first and believe it only where fstat(2) shows
 * the identity beside it; a mixture of two states is taken for a lost log and
 * opened again, which is harmless.
 */
static struct {
	uint8_t kind; /* enum v6_log_kind */
	atomic_int fd;
	_Atomic uint64_t dev, ino;
	struct identity root;     /* "/" when it was opened: tells chroot from rotation */
	struct identity err;      /* standard error when the library came */
	struct identity journal;  /* 0:0: none */
	atomic_flag opening;      /* one thread opens at a time */
	atomic_bool torn;         /* the last line was cut short */
	struct v6_slice template; /* V6_LOG_PATH */
	struct v6_slice program;
	bool by_pid;         /* the template has a %p */
	atomic_int path_pid; /* the process whose path[] is in force */
	atomic_int path_now; /* index into path[] */
	char path[2][V6_PATH_SIZE];
} sink = {.fd = NO_FD, .opening = ATOMIC_FLAG_INIT};

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){(uint64_t)st->st_dev, (uint64_t)st->st_ino};
}

static bool same(struct identity a, struct identity b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

static struct identity root_identity(void)
{
	struct stat st;

	return v6_raw_stat("/", &st) < 0 ? (struct identity){0, 0} : identity_of(&st);
}

/* The process's own file name, %p and %n filled in. -1 where it does not fit. */
static int expand(char *path, int pid)
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
	return t.full ? -1 : 0;
}

/*
 * In a directory that everybody may write to, only what the directory's owner,
 * root or we ourselves put there is trusted: the kernel's own rule of
 * fs.protected_symlinks and fs.protected_regular (Documentation/admin-guide/
 * sysctl/fs.rst), which may be off, or older than the kernel.
 */
static bool planted(const struct stat *dir, const struct stat *st)
{
	if (!(dir->st_mode & S_ISVTX) || !(dir->st_mode & S_IWOTH))
		return false;
	return st->st_uid != dir->st_uid && st->st_uid != 0 && st->st_uid != v6_raw_geteuid();
}

/*
 * Walks every part of the path: -EACCES where one was planted, otherwise 0, with
 * *link set where the last part is a symbolic link that may be followed.
 */
static int walk(char *path, bool *link)
{
	struct stat dir, st;

	*link = false;
	if (v6_raw_stat("/", &dir) < 0)
		return -EACCES;
	for (char *end = path + 1;; end++) {
		bool last = !*end;

		if (!last && *end != '/')
			continue;
		*end = '\0';
		if (v6_raw_lstat(path, &st) < 0) {
			if (!last)
				*end = '/';
			return 0; /* open(2) says what is the matter, or creates it */
		}
		*link = last && S_ISLNK(st.st_mode);
		if (S_ISLNK(st.st_mode) && planted(&dir, &st)) {
			if (!last)
				*end = '/';
			return -EACCES;
		}
		if (!last && S_ISLNK(st.st_mode) && v6_raw_stat(path, &st) < 0)
			st.st_mode = 0;
		if (last)
			return planted(&dir, &st) && !*link ? -EACCES : 0;
		*end = '/';
		dir = st;
	}
}

static bool writable_kind(mode_t mode)
{
	return S_ISREG(mode) || S_ISFIFO(mode) || S_ISCHR(mode);
}

/* Opens the path for appending: the descriptor and *st, or the negated errno. */
static int open_path(char *path, struct stat *st)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	bool link;
	int fd = walk(path, &link);

	if (fd < 0)
		return fd;
	fd = v6_raw_open(path, flags | (link ? 0 : O_NOFOLLOW), 0644);
	if (fd < 0)
		return fd;
	if (v6_raw_fstat(fd, st) < 0 || !writable_kind(st->st_mode)) {
		v6_raw_close(fd);
		return -EINVAL;
	}
	return fd;
}

/*
 * Up and out of the server's way: servers close or select(2) on low numbers. Not
 * too high either, for the kernel's descriptor table grows to hold it.
 */
static int raise_fd(int fd)
{
	uint64_t limit = v6_raw_limit(RLIMIT_NOFILE);
	int lowest = limit > 1024 ? 960 : limit > 64 ? (int)limit - 16 : 0;
	int high = v6_raw_dup_from(fd, lowest);

	if (high < 0)
		return fd;
	v6_raw_close(fd);
	return high;
}

static void publish(int fd, struct identity id)
{
	atomic_store_explicit(&sink.dev, id.dev, memory_order_relaxed);
	atomic_store_explicit(&sink.ino, id.ino, memory_order_relaxed);
	atomic_store_explicit(&sink.fd, fd, memory_order_release);
}

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

static char *path_now(void)
{
	return sink.path[atomic_load_explicit(&sink.path_now, memory_order_acquire)];
}

/* A forked child whose path has a %p in it writes a file of its own. */
static void name_path_of_process(void)
{
	int pid = v6_raw_getpid(), spare = !atomic_load(&sink.path_now);

	if (expand(sink.path[spare], pid))
		return;
	atomic_store_explicit(&sink.path_now, spare, memory_order_release);
	atomic_store(&sink.path_pid, pid);
}

static int open_fresh(struct stat *st)
{
	return sink.kind == V6_LOG_SYSLOG ? connect_syslog(st) : open_path(path_now(), st);
}

/*
 * Opens the log anew and puts it in the place of `ours`, a descriptor that still
 * is the old log (or NO_FD): dup3(2) changes what the number means at one stroke,
 * so that no other thread can be left with a number that the server then gets.
 */
static int reopen(int ours, struct stat *st)
{
	int fd = open_fresh(st);

	if (fd < 0)
		return fd;
	if (ours == NO_FD) {
		fd = raise_fd(fd);
	} else if (v6_raw_dup_onto(fd, ours) >= 0) {
		v6_raw_close(fd);
		fd = ours;
	}
	sink.root = root_identity();
	publish(fd, identity_of(st));
	return fd;
}

static ssize_t write_file(int fd, const struct stat *st, const char *line, size_t len)
{
	uint64_t limit = v6_raw_limit(RLIMIT_FSIZE);

	/* Past the limit the kernel would raise SIGXFSZ, which ends a server. */
	if (limit != UINT64_MAX && (uint64_t)st->st_size + len > limit)
		return -EFBIG;
	return v6_raw_write(fd, line, len);
}

/*
 * A pipe or a terminal, shared with others, so that O_NONBLOCK is not ours to
 * set. SIGPIPE is held back, and taken away again only where it is this write's:
 * one that was pending before is the application's own.
 */
static ssize_t write_stream(int fd, const char *line, size_t len)
{
	static const uint64_t sigpipe = UINT64_C(1) << (SIGPIPE - 1);
	uint64_t mask = v6_raw_block_signals(sigpipe);
	bool pending = v6_raw_pending_signals() & sigpipe;
	ssize_t n = v6_raw_write_nowait(fd, line, len);

	if (n == -EOPNOTSUPP || n == -ENOSYS || n == -ESPIPE || n == -EINVAL)
		n = v6_raw_writable(fd) ? v6_raw_write(fd, line, len) : -EAGAIN;
	if (n == -EPIPE && !pending)
		v6_raw_take_signal(sigpipe);
	v6_raw_restore_signals(mask);
	return n;
}

/* After a line that was cut short the next one begins with a newline of its own. */
static bool write_line(int fd, const struct stat *st, char *line, size_t len)
{
	bool mend = atomic_load_explicit(&sink.torn, memory_order_relaxed);
	const char *start = line - mend;
	size_t size = len + mend;
	ssize_t n;

	if (mend)
		line[-1] = '\n';
	if (S_ISSOCK(st->st_mode))
		n = v6_raw_send(fd, start, size);
	else if (S_ISREG(st->st_mode))
		n = write_file(fd, st, start, size);
	else
		n = write_stream(fd, start, size);
	if (n >= 0)
		atomic_store_explicit(&sink.torn, (size_t)n < size, memory_order_relaxed);
	return n >= 0 && (size_t)n == size;
}

/*
 * Standard error that the server has put something else in the place of: a log
 * of its own is opened for appending; what may be read, or has a place that
 * writes move, may be its data.
 */
static bool still_a_log(int fd, const struct stat *st)
{
	int flags;

	if (!S_ISREG(st->st_mode) || same(identity_of(st), sink.err))
		return true;
	flags = v6_raw_flags(fd);
	return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY && flags & O_APPEND;
}

static bool is_journal(const struct stat *st)
{
	return sink.journal.ino && same(identity_of(st), sink.journal);
}

static bool write_stderr(char *line, size_t len, int priority)
{
	struct stat st;

	if (v6_raw_fstat(STDERR, &st) < 0)
		return false;
	if (is_journal(&st)) {
		/* sd-daemon(3): "<N>" before a line is its priority. */
		line -= 3;
		line[0] = '<';
		line[1] = (char)('0' + priority);
		line[2] = '>';
		return write_line(STDERR, &st, line, len + 3);
	}
	/* An inetd service talks to its client there. */
	if (!(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		return false;
	return still_a_log(STDERR, &st) && write_line(STDERR, &st, line, len);
}

static bool write_fd(char *line, size_t len)
{
	int fd = atomic_load_explicit(&sink.fd, memory_order_acquire);
	struct identity id = {sink.dev, sink.ino};
	struct stat st;

	if (fd < 0 || v6_raw_fstat(fd, &st) < 0 || !same(identity_of(&st), id))
		return false;
	return write_line(fd, &st, line, len);
}

/* Whether the path leads to another file than the open one, or to none. */
static bool rotated(struct identity id)
{
	struct stat st;

	return v6_raw_stat(path_now(), &st) < 0 || !same(identity_of(&st), id);
}

/* A file of this thread's alone, for while another thread opens the common one. */
static bool write_apart(char *line, size_t len)
{
	struct stat st;
	int fd = open_fresh(&st);
	bool written;

	if (fd < 0)
		return false;
	written = write_line(fd, &st, line, len);
	v6_raw_close(fd);
	return written;
}

static bool write_path(char *line, size_t len)
{
	int fd = atomic_load_explicit(&sink.fd, memory_order_acquire);
	struct identity id = {sink.dev, sink.ino};
	bool forked = sink.by_pid && atomic_load(&sink.path_pid) != v6_raw_getpid();
	struct stat st, fresh;
	bool ours, written;

	ours = fd >= 0 && v6_raw_fstat(fd, &st) >= 0 && same(identity_of(&st), id);
	if (ours && !forked && !(S_ISREG(st.st_mode) && rotated(id)))
		return write_line(fd, &st, line, len);
	/* In a chroot the path means another place: what is open stays the log. */
	if (ours && st.st_nlink && !same(root_identity(), sink.root))
		return write_line(fd, &st, line, len);
	if (atomic_flag_test_and_set_explicit(&sink.opening, memory_order_acquire))
		return write_apart(line, len);
	if (forked)
		name_path_of_process();
	if (reopen(ours ? fd : NO_FD, &fresh) >= 0)
		written = write_line(atomic_load(&sink.fd), &fresh, line, len);
	else /* No right to open it any more: a file that has a name keeps its records. */
		written = ours && st.st_nlink && write_line(fd, &st, line, len);
	atomic_flag_clear_explicit(&sink.opening, memory_order_release);
	return written;
}

/* "<PRI>TAG[PID]: TEXT", RFC 3164 without the time, which the receiver has itself. */
static bool write_syslog(char *line, size_t len, int priority)
{
	enum { FACILITY_DAEMON = 3, TAG = 16 };
	char head[V6_SINK_HEADROOM];
	struct v6_text t = v6_text_in(head, sizeof(head));
	struct v6_slice tag = sink.program;
	int fd = atomic_load_explicit(&sink.fd, memory_order_acquire);
	struct identity id = {sink.dev, sink.ino};
	struct stat st;

	v6_text_char(&t, '<');
	v6_text_int(&t, FACILITY_DAEMON * 8 + priority);
	v6_text_char(&t, '>');
	v6_text_safe(&t, tag.ptr, tag.len > TAG ? TAG : tag.len);
	v6_text_char(&t, '[');
	v6_text_int(&t, v6_raw_getpid());
	v6_text_str(&t, "]: ");
	memcpy(line - t.len, head, t.len);
	line -= t.len;
	len += t.len - 1; /* the newline is the file's, not the datagram's */
	if (fd >= 0 && v6_raw_fstat(fd, &st) >= 0 && same(identity_of(&st), id) &&
		v6_raw_send(fd, line, len) == (ssize_t)len)
		return true;
	/* The daemon was started again, or the server closed the descriptor. */
	if (atomic_flag_test_and_set_explicit(&sink.opening, memory_order_acquire))
		return false;
	fd = reopen(fd >= 0 && same(identity_of(&st), id) ? fd : NO_FD, &st);
	atomic_flag_clear_explicit(&sink.opening, memory_order_release);
	return fd >= 0 && v6_raw_send(fd, line, len) == (ssize_t)len;
}

bool v6_sink_write(char *line, size_t len, int priority)
{
	switch (sink.kind) {
	case V6_LOG_STDERR:
		return write_stderr(line, len, priority);
	case V6_LOG_FD:
		return write_fd(line, len);
	case V6_LOG_SYSLOG:
		return write_syslog(line, len, priority);
	case V6_LOG_PATH:
		return write_path(line, len);
	default:
		return true;
	}
}

bool v6_sink_complain(char *line, size_t len, int priority)
{
	return write_stderr(line, len, priority);
}

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

static void adopt(int fd)
{
	struct stat st;

	if (v6_raw_fstat(fd, &st) >= 0)
		publish(fd, identity_of(&st));
}

static bool has_pid(struct v6_slice template)
{
	for (size_t i = 0; i + 1 < template.len; i++)
		if (template.ptr[i] == '%' && template.ptr[++i] == 'p')
			return true;
	return false;
}

static void open_log_path(const struct v6_live *live)
{
	struct stat st;

	sink.template = live->settings.log_path;
	sink.by_pid = has_pid(sink.template);
	sink.path_pid = v6_raw_getpid();
	if (!expand(sink.path[0], sink.path_pid))
		reopen(NO_FD, &st);
}

void v6_sink_prepare(const struct v6_live *live, struct v6_slice journal)
{
	struct stat st;

	sink.program = live->program;
	sink.journal = parse_journal(journal);
	if (v6_raw_fstat(STDERR, &st) >= 0)
		sink.err = identity_of(&st);
}

void v6_sink_open(const struct v6_live *live)
{
	struct stat st;

	switch (live->settings.log) {
	case V6_LOG_FD:
		adopt(live->settings.log_fd);
		break;
	case V6_LOG_SYSLOG:
		sink.kind = V6_LOG_SYSLOG;
		reopen(NO_FD, &st);
		break;
	case V6_LOG_PATH:
		open_log_path(live);
		break;
	default:
		break;
	}
	sink.kind = live->settings.log;
}
