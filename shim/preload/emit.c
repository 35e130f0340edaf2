#include "emit.h"

#include "raw.h"
#include "scratch.h"
#include "sink.h"

#include "../core/version.h"

#include "forbidden.h"

/* RFC 5424, 6.2.1. */
enum { SEVERITY_ERROR = 3, SEVERITY_WARNING = 4, SEVERITY_NOTICE = 5, SEVERITY_INFO = 6 };

/* Of the process that loaded_pid names: a forked child starts anew. */
static atomic_int loaded_pid;
static atomic_int lost_pid;
static atomic_ulong lost;

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

static void count_lost(int pid, unsigned long n)
{
	/* The child of a fork has lost nothing yet. */
	if (atomic_exchange(&lost_pid, pid) != pid)
		atomic_store(&lost, 0);
	atomic_fetch_add(&lost, n);
}

static bool put(char *scratch, const struct v6_record *r)
{
	struct v6_text t =
		v6_text_in(scratch + V6_SINK_HEADROOM, V6_SCRATCH_SIZE - V6_SINK_HEADROOM);
	bool fits = v6_settings_format(&v6_live.settings) == V6_FORMAT_JSON ? v6_record_json(&t, r)
									    : v6_record_text(&t, r);

	return fits && v6_sink_write(t.buf, t.len, severity(r));
}

static void put_or_count(char *scratch, const struct v6_record *r)
{
	if (!put(scratch, r))
		count_lost(r->pid, 1);
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

static void put_load(char *scratch, const struct v6_record *like)
{
	enum { NOTE = 1024 };
	struct v6_record r = of_this_process(V6_EVENT_LOAD, like);
	struct v6_text note = v6_text_in(scratch + V6_SCRATCH_SIZE - NOTE, NOTE);
	struct v6_text line =
		v6_text_in(scratch + V6_SINK_HEADROOM, V6_SCRATCH_SIZE - V6_SINK_HEADROOM - NOTE);
	bool json = v6_settings_format(&v6_live.settings) == V6_FORMAT_JSON;

	describe_settings(&note);
	r.note = (struct v6_slice){note.buf, note.len};
	if (!(json ? v6_record_json(&line, &r) : v6_record_text(&line, &r)) ||
		!v6_sink_write(line.buf, line.len, SEVERITY_INFO))
		atomic_store(&loaded_pid, 0); /* the next record tries again */
}

static void put_lost(char *scratch, const struct v6_record *like)
{
	struct v6_record r = of_this_process(V6_EVENT_LOST, like);

	if (atomic_load(&lost_pid) != like->pid)
		return;
	r.count = atomic_exchange(&lost, 0);
	if (r.count && !put(scratch, &r))
		count_lost(r.pid, (unsigned long)r.count);
}

static void stamp(struct v6_record *r)
{
	r->time = v6_raw_time();
	r->pid = v6_raw_getpid();
	r->tid = v6_raw_gettid();
	r->program = v6_live.program;
}

static bool first_of_process(int pid)
{
	return atomic_load_explicit(&loaded_pid, memory_order_relaxed) != pid &&
	       atomic_exchange(&loaded_pid, pid) != pid;
}

void v6_emit(struct v6_record *r)
{
	char *scratch;

	if (!v6_emit_wanted(v6_record_level(r)))
		return;
	stamp(r);
	scratch = v6_scratch_claim();
	if (!scratch) {
		count_lost(r->pid, 1);
		return;
	}
	if (first_of_process(r->pid))
		put_load(scratch, r);
	if (atomic_load_explicit(&lost, memory_order_relaxed))
		put_lost(scratch, r);
	put_or_count(scratch, r);
	v6_scratch_release(scratch);
}

void v6_emit_load(void)
{
	struct v6_record like;
	char *scratch;

	if (!v6_emit_wanted(V6_LEVEL_ALL))
		return;
	v6_record_init(&like, V6_EVENT_LOAD);
	stamp(&like);
	scratch = v6_scratch_claim();
	if (!scratch)
		return;
	if (first_of_process(like.pid))
		put_load(scratch, &like);
	v6_scratch_release(scratch);
}
