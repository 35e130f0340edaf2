#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../command.h"
#include "../memory.h"
#include "../../govern/sys.h"
#include "reader.h"

/* Lines. */

static void add_damage(struct v6_input *in, struct v6_source *s, const char *reason)
{
	struct v6_damage *d;

	if (in->damaged++ >= V6_DAMAGE_SHOWN)
		return;
	d = &in->damage[in->damaged - 1];
	d->name = s->name;
	d->line = s->line;
	memcpy(d->reason, reason, strlen(reason) + 1);
	if (in->print_damage)
		in->print_damage(d);
}

/* "v6shim nginx[4242]: ..." with or without the journal's "<4>" before it. */
static bool is_text_format(struct v6_slice line)
{
	if (line.len > 3 && line.ptr[0] == '<' && line.ptr[2] == '>')
		line = v6_slice_from(line, 3);
	return v6_slice_begins(line, "v6shim ") && memmem(line.ptr, line.len, "]: ", 3);
}

/* One line; `cut` where the end came instead of its newline. */
static void add_line(struct v6_input *in, struct v6_source *s, struct v6_slice line, bool cut)
{
	char reason[sizeof(in->damage[0].reason)];
	struct v6_text why = v6_text_in(reason, sizeof(reason));
	struct v6_record r;
	enum v6_read read;

	s->line++;
	/* A record that was cut short is followed by a newline of its own. */
	line = v6_slice_trim(line);
	if (!line.len)
		return;
	read = v6_read_record(&r, line, cut, in->scratch, &why);
	if (read == V6_READ_RECORD) {
		s->records++;
		v6_gather_record(&in->gather, s->log, &r);
		if (in->print)
			in->print(&r);
	} else if (is_text_format(line)) {
		s->texts++;
	} else {
		s->damaged += read == V6_READ_DAMAGED;
		s->foreign += read == V6_READ_FOREIGN;
		add_damage(in, s, reason);
	}
}

static void add_too_long(struct v6_input *in, struct v6_source *s)
{
	s->line++;
	s->damaged++;
	add_damage(in, s, "longer than 65536 bytes");
}

/* Each line that is whole; the beginning of the last one is kept, unless it is too long. */
static void add_lines(struct v6_input *in, struct v6_source *s)
{
	struct v6_slice rest = {s->text, s->len};
	const char *newline;

	while (rest.len && (newline = memchr(rest.ptr, '\n', rest.len))) {
		struct v6_slice line = v6_slice_cut(&rest, '\n');

		if (s->skipping)
			s->skipping = false;
		else if (line.len > V6_LINE_MAX)
			add_too_long(in, s);
		else
			add_line(in, s, line, false);
	}
	if (rest.len > V6_LINE_MAX && !s->skipping) {
		add_too_long(in, s);
		s->skipping = true;
	}
	s->len = s->skipping ? 0 : rest.len;
	memmove(s->text, rest.ptr, s->len);
}

/* Sources. */

struct v6_source *v6_source_add(struct v6_input *in, const char *name)
{
	struct v6_source *s = v6_resize(NULL, sizeof(*s));

	*s = (struct v6_source){.name = name, .fd = -1, .first = INT64_MAX};
	in->sources = v6_grow(in->sources, in->count, &in->room, sizeof(*in->sources));
	in->sources[in->count++] = s;
	return s;
}

static bool fail(struct v6_source *s, int error)
{
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	s->fd = -1;
	s->error = error;
	return false;
}

bool v6_source_open(struct v6_source *s, bool follow)
{
	/* Otherwise a FIFO would be waited for until it has a writer. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (follow ? O_NONBLOCK : 0);
	struct stat st;

	s->fd = !strcmp(s->name, "-") ? STDIN_FILENO : open(s->name, flags);
	if (s->fd < 0 || v6_sys_fstat(s->fd, &st))
		return fail(s, errno);
	if (S_ISDIR(st.st_mode))
		return fail(s, EISDIR);
	s->regular = S_ISREG(st.st_mode);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->error = 0;
	return true;
}

ssize_t v6_source_read(struct v6_input *in, struct v6_source *s)
{
	ssize_t n;

	if (!s->text)
		s->text = v6_resize(NULL, V6_LINE_MAX + V6_READ_SIZE);
	do
		n = read(s->fd, s->text + s->len, V6_READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0) {
		s->error = errno;
		return -1;
	}
	s->offset += n;
	s->len += (size_t)n;
	add_lines(in, s);
	return n;
}

void v6_source_close(struct v6_input *in, struct v6_source *s)
{
	if (s->len)
		add_line(in, s, (struct v6_slice){s->text, s->len}, true);
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->text);
	s->fd = -1;
	s->text = NULL;
	s->len = 0;
	s->over = true;
}

void v6_source_complain(struct v6_source *s)
{
	if (!s->complained)
		v6_complain("%s: %s", s->name, strerror(s->error));
	s->complained = true;
}

/* Order. */

/* Digits at the end, and a '.' or '-' before them, again and again: ".1", "-20260102". */
static struct v6_slice stem_of(const char *name)
{
	struct v6_slice stem = v6_slice_of(name);

	for (;;) {
		size_t n = stem.len;

		while (n && stem.ptr[n - 1] >= '0' && stem.ptr[n - 1] <= '9')
			n--;
		if (n == stem.len || n < 2 || !strchr(".-", stem.ptr[n - 1]) ||
			stem.ptr[n - 2] == '/')
			return stem;
		stem.len = n - 1;
	}
}

/*
 * Looks at the file's identity, and for its first record. A FIFO is not touched: its
 * writer would take this for the reader.
 */
static void look_at(struct v6_input *in, struct v6_source *s)
{
	static char buf[V6_READ_SIZE];
	struct v6_slice text = {buf, 0};
	struct stat st;
	int fd;

	if (!strcmp(s->name, "-") || v6_sys_stat(s->name, &st) || !S_ISREG(st.st_mode))
		return;
	s->regular = true;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	fd = open(s->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0) {
		ssize_t n = read(fd, buf, sizeof(buf));

		text.len = n > 0 ? (size_t)n : 0;
		close(fd);
	}
	while (text.len && s->first == INT64_MAX) {
		struct v6_slice line = v6_slice_trim(v6_slice_cut(&text, '\n'));
		struct v6_text why = v6_text_in((char[1]){0}, 1);
		struct v6_record r;

		if (line.len <= V6_LINE_MAX &&
			v6_read_record(&r, line, false, in->scratch, &why) == V6_READ_RECORD)
			s->first = r.time;
	}
}

static int by_turn(const void *a, const void *b)
{
	const struct v6_source *s = *(struct v6_source *const *)a,
			       *t = *(struct v6_source *const *)b;

	if (s->log != t->log)
		return s->log - t->log;
	return (s->first > t->first) - (s->first < t->first);
}

void v6_input_init(struct v6_input *in, char **names, unsigned count)
{
	memset(in, 0, sizeof(*in));
	v6_gather_init(&in->gather);
	for (unsigned i = 0; i < count; i++) {
		struct v6_source *s = v6_source_add(in, names[i]), *t;

		s->stem = stem_of(names[i]);
		s->log = -1;
		if (count > 1)
			look_at(in, s);
		for (unsigned j = 0; j < i; j++) {
			t = in->sources[j];
			if (t->stem.len == s->stem.len &&
				!memcmp(t->stem.ptr, s->stem.ptr, s->stem.len))
				s->log = t->log;
			if (s->regular && t->regular && !s->over && t->dev == s->dev &&
				t->ino == s->ino) {
				s->over = true;
				v6_complain("%s: named twice, read once", s->name);
			}
		}
		if (s->log < 0)
			s->log = (int)in->log_count++;
	}
	/* A shell's x.jsonl* has the newest first. */
	qsort(in->sources, in->count, sizeof(*in->sources), by_turn);
}

struct v6_slice v6_input_log(const struct v6_input *in, int log)
{
	size_t i = 0;

	while (in->sources[i]->log != log)
		i++;
	return in->sources[i]->stem;
}

void v6_input_free(struct v6_input *in)
{
	for (size_t i = 0; i < in->count; i++) {
		free(in->sources[i]->text);
		free(in->sources[i]);
	}
	free(in->sources);
	v6_gather_free(&in->gather);
}

void v6_input_read(struct v6_input *in, bool follow)
{
	for (size_t i = 0; i < in->count; i++) {
		struct v6_source *s = in->sources[i];
		ssize_t n = 1;

		if (s->over)
			continue;
		if (v6_source_open(s, follow)) {
			while (n > 0 && (s->regular || !follow) && !(in->stop && *in->stop))
				n = v6_source_read(in, s);
			if (!follow)
				v6_source_close(in, s);
		}
		if (s->error && !follow)
			v6_source_complain(s);
	}
}
