#include "report_input.h"

#include "../core/record_parse.h"
#include "command.h"
#include "report_progress.h"
#include "stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines that are no records. */

static void count_damage(struct v6_input *in, struct v6_source *s, const struct v6_text *reason)
{
	struct v6_damage d = {.name = s->name, .line = s->line};

	memcpy(d.reason, reason->buf, reason->len + 1);
	if (in->damaged < V6_DAMAGE_SHOWN) {
		in->damage[in->damaged] = d;
		if (in->tell_damage)
			in->tell_damage(&d);
	}
	in->damaged++;
}

static struct v6_slice without_blanks(struct v6_slice line)
{
	while (line.len && strchr(" \t\r", line.ptr[0]) && line.ptr[0])
		line = (struct v6_slice){line.ptr + 1, line.len - 1};
	return line;
}

/* "v6shim nginx[4242]: ..." with or without the journal's "<4>" before it. */
static bool is_text_format(struct v6_slice line)
{
	if (line.len > 3 && line.ptr[0] == '<' && line.ptr[2] == '>')
		line = (struct v6_slice){line.ptr + 3, line.len - 3};
	return v6_slice_begins(line, "v6shim ") && memmem(line.ptr, line.len, "]: ", 3);
}

static void say_problem(struct v6_text *t, const struct v6_parse_problem *problem)
{
	v6_text_str(t, "column ");
	v6_text_uint(t, problem->column);
	v6_text_str(t, ": expected ");
	v6_text_str(t, problem->expected);
	if (!problem->key)
		return;
	v6_text_str(t, " for \"");
	v6_text_str(t, problem->key);
	v6_text_char(t, '"');
}

static void take_damaged(struct v6_input *in, struct v6_source *s, struct v6_slice line, bool cut,
	const struct v6_parse_problem *problem)
{
	char buf[sizeof(in->damage[0].reason)];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (!v6_slice_begins(line, "{")) {
		s->foreign++;
		v6_text_str(&t, "not a record of v6shim");
	} else {
		s->damaged++;
		v6_text_str(&t, cut && problem->column > line.len ? "cut short, " : "");
		say_problem(&t, problem);
	}
	count_damage(in, s, &t);
}

static void take_foreign(
	struct v6_input *in, struct v6_source *s, const struct v6_parse_problem *problem)
{
	char buf[sizeof(in->damage[0].reason)];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	s->foreign++;
	if (problem->key)
		v6_text_str(&t, "a record of another version; this v6shim reads version 1");
	else
		v6_text_str(&t, "not a record of v6shim: it has no key \"v\"");
	count_damage(in, s, &t);
}

static void take_too_long(struct v6_input *in, struct v6_source *s)
{
	char buf[sizeof(in->damage[0].reason)];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	s->damaged++;
	v6_text_str(&t, "longer than ");
	v6_text_uint(&t, V6_LINE_MAX);
	v6_text_str(&t, " bytes");
	count_damage(in, s, &t);
}

static void take_record(struct v6_input *in, struct v6_source *s, const struct v6_record *r)
{
	s->records++;
	v6_gather_record(&in->gather, s->log, r);
	if (in->tell_record)
		in->tell_record(r);
}

static void take_line(void *to, struct v6_source *s, struct v6_slice line, bool cut)
{
	struct v6_input *in = to;
	struct v6_parse_problem problem;
	struct v6_record r;

	if (!line.ptr) {
		take_too_long(in, s);
		return;
	}
	/* A record that was cut short is followed by a newline of its own. */
	line = without_blanks(line);
	if (!line.len)
		return;
	switch (v6_record_parse(&r, line, in->scratch, V6_LINE_MAX, &problem)) {
	case V6_PARSE_OK:
		take_record(in, s, &r);
		break;
	case V6_PARSE_FOREIGN:
		take_foreign(in, s, &problem);
		break;
	default:
		if (is_text_format(line))
			s->texts++;
		else
			take_damaged(in, s, line, cut, &problem);
		break;
	}
}

/* Files. */

/* A file on its way to its turn. */
struct turn {
	struct v6_slice stem;
	unsigned place; /* on the command line */
	int32_t log;
	int64_t time; /* of its first record */
	bool regular;
	dev_t dev;
	ino_t ino;
};

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_stem(const void *a, const void *b)
{
	const struct turn *t = a, *u = b;
	size_t len = t->stem.len < u->stem.len ? t->stem.len : u->stem.len;
	int order = memcmp(t->stem.ptr, u->stem.ptr, len);

	order = order ? order : compare(t->stem.len, u->stem.len);
	return order ? order : compare(t->place, u->place);
}

static int by_file(const void *a, const void *b)
{
	const struct turn *t = a, *u = b;
	int order = compare(t->regular, u->regular);

	order = order ? order : compare(t->dev, u->dev);
	order = order ? order : compare(t->ino, u->ino);
	return order ? order : compare(t->place, u->place);
}

/* What they are read by: the log's number, then time, then place. */
static int by_turn(const void *a, const void *b)
{
	const struct turn *t = a, *u = b;
	int order = compare((uint64_t)t->log, (uint64_t)u->log);

	order = order ? order : (t->time > u->time) - (t->time < u->time);
	return order ? order : compare(t->place, u->place);
}

static int by_place(const void *a, const void *b)
{
	return compare(((const struct turn *)a)->place, ((const struct turn *)b)->place);
}

static bool same_stem(const struct turn *t, const struct turn *u)
{
	return t->stem.len == u->stem.len && !memcmp(t->stem.ptr, u->stem.ptr, t->stem.len);
}

/* Files whose names differ by rotation alone are of one log; logs count by first place. */
static void number_logs(struct v6_input *in, struct turn *turns)
{
	qsort(turns, in->count, sizeof(*turns), by_stem);
	for (unsigned i = 0; i < in->count; i++) {
		bool same = i && same_stem(&turns[i - 1], &turns[i]);

		/* For now the place of the log's first file. */
		turns[i].log = same ? turns[i - 1].log : (int32_t)turns[i].place;
	}
	qsort(turns, in->count, sizeof(*turns), by_place);
	for (unsigned i = 0; i < in->count; i++) {
		if (turns[i].log == (int32_t)i) {
			in->logs[in->log_count] = turns[i].stem;
			turns[i].log = (int32_t)in->log_count++;
		} else {
			turns[i].log = turns[turns[i].log].log;
		}
		in->sources[i].log = turns[i].log;
	}
}

bool v6_input_init(struct v6_input *in, char **names, unsigned count)
{
	memset(in, 0, sizeof(*in));
	in->count = count;
	in->sources = calloc(count, sizeof(*in->sources));
	in->logs = calloc(count, sizeof(*in->logs));
	in->scratch = malloc(V6_LINE_MAX);
	in->reader.buffer = malloc(V6_LINE_MAX + V6_READ_SIZE);
	in->reader.line = take_line;
	in->reader.to = in;
	if (!v6_gather_init(&in->gather) || !in->sources || !in->logs || !in->scratch ||
		!in->reader.buffer)
		return false;
	for (unsigned i = 0; i < count; i++) {
		in->sources[i].name = names[i];
		in->sources[i].fd = -1;
	}
	return true;
}

void v6_input_free(struct v6_input *in)
{
	for (unsigned i = 0; in->sources && i < in->count; i++)
		v6_source_close(&in->sources[i]);
	v6_gather_free(&in->gather);
	free(in->sources);
	free(in->logs);
	free(in->scratch);
	free(in->reader.buffer);
}

void v6_input_complain(struct v6_source *s)
{
	if (s->said)
		return;
	s->said = true;
	v6_complain("%s: %s", s->name, strerror(s->error));
}

/* The time of the first record that is whole; INT64_MAX where there is none. */
static int64_t first_time(struct v6_input *in, struct v6_slice text)
{
	struct v6_parse_problem problem;
	struct v6_record r;
	const char *newline;

	while (text.len && (newline = memchr(text.ptr, '\n', text.len))) {
		struct v6_slice line = {text.ptr, (size_t)(newline - text.ptr)};

		if (v6_record_parse(&r, line, in->scratch, V6_LINE_MAX, &problem) == V6_PARSE_OK)
			return r.time;
		text.ptr += line.len + 1;
		text.len -= line.len + 1;
	}
	return INT64_MAX;
}

/*
 * Looks at the file's identity and beginning. A FIFO is not touched: its writer
 * would take this for the reader. What cannot be read is told when its turn comes.
 */
static void look_at(struct v6_input *in, struct turn *t)
{
	const char *name = in->sources[t->place].name;
	struct stat st;
	ssize_t n;
	int fd;

	if (!strcmp(name, "-") || v6_stat(name, &st) || !S_ISREG(st.st_mode))
		return;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	t->regular = true;
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	n = pread(fd, in->reader.buffer, V6_READ_SIZE, 0);
	close(fd);
	t->time = first_time(in, (struct v6_slice){in->reader.buffer, n > 0 ? (size_t)n : 0});
}

/* The same file under two names would be counted twice. */
static void find_twice(struct v6_input *in, struct turn *turns)
{
	qsort(turns, in->count, sizeof(*turns), by_file);
	for (unsigned i = 1; i < in->count; i++) {
		struct v6_source *s = &in->sources[turns[i].place];

		if (!turns[i].regular || turns[i].dev != turns[i - 1].dev ||
			turns[i].ino != turns[i - 1].ino || !turns[i - 1].regular)
			continue;
		s->over = true;
		v6_complain("%s: named twice, read once", s->name);
	}
}

/* Puts the files of each log in order of time: a shell's x.jsonl* has the newest first. */
static bool sort_sources(struct v6_input *in)
{
	struct turn *turns = calloc(in->count, sizeof(*turns));
	struct v6_source *sources = malloc(in->count * sizeof(*sources));

	for (unsigned i = 0; turns && i < in->count; i++) {
		turns[i].place = i;
		turns[i].stem = v6_source_stem(in->sources[i].name);
		turns[i].time = INT64_MAX;
		if (in->count > 1)
			look_at(in, &turns[i]);
	}
	if (turns && sources) {
		number_logs(in, turns);
		find_twice(in, turns);
		qsort(turns, in->count, sizeof(*turns), by_turn);
		memcpy(sources, in->sources, in->count * sizeof(*sources));
		for (unsigned i = 0; i < in->count; i++)
			in->sources[i] = sources[turns[i].place];
	}
	free(turns);
	free(sources);
	return turns && sources;
}

static void read_source(struct v6_input *in, struct v6_source *s, bool follow)
{
	if (s->over)
		return;
	if (!v6_source_open(s, follow)) {
		if (!follow)
			v6_input_complain(s);
		return;
	}
	while (!(in->stop && *in->stop) && (s->regular || !follow)) {
		ssize_t n = v6_source_read(s, &in->reader);

		if (n < 0)
			v6_input_complain(s);
		if (n <= 0)
			break;
		v6_progress_step(n, in->gather.totals.records);
	}
	if (follow)
		return;
	v6_source_flush(s, &in->reader);
	v6_source_close(s);
}

static void begin_progress(const struct v6_input *in)
{
	off_t total = 0;
	struct stat st;

	for (unsigned i = 0; i < in->count; i++) {
		if (v6_stat(in->sources[i].name, &st) || !S_ISREG(st.st_mode)) {
			total = 0;
			break;
		}
		total += st.st_size;
	}
	v6_progress_begin(total);
}

bool v6_input_read(struct v6_input *in, bool follow)
{
	if (!sort_sources(in))
		return false;
	begin_progress(in);
	for (unsigned i = 0; i < in->count; i++)
		read_source(in, &in->sources[i], follow);
	v6_progress_end();
	return true;
}

bool v6_input_failed(const struct v6_input *in)
{
	for (unsigned i = 0; i < in->count; i++)
		if (in->sources[i].error)
			return true;
	return false;
}

uint64_t v6_input_texts(const struct v6_input *in)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < in->count; i++)
		n += in->sources[i].texts;
	return n;
}
