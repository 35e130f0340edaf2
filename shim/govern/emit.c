#include "emit.h"

#include "../core/advice.h"
#include "../core/version.h"
#include "facts.h"
#include "log.h"
#include "sys.h"

#include "forbidden.h"

/* The state of the load record. LATE: being written, and no longer waited for. */
enum { UNWRITTEN, BEING_WRITTEN, LATE, WRITTEN };

_Static_assert((int)V6_SCRATCH_SIZE >= V6_LOG_HEADROOM + V6_RECORD_SIZE + (int)V6_PATH_SIZE,
	"a slot has room for a record and a path");

static int severity(const struct v6_record *r)
{
	if (r->facts.event == V6_EVENT_ERROR)
		return LOG_ERR;
	if (r->facts.event == V6_EVENT_LOST || r->verdict.finding == V6_FINDING_CONFLICT)
		return LOG_WARNING;
	if (r->verdict.finding != V6_FINDING_NONE || r->verdict.action == V6_ACTION_DENY)
		return LOG_NOTICE;
	return LOG_INFO;
}

/* Whether it was written; without its settings where a path, say, leaves no room for them. */
static bool put(char *scratch, struct v6_record *r)
{
	/* What is longer than PIPE_BUF may be torn in a pipe. */
	struct v6_text t = v6_text_in(scratch + V6_LOG_HEADROOM, V6_RECORD_SIZE);
	bool json = v6_live.config->settings.format == V6_LOG_FORMAT_JSON;
	bool (*print)(struct v6_text * t, const struct v6_record *r) =
		json ? v6_record_json : v6_record_text;

	if (!print(&t, r) && r->config) {
		r->config = NULL;
		r->note = v6_slice_of(V6_ADVICE_NO_ROOM);
		print(&t, r);
	}
	return t.len &&
	       v6_log_write((struct v6_log_line){t.buf, t.len, r->program, severity(r), r->time});
}

/* What is to be told of the process itself: that it is there, or how many records were lost. */
static bool put_own(char *scratch, const struct v6_record *like, uint64_t lost)
{
	struct v6_record r;

	v6_record_init(&r, lost ? V6_EVENT_LOST : V6_EVENT_LOAD);
	r.time = like->time;
	r.pid = like->pid;
	r.program = like->program;
	r.via = like->via;
	r.policy = v6_live.config->settings.knobs.policy;
	r.mode = v6_live.config->settings.knobs.mode;
	r.count = lost;
	if (!lost) {
		r.version = v6_slice_of(V6_VERSION);
		r.config = v6_live.config;
		if (v6_fact_cookieless())
			r.note = v6_slice_of(V6_ADVICE_NO_COOKIE);
	}
	return put(scratch, &r);
}

/*
 * Before any other record, at the latest. Another thread that is writing it is
 * waited for, but not for long: it may be this one, interrupted by a signal.
 */
static void need_load(struct v6_self *self, char *scratch, const struct v6_record *like)
{
	enum { TRIES = 20, PAUSE = 50 };
	int state;

	for (int i = 0; i < TRIES; i++) {
		state = UNWRITTEN;
		if (atomic_compare_exchange_strong(&self->load, &state, BEING_WRITTEN)) {
			/* Where it could not be written the next record tries again. */
			atomic_store(&self->load, put_own(scratch, like, 0) ? WRITTEN : UNWRITTEN);
			return;
		}
		if (state != BEING_WRITTEN)
			return;
		v6_sys_sleep_microseconds(PAUSE);
	}
	atomic_compare_exchange_strong(&self->load, &state, LATE);
}

/* How often that hash came, this time included; 1 where there is no room to remember it. */
static uint64_t count(v6_seen seen, uint64_t hash)
{
	const uint64_t number = (1 << V6_SEEN_BITS) - 1;
	uint64_t key = (hash + 1) << V6_SEEN_BITS, old;
	unsigned first = (unsigned)(key >> 32) % V6_SEEN_SLOTS;

	for (unsigned i = 0; i < V6_SEEN_SLOTS; i++) {
		_Atomic uint64_t *slot = &seen[(first + i) % V6_SEEN_SLOTS];

		old = 0;
		if (atomic_compare_exchange_strong(slot, &old, key + 1))
			return 1;
		if ((old & ~number) == key) /* beyond that no power of two is met any more */
			return (old & number) == number ? number
							: (atomic_fetch_add(slot, 1) & number) + 1;
	}
	return 1;
}

bool v6_emit_first(int proto, uint16_t port)
{
	return count(v6_self()->ports, (uint64_t)proto << 16 | port) == 1;
}

/*
 * A resolver's query sockets would flood the log: of datagram sockets' records that are alike
 * but for the time, descriptor and port the first eight are written, then the 16th, the 32nd
 * and so on. FNV-1a over what would be written of the kind.
 */
static bool is_thinned(struct v6_self *self, char *scratch, struct v6_record *r)
{
	enum {
		EVENTS = 1 << V6_EVENT_SOCKET | 1 << V6_EVENT_SETSOCKOPT | 1 << V6_EVENT_BIND,
		FINDINGS = 1 << V6_FINDING_NONE | 1 << V6_FINDING_IPV4_SOCKET |
			   1 << V6_FINDING_CONTRARY,
	};
	struct v6_record kind = *r;
	struct v6_text t = v6_text_in(scratch, V6_RECORD_SIZE);
	uint64_t hash = UINT64_C(0xCBF29CE484222325), n;

	if (!(EVENTS >> r->facts.event & 1) || r->facts.type != V6_TYPE_DGRAM ||
		!(FINDINGS >> r->verdict.finding & 1) || r->verdict.action == V6_ACTION_DENY)
		return false;
	kind.time = kind.facts.address.port = 0;
	kind.fd = -1;
	kind.result = r->result < 0;
	kind.note.len = 0;
	v6_record_json(&t, &kind);
	for (size_t i = 0; i < t.len; i++)
		hash = (hash ^ (uint8_t)t.buf[i]) * UINT64_C(0x100000001B3);
	n = count(self->kinds, hash);
	if (n <= 8)
		return false;
	r->count = n;
	return (n & (n - 1)) != 0;
}

void v6_emit(struct v6_record *r)
{
	bool written = r->facts.event == V6_EVENT_LOAD; /* by need_load() */
	struct v6_self *self;
	unsigned long lost;
	char *scratch;

	if (!v6_emit_wants(v6_record_level(r)))
		return;
	self = v6_self();
	if (!r->pid)
		r->pid = self->pid;
	r->time = v6_sys_now();
	scratch = v6_scratch_claim();
	if (scratch && is_thinned(self, scratch, r)) {
		written = true;
	} else if (scratch) {
		if (atomic_load_explicit(&self->load, memory_order_acquire) != WRITTEN)
			need_load(self, scratch, r);
		lost = atomic_exchange(&self->lost, 0);
		if (lost && !put_own(scratch, r, lost))
			atomic_fetch_add(&self->lost, lost);
		written = written || put(scratch, r);
	}
	if (scratch)
		v6_scratch_release(scratch);
	if (!written)
		atomic_fetch_add(&self->lost, 1);
}

void v6_emit_complain(struct v6_slice program, struct v6_slice message)
{
	char *scratch = v6_scratch_claim();
	struct v6_text t;

	if (!scratch)
		return;
	t = v6_text_in(scratch + V6_LOG_HEADROOM, V6_RECORD_SIZE);
	v6_text_str(&t, "v6shim: ");
	v6_text_slice(&t, message);
	v6_text_char(&t, '\n');
	v6_log_complain((struct v6_log_line){t.buf, t.len, program, LOG_ERR, 0});
	v6_scratch_release(scratch);
}
