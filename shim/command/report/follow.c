#include "input.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "../command.h"
#include "../../govern/sys.h"

/* How often files are looked at. */
enum { TICK_MS = 100 };

static volatile sig_atomic_t stop;

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

	while (!stop && is_ready(s) && (n = v6_source_read(in, s)) > 0)
		;
	if (n < 0)
		v6_complain("%s: %s", s->name, strerror(s->error));
	if (n < 0 || (!stop && !n && !s->regular && !strcmp(s->name, "-") && is_ready(s)))
		v6_source_close(in, s);
}

/* The file was cut: by copytruncate, or by hand. */
static void check_cut(struct v6_source *s)
{
	struct stat st;

	if (!s->regular || v6_sys_fstat(s->fd, &st) || st.st_size >= s->offset)
		return;
	v6_complain("%s: cut to %" PRId64 " bytes; reading it from its beginning", s->name,
		(int64_t)st.st_size);
	lseek(s->fd, 0, SEEK_SET);
	s->offset = 0;
	s->line = 0;
	s->len = 0;
	s->skipping = false;
}

/*
 * Where another file has the name it is read as well, and the one that had it read on: its writers
 * may be at their last lines, or without leave to open the new one. The one before that is over.
 */
static void check_moved(struct v6_input *in, struct v6_source *s)
{
	struct stat st;

	if (s->replaced || !strcmp(s->name, "-") || v6_sys_stat(s->name, &st) ||
		(st.st_dev == s->dev && st.st_ino == s->ino) ||
		v6_source_is_other(in, s, st.st_dev, st.st_ino))
		return;
	for (size_t i = 0; i < in->count; i++) {
		struct v6_source *old = in->sources[i];

		if (old->replaced && !old->over && old->name == s->name) {
			v6_source_close(in, old);
			/* What is not open may give its inode to a new file. */
			old->regular = false;
		}
	}
	s->replaced = true;
	if (v6_source_open(v6_source_add(in, s->name), true))
		v6_complain("%s: another file has the name; reading that too", s->name);
}

static void try_open(struct v6_source *s)
{
	if (v6_source_open(s, true)) {
		if (s->waited)
			v6_complain("%s: it is there", s->name);
	} else if (!s->waited) {
		v6_complain("%s: %s; waiting for it", s->name, strerror(s->error));
		s->waited = true;
	}
}

/* Whether anything can still come. */
static bool look_at_all(struct v6_input *in)
{
	bool open = false;

	for (size_t i = 0; i < in->count && !stop; i++) {
		struct v6_source *s = in->sources[i];

		if (s->fd < 0 && !s->over)
			try_open(s);
		if (s->fd >= 0) {
			check_cut(s);
			read_on(in, s);
			if (!s->over)
				check_moved(in, s);
		}
		open |= !s->over;
	}
	fflush(stdout);
	return open;
}

void v6_follow(
	struct v6_input *in, void (*add_new)(void *to, unsigned log, const struct v6_record *r))
{
	/* A second signal ends the report that the first one brings. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	in->stop = &stop;
	v6_input_read(in, true);
	if (stop) {
		v6_complain("interrupted: this is the report of what was read so far");
	} else {
		in->add = add_new;
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
			v6_source_close(in, in->sources[i]);
	}
	fflush(stdout);
}
