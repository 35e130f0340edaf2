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

static void add_damaged(struct v6_input *in, const struct v6_source *s, const char *reason)
{
	struct v6_text t;

	if (in->damaged++)
		return;
	t = v6_text_in(in->first_damaged, sizeof(in->first_damaged));
	v6_text_safe(&t, s->name, strlen(s->name));
	v6_text_char(&t, ':');
	v6_text_uint(&t, s->line);
	v6_text_str(&t, ": ");
	v6_text_str(&t, reason);
	if (in->stop)
		v6_complain("%s", in->first_damaged);
}

/* "v6shim nginx[4242]: ..." with or without the journal's "<4>" before it. */
static bool is_text_format(struct v6_slice line)
{
	if (line.len > 3 && line.ptr[0] == '<' && line.ptr[2] == '>')
		line = v6_slice_from(line, 3);
	return v6_slice_begins(line, "v6shim ") && memmem(line.ptr, line.len, "]: ", 3);
}

static void add_line(struct v6_input *in, struct v6_source *s, struct v6_slice line)
{
	char reason[100];
	struct v6_text why = v6_text_in(reason, sizeof(reason));
	struct v6_record r;

	s->line++;
	/* A record that was cut short is followed by a newline of its own. */
	line = v6_slice_trim(line);
	if (!line.len)
		return;
	if (line.len > V6_LINE_MAX) {
		add_damaged(in, s, "longer than 65536 bytes");
	} else if (v6_read_record(&r, line, in->scratch, &why)) {
		in->records++;
		in->add(in->to, s->log, &r);
	} else {
		add_damaged(in, s,
			is_text_format(line)
				? "this looks like the text format; use --log-format json"
				: reason);
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
		s->line++;
		add_damaged(in, s, "longer than 65536 bytes");
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
	struct v6_source *s = v6_resize(NULL, sizeof(*s));
	size_t len = log_name(name);

	*s = (struct v6_source){.name = name, .fd = -1, .log = (unsigned)in->count};
	for (size_t i = in->count; i--;)
		if (log_name(in->sources[i]->name) == len &&
			!memcmp(in->sources[i]->name, name, len))
			s->log = in->sources[i]->log;
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
		add_line(in, s, (struct v6_slice){s->text, s->len});
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	free(s->text);
	s->fd = -1;
	s->text = NULL;
	s->len = 0;
	s->over = true;
}

bool v6_source_is_other(const struct v6_input *in, const struct v6_source *s, dev_t dev, ino_t ino)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->sources[i] != s && in->sources[i]->regular && in->sources[i]->dev == dev &&
			in->sources[i]->ino == ino)
			return true;
	return false;
}

void v6_input_free(struct v6_input *in)
{
	for (size_t i = 0; i < in->count; i++) {
		free(in->sources[i]->text);
		free(in->sources[i]);
	}
	free(in->sources);
}

void v6_input_read(struct v6_input *in, bool follow)
{
	for (size_t i = 0; i < in->count; i++) {
		struct v6_source *s = in->sources[i];
		ssize_t n = 1;

		if (v6_source_open(s, follow)) {
			if (s->regular && v6_source_is_other(in, s, s->dev, s->ino)) {
				v6_complain("%s: named twice, read once", s->name);
				s->regular = false;
				v6_source_close(in, s);
				continue;
			}
			while (n > 0 && (s->regular || !follow) && !(in->stop && *in->stop))
				n = v6_source_read(in, s);
			if (!follow)
				v6_source_close(in, s);
		}
		if (s->error && !follow)
			v6_complain("%s: %s", s->name, strerror(s->error));
	}
}
