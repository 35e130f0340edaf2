#include "emit.h"

#include <string.h>

#include "clock.h"
#include "facts.h"
#include "raw.h"
#include "scratch.h"
#include "sink.h"

#include "../core/version.h"

#include "forbidden.h"

/* RFC 5424, 6.2.1. */
enum { SEVERITY_ERROR = 3, SEVERITY_WARNING = 4, SEVERITY_NOTICE = 5, SEVERITY_INFO = 6 };

/*
 * What is told once, or counted, in each process. By its id, for a child of fork
 * starts anew; and several, for a child of vfork has its parent's memory and must
 * leave the parent's count alone.
 */
struct own {
	atomic_int pid;  /* 0: free */
	atomic_int load; /* of the load record */
	atomic_ulong lost;
};

/* LATE: being told, and no longer waited for. */
enum { UNTOLD, BEING_TOLD, LATE, TOLD };

enum { OWNS = 16 };

static struct own owns[OWNS];

static int severity(const struct v6_record *r)
{
	if (r->event == V6_EVENT_ERROR)
		return SEVERITY_ERROR;
	if (r->event == V6_EVENT_LOST || r->finding == V6_FINDING_CONFLICT)
		return SEVERITY_WARNING;
	if (r->finding != V6_FINDING_NONE || r->action == V6_ACTION_DENY)
		return SEVERITY_NOTICE;
	return SEVERITY_INFO;
}

static struct own *start_anew(struct own *own, int pid)
{
	atomic_store(&own->load, UNTOLD);
	atomic_store(&own->lost, 0);
	atomic_store(&own->pid, pid);
	return own;
}

/*
 * All are taken: by ancestors, and by children of vfork, who have had this very
 * memory and are no more. Their parent, whose it is, must not be forgotten.
 */
static struct own *replace(int pid)
{
	enum { TAKEN = -2 }; /* -1 is who must not ask for its number */

	for (int i = 0; i < OWNS; i++) {
		int seen = atomic_load(&owns[i].pid);

		if (seen > 0 && v6_raw_process_gone(seen) &&
			atomic_compare_exchange_strong(&owns[i].pid, &seen, TAKEN))
			return start_anew(&owns[i], pid);
	}
	return start_anew(&owns[(unsigned)pid % OWNS], pid);
}

static struct own *own_of(int pid)
{
	for (int i = 0; i < OWNS; i++) {
		int seen = atomic_load_explicit(&owns[i].pid, memory_order_relaxed);

		/* Of two threads that come first at once both get the same one. */
		if (!seen && atomic_compare_exchange_strong(&owns[i].pid, &seen, pid))
			return &owns[i];
		if (seen == pid)
			return &owns[i];
	}
	return replace(pid);
}

/* Where in a slot the line begins, and the memory that stays beside it. */
enum {
	LINE = V6_SINK_HEADROOM,
	SPARE = LINE + V6_RECORD_SIZE,
	SPARE_SIZE = V6_SCRATCH_SIZE - SPARE
};

_Static_assert((int)SPARE_SIZE >= (int)V6_PATH_SIZE, "a slot has room for a record and a path");

/* Whether it fits into a record; *written: whether it was written. The spare memory is spoilt. */
static bool put(char *scratch, const struct v6_record *r, bool *written)
{
	/* What is longer than PIPE_BUF may be torn in a pipe. */
	struct v6_text t = v6_text_in(scratch + LINE, V6_RECORD_SIZE);
	bool json = v6_settings_format(&v6_live.settings) == V6_FORMAT_JSON;
	bool fits = json ? v6_record_json(&t, r) : v6_record_text(&t, r);
	struct v6_sink_line line = {.text = t.buf,
		.len = t.len,
		.priority = severity(r),
		.pid = r->pid,
		.time = r->time,
		.spare = scratch + SPARE};

	*written = fits && v6_sink_write(&line);
	return fits;
}

/* "v6shim 0.1.0, policy=ipv6-only (environment), ...; all else default". */
static void describe_settings(struct v6_text *t)
{
	v6_text_str(t, "v6shim " V6_VERSION);
	for (unsigned id = 0; id < V6_SETTING_COUNT; id++) {
		if (v6_live.settings.origin[id] == V6_ORIGIN_DEFAULT || id == V6_SETTING_RULES)
			continue;
		v6_text_str(t, ", ");
		v6_text_str(t, v6_setting_name(id));
		v6_text_char(t, '=');
		v6_setting_value(t, &v6_live.settings, id);
		v6_text_str(t, " (");
		v6_text_str(t, v6_origin_name(v6_live.settings.origin[id]));
		v6_text_char(t, ')');
	}
	if (v6_live.rules) {
		v6_text_str(t, ", ");
		v6_text_uint(t, v6_live.rules);
		v6_text_str(t, v6_live.rules == 1 ? " rule" : " rules");
	}
	v6_text_str(t, ", all else default");
	if (v6_fact_cookieless())
		v6_text_str(t, "; no SO_COOKIE here (Linux has it since 4.12): sockets are told "
			       "apart by their inode numbers");
}

static struct v6_record of_this_process(enum v6_event event, const struct v6_record *like)
{
	struct v6_record r;

	v6_record_init(&r, event);
	r.time = like->time;
	r.pid = like->pid;
	r.tid = like->tid;
	r.program = like->program;
	r.policy = v6_live.settings.knobs.policy;
	r.mode = v6_live.settings.knobs.mode;
	return r;
}

/* The settings are cut where they do not fit, for a path may be as long as a record. */
static bool put_load(char *scratch, const struct v6_record *like)
{
	enum { LEAST = 16 };
	struct v6_record r = of_this_process(V6_EVENT_LOAD, like);
	struct v6_text note = v6_text_in(scratch + SPARE, SPARE_SIZE);
	bool written;

	describe_settings(&note);
	r.note = (struct v6_slice){note.buf, note.len};
	while (!put(scratch, &r, &written) && r.note.len > LEAST) {
		r.note.len /= 2;
		memcpy(note.buf + r.note.len, "...", 3);
		r.note.len += 3;
	}
	return written;
}

/*
 * Before any other record, at the latest. Another thread that is writing it is
 * waited for, but not for long: it may be this one, interrupted by a signal.
 */
static void need_load(struct own *own, char *scratch, const struct v6_record *like)
{
	enum { TRIES = 20, PAUSE = 50 };
	int state;

	for (int i = 0; i < TRIES; i++) {
		state = UNTOLD;

		if (atomic_compare_exchange_strong_explicit(&own->load, &state, BEING_TOLD,
			    memory_order_acquire, memory_order_acquire)) {
			/* Where it could not be written the next record tries again. */
			state = put_load(scratch, like) ? TOLD : UNTOLD;
			atomic_store_explicit(&own->load, state, memory_order_release);
			return;
		}
		if (state != BEING_TOLD)
			return;
		v6_raw_sleep_microseconds(PAUSE);
	}
	atomic_compare_exchange_strong(&own->load, &state, LATE);
}

static void put_lost(struct own *own, char *scratch, const struct v6_record *like)
{
	struct v6_record r = of_this_process(V6_EVENT_LOST, like);
	bool written;

	r.count = atomic_exchange(&own->lost, 0);
	if (!r.count)
		return;
	put(scratch, &r, &written);
	if (!written)
		atomic_fetch_add(&own->lost, (unsigned long)r.count);
}

static void stamp(struct v6_record *r)
{
	r->time = v6_clock_now();
	r->pid = v6_raw_getpid();
	r->tid = v6_raw_gettid();
	r->program = v6_live.program;
}

void v6_emit(struct v6_record *r)
{
	bool written = false;
	struct own *own;
	char *scratch;

	if (!v6_emit_wanted(v6_record_level(r)))
		return;
	stamp(r);
	own = own_of(r->pid);
	scratch = v6_scratch_claim_for(r->tid);
	if (scratch) {
		if (atomic_load_explicit(&own->load, memory_order_acquire) != TOLD)
			need_load(own, scratch, r);
		if (atomic_load_explicit(&own->lost, memory_order_relaxed))
			put_lost(own, scratch, r);
		put(scratch, r, &written);
		v6_scratch_release(scratch);
	}
	if (!written)
		atomic_fetch_add(&own->lost, 1);
}

void v6_emit_load(void)
{
	struct v6_record like;
	char *scratch;

	if (!v6_emit_wanted(V6_LEVEL_ALL))
		return;
	v6_record_init(&like, V6_EVENT_LOAD);
	stamp(&like);
	scratch = v6_scratch_claim_for(like.tid);
	if (!scratch)
		return;
	need_load(own_of(like.pid), scratch, &like);
	v6_scratch_release(scratch);
}
