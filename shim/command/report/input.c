#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../command.h"
#include "../../govern/sys.h"

/* Bytes at a time, and how often files that are followed are looked at. */
enum { READ_SIZE = 262144, TICK_MS = 100 };

static volatile sig_atomic_t stop;

static void add_damaged(struct v6_logs *logs, struct v6_source *s, const char *reason)
{
	V6_TEXT(t, 512);

	v6_text_print(&t, "%.*s:%lld: %s", V6_SLICE(v6_slice_of(s->name)), s->line, reason);
	logs->damaged++;
	if (s->damaged)
		return;
	s->damaged = v6_keep_bytes(t.buf, t.len);
	if (logs->follow)
		v6_complain("%s", t.buf);
}

/* What a line that is no record looks like; NULL for nothing that is known. */
static const char *looks_like(struct v6_slice line)
{
	const char *text = memmem(line.ptr, line.len, "v6shim", strlen("v6shim"));

	/* "v6shim nginx[4242]: ...", with what syslog or the journal writes before it. */
	if (!v6_slice_begins(line, "{") && text &&
		memmem(text, (size_t)(line.ptr + line.len - text), "]: ", strlen("]: ")))
		return "this looks like the text format; use --log-format json";
	if (v6_slice_begins(line, "\x1f\x8b") || v6_slice_begins(line, "\xfd\x37zXZ") ||
		v6_slice_begins(line, "\x28\xb5\x2f\xfd"))
		return "this looks compressed; unpack it, to 'v6shim report -'";
	return NULL;
}

static void add_line(struct v6_logs *logs, struct v6_source *s, struct v6_slice line)
{
	static char scratch[V6_LINE_MAX];
	V6_TEXT(why, 100);
	struct v6_record r;

	s->line++;
	if (line.len > V6_LINE_MAX) {
		add_damaged(logs, s, "longer than 65536 bytes");
		return;
	}
	/* A record that was cut short is followed by a newline of its own. */
	line = v6_slice_trim(line);
	if (!line.len)
		return;
	if (v6_read_record(&r, line, scratch, &why)) {
		s->records++;
		v6_report_record(logs, s->log, &r);
	} else {
		add_damaged(logs, s, looks_like(line) ? looks_like(line) : why.buf);
	}
}

/* Each line that is whole; of the last one the beginning is kept, or that it is too long. */
static void add_lines(struct v6_logs *logs, struct v6_source *s)
{
	struct v6_slice rest = {s->text, s->len};

	while (memchr(rest.ptr, '\n', rest.len)) {
		struct v6_slice line = v6_slice_cut(&rest, '\n');

		if (!s->skipping)
			add_line(logs, s, line);
		s->skipping = false;
	}
	if (rest.len > V6_LINE_MAX && !s->skipping) {
		add_line(logs, s, rest);
		s->skipping = true;
	}
	s->len = s->skipping ? 0 : rest.len;
	memmove(s->text, rest.ptr, s->len);
}

/* The length of a file's name without what rotation adds to it. */
static size_t log_name(const char *name)
{
	size_t len = strlen(name);

	/* Digits at the end, and a '.' or '-' before them, again and again: ".1", "-20260102". */
	for (size_t n = len;; len = n) {
		while (n && name[n - 1] >= '0' && name[n - 1] <= '9')
			n--;
		if (n == len || n < 2 || !strchr(".-", name[n - 1]) || name[n - 2] == '/')
			return len;
		n--;
	}
}

struct v6_source *v6_source_add(struct v6_logs *logs, const char *name)
{
	struct v6_source *s = v6_keep(sizeof(*s)), **end = &logs->sources;
	size_t len = log_name(name);

	*s = (struct v6_source){.name = name, .fd = -1, .log = s};
	for (; *end; end = &(*end)->next)
		if (log_name((*end)->name) == len && !memcmp((*end)->name, name, len))
			s->log = (*end)->log;
	*end = s;
	return s;
}

static void close_source(struct v6_logs *logs, struct v6_source *s)
{
	if (s->len)
		add_line(logs, s, (struct v6_slice){s->text, s->len});
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->text);
	s->fd = -1;
	s->text = NULL;
	s->len = 0;
	s->over = true;
}

/* Whether another source is, or was, that file. */
static bool is_other(const struct v6_logs *logs, const struct v6_source *s, const struct stat *st)
{
	for (const struct v6_source *other = logs->sources; other; other = other->next)
		if (other != s && other->regular && other->file.st_dev == st->st_dev &&
			other->file.st_ino == st->st_ino)
			return true;
	return false;
}

/* What is named twice is read once. */
static bool open_source(struct v6_logs *logs, struct v6_source *s)
{
	/* Otherwise a FIFO would be waited for until it has a writer. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (logs->follow ? O_NONBLOCK : 0);
	int error;

	s->fd = !strcmp(s->name, "-") ? STDIN_FILENO : open(s->name, flags);
	error = s->fd < 0 ? -errno : v6_sys_fstat(s->fd, &s->file);
	s->error = error ? -error : S_ISDIR(s->file.st_mode) ? EISDIR : 0;
	if (s->error) {
		if (s->fd > STDIN_FILENO)
			close(s->fd);
		s->fd = -1;
		return false;
	}
	s->regular = S_ISREG(s->file.st_mode);
	if (!s->waited && s->regular && is_other(logs, s, &s->file)) {
		v6_complain("%s: named twice, read once", s->name);
		close_source(logs, s);
		return false;
	}
	return true;
}

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* Reads what is there; a pipe's end is its end, a FIFO that is followed may get another writer. */
static void read_on(struct v6_logs *logs, struct v6_source *s)
{
	struct pollfd waits = {.fd = s->fd, .events = POLLIN};
	ssize_t n = 1;

	if (!s->text)
		s->text = v6_need(malloc(V6_LINE_MAX + READ_SIZE));
	while (!stop && (s->regular || !logs->follow || poll(&waits, 1, 0) > 0)) {
		n = read(s->fd, s->text + s->len, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		s->offset += n;
		s->len += (size_t)n;
		add_lines(logs, s);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		s->error = errno;
		v6_complain("%s: %s", s->name, strerror(s->error));
	}
	if (s->error || !logs->follow || (!n && !s->regular && !strcmp(s->name, "-")))
		close_source(logs, s);
}

/* The file was cut: by copytruncate, or by hand. */
static void check_cut(struct v6_logs *logs, struct v6_source *s)
{
	struct stat st;

	if (!s->regular || v6_sys_fstat(s->fd, &st) < 0 || st.st_size >= s->offset)
		return;
	logs->cuts++;
	v6_complain("%s: cut, and what was written right before may be missing; reading it from "
		    "its beginning",
		s->name);
	s->line = 0;
	s->len = 0;
	s->skipping = false;
	s->offset = lseek(s->fd, 0, SEEK_SET);
}

/*
 * Where another file has the name it is read as well, and the one that had it read on: its writers
 * may be at their last lines, or without leave to open the new one. The one before that is over.
 */
static void check_moved(struct v6_logs *logs, struct v6_source *s)
{
	struct stat st;

	if (s->replaced || !strcmp(s->name, "-") || v6_sys_stat(s->name, &st) ||
		(st.st_dev == s->file.st_dev && st.st_ino == s->file.st_ino) ||
		is_other(logs, s, &st))
		return;
	for (struct v6_source *old = logs->sources; old; old = old->next) {
		if (old->replaced && !old->over && old->name == s->name) {
			close_source(logs, old);
			/* What is not open may give its inode to a new file. */
			old->regular = false;
		}
	}
	s->replaced = true;
	if (open_source(logs, v6_source_add(logs, s->name)))
		v6_complain("%s: another file has the name; reading that too", s->name);
}

/* Whether anything can still come. What a pipe has that is followed is new. */
static bool look_at_all(struct v6_logs *logs)
{
	bool open = false;

	for (struct v6_source *s = logs->sources; s && !stop; s = s->next) {
		bool there = s->fd >= 0;

		if (!there && !s->over && open_source(logs, s)) {
			if (s->waited)
				v6_complain("%s: it is there", s->name);
		} else if (!there && !s->over && !s->waited) {
			v6_complain("%s: %s%s", s->name, strerror(s->error),
				logs->follow ? "; waiting for it" : "");
			s->waited = logs->follow;
			s->over = !logs->follow;
		}
		if (s->fd >= 0 && (s->regular || logs->fresh || !logs->follow)) {
			check_cut(logs, s);
			read_on(logs, s);
			if (!s->over)
				check_moved(logs, s);
		}
		open |= !s->over;
	}
	fflush(stdout);
	return open;
}

void v6_logs_read(struct v6_logs *logs)
{
	/* A second signal ends the report that the first one brings. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	if (logs->follow) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
	}
	look_at_all(logs);
	if (!logs->follow)
		return;
	if (stop) {
		v6_complain("interrupted: this is the report of what was read so far");
	} else {
		logs->fresh = true;
		v6_complain("%lld records so far; new ones follow, then the report at an "
			    "interrupt",
			logs->records);
		while (!stop && !ferror(stdout) && look_at_all(logs))
			poll(NULL, 0, TICK_MS);
		/* What came between the last look and the signal is read as well. */
		stop = 0;
	}
	for (struct v6_source *s = logs->sources; s; s = s->next) {
		if (s->fd >= 0 && s->regular)
			read_on(logs, s);
		if (s->fd >= 0)
			close_source(logs, s);
	}
	fflush(stdout);
}
