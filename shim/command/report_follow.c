#include "report_follow.h"

#include "command.h"
#include "stat.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often files are looked at. */
enum { TICK_MS = 100 };

/* The longest record in either form: each of a line's bytes may be written as six. */
enum { TOLD_SIZE = 6 * V6_LINE_MAX + V6_RECORD_SIZE };

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

/* A second signal ends the report that the first one brings. */
static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static void tell_text(const struct v6_record *r)
{
	static char buf[TOLD_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_text_time(&t, r->time);
	v6_text_char(&t, ' ');
	if (v6_record_text(&t, r))
		fwrite(t.buf, 1, t.len, stdout);
}

static void tell_json(const struct v6_record *r)
{
	static char buf[TOLD_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (v6_record_json(&t, r))
		fwrite(t.buf, 1, t.len, stdout);
}

static void tell_damage(const struct v6_damage *d)
{
	v6_complain("%s:%" PRIu64 ": %s", d->name, d->line, d->reason);
}

/* Another file of the same log follows: this one is an old one, that grows no more. */
static bool is_old(const struct v6_input *in, const struct v6_source *s)
{
	return s + 1 < in->sources + in->count && s[1].log == s->log;
}

static bool is_ready(const struct v6_source *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return s->regular || poll(&p, 1, 0) > 0;
}

static void end_source(struct v6_input *in, struct v6_source *s)
{
	v6_source_flush(s, &in->reader);
	v6_source_close(s);
	s->over = true;
}

/* Reads what is there; a pipe's end is its end, a FIFO may get another writer. */
static void read_on(struct v6_input *in, struct v6_source *s)
{
	ssize_t n = 0;

	while (!stop && is_ready(s)) {
		n = v6_source_read(s, &in->reader);
		if (n <= 0)
			break;
	}
	if (stop)
		return;
	if (n < 0)
		v6_input_complain(s);
	if (n < 0 || (!n && !s->regular && !strcmp(s->name, "-") && is_ready(s)))
		end_source(in, s);
}

/* The file was cut: by copytruncate, or by hand. */
static void check_cut(struct v6_input *in, struct v6_source *s)
{
	struct stat st;

	if (!s->regular || v6_fstat(s->fd, &st) || st.st_size >= s->offset)
		return;
	v6_complain("%s: cut to %" PRId64 " bytes; reading it from its beginning", s->name,
		(int64_t)st.st_size);
	v6_source_flush(s, &in->reader);
	v6_source_rewind(s);
}

/* Its counts stay. */
static void end_elder(struct v6_input *in, struct v6_source *s)
{
	struct v6_source *elder = s->elder;

	if (!elder)
		return;
	end_source(in, elder);
	s->records += elder->records;
	s->damaged += elder->damaged;
	s->foreign += elder->foreign;
	s->texts += elder->texts;
	s->elder = NULL;
	free(elder);
}

/*
 * The file that has the name now is read, and the one that had it read on: its
 * writers may be at their last lines, or without leave to open the new one.
 */
static void switch_file(struct v6_input *in, struct v6_source *s)
{
	struct v6_source *elder = malloc(sizeof(*elder));

	if (!elder)
		return;
	end_elder(in, s);
	*elder = *s;
	elder->records = elder->damaged = elder->foreign = elder->texts = 0;
	s->elder = elder;
	s->rest = NULL;
	s->rest_len = 0;
	s->skipping = false;
	if (v6_source_open(s, true))
		v6_complain("%s: another file has the name; reading that too", s->name);
}

static void check_moved(struct v6_input *in, struct v6_source *s)
{
	struct stat st;

	if (strcmp(s->name, "-") && !v6_stat(s->name, &st) &&
		(st.st_dev != s->dev || st.st_ino != s->ino))
		switch_file(in, s);
}

static void try_open(struct v6_source *s)
{
	bool waited = s->said;

	if (!v6_source_open(s, true)) {
		if (!waited)
			v6_complain("%s: %s; waiting for it", s->name, strerror(s->error));
		s->said = true;
	} else if (waited) {
		v6_complain("%s: it is there", s->name);
	}
}

static void look(struct v6_input *in, struct v6_source *s)
{
	if (s->over)
		return;
	if (s->elder)
		read_on(in, s->elder);
	if (s->fd < 0)
		try_open(s);
	if (s->fd < 0)
		return;
	check_cut(in, s);
	read_on(in, s);
	if (!s->over && is_old(in, s))
		end_source(in, s);
	else if (!s->over)
		check_moved(in, s);
}

/* Whether anything can still come. */
static bool look_at_all(struct v6_input *in)
{
	bool open = false;

	for (unsigned i = 0; i < in->count && !stop; i++) {
		look(in, &in->sources[i]);
		open |= !in->sources[i].over;
	}
	fflush(stdout);
	return open;
}

/* What came between the last look and the signal. */
static void read_rest(struct v6_input *in)
{
	stop = 0;
	for (unsigned i = 0; i < in->count; i++) {
		struct v6_source *s = &in->sources[i];

		if (s->elder)
			read_on(in, s->elder);
		end_elder(in, s);
		if (s->fd >= 0 && s->regular)
			read_on(in, s);
		v6_source_flush(s, &in->reader);
		v6_source_close(s);
	}
	fflush(stdout);
}

bool v6_follow(struct v6_input *in, bool json)
{
	catch_signals();
	in->stop = &stop;
	if (!v6_input_read(in, true))
		return false;
	if (stop) {
		v6_complain("interrupted: this is the report of what was read so far");
		return true;
	}
	in->tell_record = json ? tell_json : tell_text;
	in->tell_damage = tell_damage;
	v6_complain("%" PRIu64 " records so far; new ones follow, then the report at an interrupt",
		in->gather.totals.records);
	while (!stop && !ferror(stdout) && look_at_all(in))
		poll(NULL, 0, TICK_MS);
	read_rest(in);
	return true;
}
