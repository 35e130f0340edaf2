#include "report_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stat.h"

static bool is_stdin(const struct v6_source *s)
{
	return !strcmp(s->name, "-");
}

static bool refuse(struct v6_source *s, int error)
{
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	s->fd = -1;
	s->error = error;
	return false;
}

bool v6_source_open(struct v6_source *s, bool follow)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (follow ? O_NONBLOCK : 0);
	struct stat st;

	s->fd = is_stdin(s) ? STDIN_FILENO : open(s->name, flags);
	if (s->fd < 0)
		return refuse(s, errno);
	if (v6_fstat(s->fd, &st))
		return refuse(s, errno);
	if (S_ISDIR(st.st_mode))
		return refuse(s, EISDIR);
	s->regular = S_ISREG(st.st_mode);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->size = s->regular ? st.st_size : 0;
	s->offset = 0;
	s->error = 0;
	s->line = 0;
	return true;
}

/* Hands on one line; in one that is too long only its end is waited for. */
static void hand_on(
	struct v6_source *s, const struct v6_reader *reader, struct v6_slice line, bool cut)
{
	bool skipped = s->skipping;

	s->skipping = false;
	if (skipped)
		return;
	s->line++;
	if (line.len > V6_LINE_MAX)
		line = (struct v6_slice){NULL, 0};
	reader->line(reader->to, s, line, cut);
}

/* Keeps the beginning of a line for the next time, unless it is too long already. */
static void put_by(struct v6_source *s, const struct v6_reader *reader, struct v6_slice rest)
{
	static const struct v6_slice too_long = {NULL, 0};

	if (!rest.len || s->skipping)
		return;
	if (!s->rest)
		s->rest = malloc(V6_LINE_MAX);
	if (s->rest && rest.len <= V6_LINE_MAX) {
		memcpy(s->rest, rest.ptr, rest.len);
		s->rest_len = rest.len;
		return;
	}
	s->line++;
	s->skipping = true;
	reader->line(reader->to, s, too_long, false);
}

static void cut_lines(struct v6_source *s, const struct v6_reader *reader, struct v6_slice text)
{
	const char *newline;

	while (text.len && (newline = memchr(text.ptr, '\n', text.len))) {
		size_t len = (size_t)(newline - text.ptr);

		hand_on(s, reader, (struct v6_slice){text.ptr, len}, false);
		text.ptr += len + 1;
		text.len -= len + 1;
	}
	put_by(s, reader, text);
}

ssize_t v6_source_read(struct v6_source *s, const struct v6_reader *reader)
{
	size_t rest = s->rest_len;
	ssize_t n;

	do
		n = read(s->fd, reader->buffer + rest, V6_READ_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0) {
		s->error = errno;
		return -1;
	}
	if (!n)
		return 0;
	if (rest)
		memcpy(reader->buffer, s->rest, rest);
	s->rest_len = 0;
	s->offset += n;
	cut_lines(s, reader, (struct v6_slice){reader->buffer, rest + (size_t)n});
	return n;
}

void v6_source_flush(struct v6_source *s, const struct v6_reader *reader)
{
	struct v6_slice line = {reader->buffer, s->rest_len};

	if (s->rest_len) {
		memcpy(reader->buffer, s->rest, s->rest_len);
		s->rest_len = 0;
		hand_on(s, reader, line, true);
	}
	s->skipping = false;
}

void v6_source_rewind(struct v6_source *s)
{
	lseek(s->fd, 0, SEEK_SET);
	s->offset = 0;
	s->line = 0;
}

void v6_source_close(struct v6_source *s)
{
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	s->fd = -1;
	free(s->rest);
	s->rest = NULL;
	s->rest_len = 0;
}

/* Digits at the end, and a '.' or '-' before them: their length; 0 where it is not so. */
static size_t suffix(struct v6_slice name)
{
	size_t n = 0;

	while (n < name.len && name.ptr[name.len - 1 - n] >= '0' &&
		name.ptr[name.len - 1 - n] <= '9')
		n++;
	if (!n || n >= name.len || !strchr(".-", name.ptr[name.len - 1 - n]))
		return 0;
	return n + 1;
}

struct v6_slice v6_source_stem(const char *name)
{
	struct v6_slice stem = {name, strlen(name)};
	size_t n;

	while ((n = suffix(stem)) && n < stem.len && stem.ptr[stem.len - n - 1] != '/')
		stem.len -= n;
	return stem;
}
