#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../command.h"
#include "../memory.h"
#include "../../govern/sys.h"
#include "reader.h"

enum { READ_SIZE = 262144 }; /* at a time */
enum { TICK_MS = 100 };      /* how often files that are followed are looked at */

static volatile sig_atomic_t stop;

/* Lines. */

static void add_damaged(struct v6_input *in, struct v6_source *s, const char *reason)
{
	V6_TEXT(t, 512);

	v6_text_print(
		&t, "%.*s:%lld: %s", V6_SLICE(v6_slice_of(s->name)), (long long)s->line, reason);
	in->damaged++;
	if (s->damaged)
		return;
	s->damaged = v6_keep_bytes(t.buf, t.len);
	if (in->follow)
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
	if (v6_slice_begins(line, "\x1f\x8b") ||
		v6_slice_begins(line, "\xfd"
				      "7zXZ") ||
		v6_slice_begins(line, "\x28\xb5\x2f\xfd"))
		return "this looks compressed; unpack it, to 'v6shim report -'";
	return NULL;
}

static void add_line(struct v6_input *in, struct v6_source *s, struct v6_slice line)
{
	V6_TEXT(why, 100);
	struct v6_record r;

	s->line++;
	if (line.len > V6_LINE_MAX) {
		add_damaged(in, s, "longer than 65536 bytes");
		return;
	}
	/* A record that was cut short is followed by a newline of its own. */
	line = v6_slice_trim(line);
	if (!line.len)
		return;
	if (v6_read_record(&r, line, in->scratch, &why)) {
		in->records++;
		s->records++;
		in->add(in->to, s->log, &r);
	} else {
		add_damaged(in, s, looks_like(line) ? looks_like(line) : why.buf);
	}
}

/* Each line that is whole; of the last one the beginning is kept, or that it is too long. */
static void add_lines(struct v6_input *in, struct v6_source *s)
{
	struct v6_slice rest = {s->text, s->len};

	while (memchr(rest.ptr, '\n', rest.len)) {
		struct v6_slice line = v6_slice_cut(&rest, '\n');

		if (!s->skipping)
			add_line(in, s, line);
		s->skipping = false;
	}
	if (rest.len > V6_LINE_MAX && !s->skipping) {
		add_line(in, s, rest);
		s->skipping = true;
	}
	s->len = s->skipping ? 0 : rest.len;
	memmove(s->text, rest.ptr, s->len);
}

/* Sources. */

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

struct v6_source *v6_source_add(struct v6_input *in, const char *name)
{
	struct v6_source *s = v6_keep(sizeof(*s));
	size_t len = log_name(name);

	*s = (struct v6_source){.name = name, .fd = -1, .log = (unsigned)in->count};
	for (size_t i = in->count; i--;)
		if (log_name(in->sources[i]->name) == len &&
			!memcmp(in->sources[i]->name, name, len))
			s->log = in->sources[i]->log;
	*V6_ADD(in->sources, in->count) = s;
	return s;
}

static void close_source(struct v6_input *in, struct v6_source *s)
{
	if (s->len)
		add_line(in, s, (struct v6_slice){s->text, s->len});
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->text);
	s->fd = -1;
	s->text = NULL;
	s->len = 0;
	s->over = true;
}

/* Whether another source is, or was, that file. */
static bool is_other(const struct v6_input *in, const struct v6_source *s, const struct stat *st)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->sources[i] != s && in->sources[i]->regular &&
			in->sources[i]->dev == st->st_dev && in->sources[i]->ino == st->st_ino)
			return true;
	return false;
}

/* What is named twice is read once. */
static bool open_source(struct v6_input *in, struct v6_source *s)
{
	/* Otherwise a FIFO would be waited for until it has a writer. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (in->follow ? O_NONBLOCK : 0);
	struct stat st = {0};
	int error;

	s->fd = !strcmp(s->name, "-") ? STDIN_FILENO : open(s->name, flags);
	error = s->fd < 0 ? -errno : v6_sys_fstat(s->fd, &st);
	s->error = error ? -error : S_ISDIR(st.st_mode) ? EISDIR : 0;
	if (s->error) {
		if (s->fd > STDIN_FILENO)
			close(s->fd);
		s->fd = -1;
		return false;
	}
	if (!s->waited && S_ISREG(st.st_mode) && is_other(in, s, &st)) {
		v6_complain("%s: named twice, read once", s->name);
		close_source(in, s);
		return false;
	}
	s->regular = S_ISREG(st.st_mode);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return true;
}

/* Reads once: bytes, 0: nothing there, -1: s->error. */
static ssize_t read_source(struct v6_input *in, struct v6_source *s)
{
	ssize_t n;

	if (!s->text)
		s->text = v6_need(malloc(V6_LINE_MAX + READ_SIZE));
	do
		n = read(s->fd, s->text + s->len, READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	s->error = n < 0 ? errno : 0;
	if (n <= 0)
		return n;
	s->offset += n;
	s->len += (size_t)n;
	add_lines(in, s);
	return n;
}

void v6_input_read(struct v6_input *in)
{
	for (size_t i = 0; i < in->count; i++) {
		struct v6_source *s = in->sources[i];

		if (open_source(in, s)) {
			while (read_source(in, s) > 0)
				;
			close_source(in, s);
		}
		if (s->error)
			v6_complain("%s: %s", s->name, strerror(s->error));
	}
}

/* Files that grow. */

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static bool is_ready(const struct v6_source *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return s->regular || poll(&p, 1, 0) > 0;
}

/* Reads what is there; a pipe's end is its end, a FIFO may get another writer. */
static void read_on(struct v6_input *in, struct v6_source *s)
{
	ssize_t n = 0;

	while (!stop && is_ready(s) && (n = read_source(in, s)) > 0)
		;
	if (n < 0)
		v6_complain("%s: %s", s->name, strerror(s->error));
	if (n < 0 || (!stop && !n && !s->regular && !strcmp(s->name, "-") && is_ready(s)))
		close_source(in, s);
}

/* The file was cut: by copytruncate, or by hand. */
static void check_cut(struct v6_input *in, struct v6_source *s)
{
	struct stat st;

	if (!s->regular || v6_sys_fstat(s->fd, &st) < 0 || st.st_size >= s->offset)
		return;
	in->cuts++;
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
static void check_moved(struct v6_input *in, struct v6_source *s)
{
	struct stat st;

	if (s->replaced || !strcmp(s->name, "-") || v6_sys_stat(s->name, &st) ||
		(st.st_dev == s->dev && st.st_ino == s->ino) || is_other(in, s, &st))
		return;
	for (size_t i = 0; i < in->count; i++) {
		struct v6_source *old = in->sources[i];

		if (old->replaced && !old->over && old->name == s->name) {
			close_source(in, old);
			/* What is not open may give its inode to a new file. */
			old->regular = false;
		}
	}
	s->replaced = true;
	if (open_source(in, v6_source_add(in, s->name)))
		v6_complain("%s: another file has the name; reading that too", s->name);
}

static void try_open(struct v6_input *in, struct v6_source *s)
{
	if (open_source(in, s)) {
		if (s->waited)
			v6_complain("%s: it is there", s->name);
	} else if (!s->waited) {
		v6_complain("%s: %s; waiting for it", s->name, strerror(s->error));
		s->waited = true;
	}
}

/* Whether anything can still come. What a pipe has is new. */
static bool look_at_all(struct v6_input *in)
{
	bool open = false;

	for (size_t i = 0; i < in->count && !stop; i++) {
		struct v6_source *s = in->sources[i];

		if (s->fd < 0 && !s->over)
			try_open(in, s);
		if (s->fd >= 0 && (s->regular || in->fresh)) {
			check_cut(in, s);
			read_on(in, s);
			if (!s->over)
				check_moved(in, s);
		}
		open |= !s->over;
	}
	fflush(stdout);
	return open;
}

void v6_follow(struct v6_input *in)
{
	/* A second signal ends the report that the first one brings. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	in->follow = true;
	look_at_all(in);
	if (stop) {
		v6_complain("interrupted: this is the report of what was read so far");
	} else {
		in->fresh = true;
		v6_complain("%" PRIu64 " records so far; new ones follow, then the report at an "
			    "interrupt",
			in->records);
		while (!stop && !ferror(stdout) && look_at_all(in))
			poll(NULL, 0, TICK_MS);
		/* What came between the last look and the signal is read as well. */
		stop = 0;
	}
	for (size_t i = 0; i < in->count; i++) {
		if (in->sources[i]->fd >= 0 && in->sources[i]->regular)
			read_on(in, in->sources[i]);
		if (in->sources[i]->fd >= 0)
			close_source(in, in->sources[i]);
	}
	fflush(stdout);
}
