#include "govern.h"

#include <netinet/in.h>

#include "../core/advice.h"
#include "conflict.h"
#include "emit.h"
#include "facts.h"
#include "holder.h"
#include "sys.h"

#include "forbidden.h"

static void begin(struct v6_call *c, enum v6_event event)
{
	int fd = c->record.fd;

	v6_record_init_zeroed(&c->record, event);
	c->record.fd = fd;
	c->record.program = c->caller->program;
	c->record.via = c->way->via;
	c->record.result = 0;
	c->knobs = &v6_live.config->settings.knobs;
}

/* The protocol is asked for, once a rule needs it; none; no rule by port matches. */
enum { ASK_PROTO = -1, NO_PROTO = -2, NO_PORT = -1 };

/* The settings of the first rule that matches, or the plain ones. */
static void match(struct v6_call *c, int proto, int port)
{
	const struct v6_rules *rules = &v6_live.config->rules;

	for (unsigned i = 0; i < rules->count; i++) {
		const struct v6_rule *r = &rules->rule[i];

		if (!(c->caller->rules[i / 32] >> i % 32 & 1) ||
			(port == NO_PORT ? r->ports != 0 : !v6_rule_port(r, (unsigned)port)))
			continue;
		if (r->protos && proto == ASK_PROTO) {
			proto = v6_fact_proto(c->ask);
			if (proto < 0) /* or -EPERM would be ASK_PROTO again */
				proto = NO_PROTO;
		}
		if (!v6_rule_proto(r, proto))
			continue;
		c->knobs = &r->knobs;
		c->record.rule = i + 1;
		return;
	}
}

static bool denied(const struct v6_call *c)
{
	return c->record.verdict.deny && v6_call_enforces(c);
}

static void fail(struct v6_call *c, int error)
{
	c->record.result = -1;
	c->record.error = error;
}

static bool wants_record(const struct v6_call *c)
{
	return v6_emit_wants(v6_record_level(&c->record));
}

/* What is told once in a process: a bit. */
static bool first_time(enum v6_told what)
{
	return !(atomic_fetch_or(&v6_self()->told, what) & what);
}

static void emit(struct v6_call *c)
{
	c->record.policy = c->knobs->policy;
	c->record.mode = c->knobs->mode;
	v6_emit(&c->record);
}

/*
 * The value that V6ONLY is set to, as the kernel takes it: an int, and a null pointer is 0
 * (net/ipv6/ipv6_sockglue.c, do_ipv6_setsockopt). Unknown where it would refuse length or pointer.
 */
static void ask_value(struct v6_call *c, bool good)
{
	struct v6_facts *f = &c->record.facts;
	int n = 0;

	if (c->len < (socklen_t)sizeof(n) || c->len > INT32_MAX)
		return;
	if (c->pointer && c->way->read(c, c->pointer, &n, sizeof(n), good) < 0)
		return;
	f->nonboolean = n != 0 && n != 1;
	f->asked = n != 0;
}

/* The one place that asks for facts. false: what was asked is no IPv4 or IPv6 socket. */
static bool ask(struct v6_call *c, unsigned need)
{
	struct v6_facts *f = &c->record.facts;
	int before;

	if (need & V6_NEED_FAMILY) {
		f->family = v6_fact_family(c->ask);
		if (f->family == V6_FAMILY_OTHER)
			return false;
	}
	if (need & V6_NEED_TYPE)
		f->type = v6_fact_type(c->ask);
	if (need & V6_NEED_LISTENER && f->type == V6_TYPE_STREAM && f->listener == V6_UNKNOWN)
		f->listener = v6_known(v6_fact(c->ask, SOL_SOCKET, SO_REUSEADDR));
	if (need & V6_NEED_BOUND)
		f->bound = v6_fact_bound(c->ask).port != 0;
	if (need & V6_NEED_VALUE)
		ask_value(c, false);
	if (need & V6_NEED_OTHER)
		f->other = v6_conflict_other_family(c);
	/* Where there is no IPv6 its turn never comes. */
	if (need & V6_NEED_OTHER && !f->other && f->address.family == V6_FAMILY_INET &&
		c->knobs->order == V6_ORDER_IPV6_FIRST && v6_fact_no_ipv6())
		f->other = V6_UNKNOWN;
	if (need & V6_NEED_BEFORE) {
		before = v6_fact_v6only(c->ask);
		if (before < 0 && !v6_fact_refused(before) && need & V6_NEED_ASKED)
			return false;
		f->before = v6_known(before);
	}
	if (need & V6_NEED_ASKED && f->before != v6_policy_value(c->knobs->policy)) {
		f->asked = v6_fact_asked(c->ask);
		c->asked = true;
	}
	return true;
}

/* socket */

/* What a protocol of 0 stands for; no system call where the type tells it. */
static int proto_of(enum v6_type type, int protocol)
{
	if (protocol)
		return protocol;
	return type == V6_TYPE_STREAM  ? V6_PROTO_TCP
	       : type == V6_TYPE_DGRAM ? V6_PROTO_UDP
				       : ASK_PROTO;
}

void v6_govern_socket(struct v6_call *c, int domain, int type, int protocol)
{
	struct v6_verdict *v = &c->record.verdict;
	struct v6_record *r = &c->record;
	bool made = r->fd >= 0;
	struct v6_text note;

	begin(c, V6_EVENT_SOCKET);
	r->result = r->fd;
	r->facts.family = domain == AF_INET6 ? V6_FAMILY_INET6 : V6_FAMILY_INET;
	r->facts.type = v6_type_of(type);
	match(c, proto_of(r->facts.type, protocol), NO_PORT);
	if (made) {
		if (domain == AF_INET6 && v6_emit_wants(V6_LOG_LEVEL_CHANGE))
			ask(c, V6_NEED_BEFORE);
		*v = v6_decide(c->knobs, &r->facts);
		if (v->v6only != V6_UNKNOWN && !v6_call_enforces(c)) {
			v6_memory_set_value(c->ask, V6_MEMORY_V6ONLY, v->v6only);
			r->enforce = (struct v6_enforce){true, v->v6only, r->result, 0, 0};
		} else if (v->v6only != V6_UNKNOWN && v6_fact_set_v6only(c->ask, v->v6only) < 0) {
			v->action = V6_ACTION_NONE;
		}
	}
	if (!made && c->saved == EAFNOSUPPORT && domain == AF_INET6 &&
		v6_emit_wants(V6_LOG_LEVEL_CHANGE) && first_time(V6_TOLD_NO_IPV6) &&
		(c->text = v6_scratch_claim())) {
		note = v6_text_in(c->text, V6_SCRATCH_SIZE);
		v6_advice_no_ipv6(&note, c->knobs);
		r->note = (struct v6_slice){note.buf, note.len};
	}
	if (wants_record(c)) {
		r->proto = made ? v6_fact_proto(c->ask) : protocol;
		if (made)
			r->after = v6_known(v6_fact_v6only(c->ask));
		else
			r->error = c->saved;
		emit(c);
	}
	if (c->text)
		v6_scratch_release(c->text);
}

/* setsockopt(IPV6_V6ONLY) */

static void set_v6only(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	struct v6_address bound;
	unsigned need;

	match(c, ASK_PROTO, NO_PORT);
	need = v6_policy_needs(c->knobs, V6_EVENT_SETSOCKOPT, NULL);
	if ((need || v6_emit_wants(V6_LOG_LEVEL_ALL)) && ask(c, need | V6_NEED_BEFORE) && need)
		r->verdict = v6_decide(c->knobs, &r->facts);
	if (denied(c)) {
		fail(c, r->verdict.deny);
	} else {
		c->way->make(c);
		ask_value(c, !r->error);
		if (r->error == ENOPROTOOPT)
			r->facts.family = V6_FAMILY_INET;
		if (!need)
			r->verdict = v6_decide(c->knobs, &r->facts);
		if (!v6_call_enforces(c) && r->facts.asked != V6_UNKNOWN)
			v6_conflict_suppose_asked(c);
	}
	if (r->facts.asked != V6_UNKNOWN && (!r->error || denied(c)))
		v6_memory_set_value(c->ask, V6_MEMORY_ASKED, r->facts.asked);
	/* The kernel refused it: where the socket is bound already, somebody else had to choose. */
	if (r->error == EINVAL && !denied(c) && v6_emit_wants(V6_LOG_LEVEL_CHANGE) &&
		(bound = v6_fact_bound(c->ask)).port && v6_fact_type(c->ask) != V6_TYPE_RAW) {
		r->facts.address = bound;
		r->note = v6_slice_of(V6_ADVICE_BOUND);
		v6_serving_examine(c);
	}
	if (!wants_record(c))
		return;
	r->facts.family = v6_fact_family(c->ask);
	r->facts.type = v6_fact_type(c->ask);
	r->proto = v6_fact_proto(c->ask);
	r->after = v6_known(v6_fact_v6only(c->ask));
	emit(c);
}

/* bind and listen */

/* A bind by policy=both to a port while nobody of this process has asked for V6ONLY 1. */
static bool clears_unasked(const struct v6_call *c)
{
	return c->knobs->policy == V6_POLICY_BOTH && c->record.facts.address.port &&
	       !v6_fact_asked_1();
}

/* Finds the rule, asks what the policy needs, and sets V6ONLY where that is its verdict. */
static void judge(struct v6_call *c)
{
	struct v6_facts *f = &c->record.facts;
	struct v6_verdict *v = &c->record.verdict;
	bool bind = f->event == V6_EVENT_BIND;
	int port = bind ? f->address.port : v6_live.ported ? v6_fact_bound(c->ask).port : NO_PORT;
	unsigned need;
	bool change;

	if (bind && f->address.family == V6_FAMILY_OTHER)
		return;
	match(c, ASK_PROTO, port);
	need = v6_policy_needs(c->knobs, f->event, &f->address);
	if (!need)
		return;
	if (c->record.rule && v6_live.config->rules.rule[c->record.rule - 1].ports)
		f->listener = 1;
	/* 0 already, or the 1 of another program, which only the kernel knows: clears_unasked(). */
	change = v6_emit_wants(V6_LOG_LEVEL_CHANGE);
	if (v6_policy_forced(c->knobs->policy) && (change || clears_unasked(c)) &&
		(!bind ||
			(f->address.family == V6_FAMILY_INET6 && v6_address_wildcard(&f->address))))
		need |= V6_NEED_BEFORE | (change ? V6_NEED_ASKED : 0);
	if (!ask(c, need))
		return;
	if (!v6_call_enforces(c)) {
		struct v6_facts would = *f;

		would.before = v6_fact_supposed(c->ask, f->before);
		*v = v6_decide(c->knobs, &would);
		return;
	}
	*v = v6_decide(c->knobs, f);
	if (v->v6only == V6_UNKNOWN ||
		(bind && !v->v6only && f->address.port &&
			v6_port_hinted(V6_FAMILY_INET, f->address.port) && v6_conflict_yields(c)))
		return;
	/* Bound already, raw, or not AF_INET6 at all: the kernel says so, and nothing is ours. */
	c->set = v6_fact_set_v6only(c->ask, v->v6only) >= 0;
	if (!c->set)
		v->action = V6_ACTION_NONE;
}

/*
 * The address that bind(2) is given; `good`: after the call, which keeps what was read before where
 * the kernel refused it unread. With an AF_INET socket AF_UNSPEC and 0.0.0.0 are one
 * too (net/ipv4/af_inet.c, __inet_bind); only a conflict need know.
 */
static void read_address(struct v6_call *c, bool good)
{
	struct v6_address *a = &c->record.facts.address;
	int error = c->record.error;
	struct sockaddr_in6 in6;
	size_t len = c->len < sizeof(in6) ? c->len : sizeof(in6);

	if (error == EFAULT || error == EBADF || error == ENOTSOCK || error == EPERM ||
		error == ENOSYS)
		return;
	a->family = V6_FAMILY_OTHER;
	/* A length that the kernel refuses before it reads says nothing of the memory. */
	if (c->len > sizeof(struct sockaddr_storage) ||
		c->way->read(c, c->pointer, &in6, len, good) < 0)
		return;
	if (error == EADDRINUSE && len >= sizeof(struct sockaddr_in) &&
		in6.sin6_family == AF_UNSPEC && v6_fact_family(c->ask) == V6_FAMILY_INET) {
		in6.sin6_family = AF_INET;
		len = sizeof(struct sockaddr_in);
	}
	*a = v6_address_from(&in6, len);
}

/* What is known already is not asked again: every answer is a system call. */
static void describe(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	struct v6_facts *f = &r->facts;
	struct v6_address bound;

	if (f->event == V6_EVENT_LISTEN)
		f->address = v6_fact_bound(c->ask);
	f->family = r->error ? v6_fact_family(c->ask) : f->address.family;
	if (f->family == V6_FAMILY_OTHER)
		return;
	if (r->proto < 0)
		r->proto = v6_fact_proto(c->ask);
	/* A raw socket may be of any protocol, but takes no V6ONLY (EINVAL). */
	if (f->type == V6_TYPE_UNKNOWN && c->set)
		f->type = v6_type_of_proto(r->proto);
	if (f->type == V6_TYPE_UNKNOWN)
		f->type = v6_fact_type(c->ask);
	if (f->family == V6_FAMILY_INET6) {
		if (!c->asked)
			f->asked = v6_fact_asked(c->ask);
		if (r->after == V6_UNKNOWN)
			r->after = v6_known(v6_fact_v6only(c->ask));
	}
	/* Of IPv4's sockets MPTCP's read one; of a single address the kernel sets it itself. */
	if (f->family == V6_FAMILY_INET ||
		(r->after == 1 && !r->error && !v6_address_wildcard(&f->address)))
		f->before = r->after;
	/* A stream serves from listen on, a datagram socket from bind on. */
	if (r->error || f->type == V6_TYPE_RAW ||
		(f->event != V6_EVENT_INHERIT &&
			(f->event == V6_EVENT_LISTEN) != (f->type == V6_TYPE_STREAM)))
		return;
	bound = v6_fact_bound(c->ask);
	r->serves = v6_serves(&bound, r->after);
}

static void emit_bind(struct v6_call *c)
{
	struct v6_record *r = &c->record;
	bool conflict = r->verdict.finding == V6_FINDING_CONFLICT;
	bool disorder = r->verdict.finding == V6_FINDING_DISORDER;
	struct v6_facts *f = &r->facts;
	struct v6_text note;

	describe(c);
	if (r->facts.family == V6_FAMILY_OTHER)
		return;
	r->mode = c->knobs->mode;
	/* A stream that the kernel refused counts as listened on. */
	if (r->enforce.result == 0 &&
		(r->error || (f->event == V6_EVENT_LISTEN) == (f->type == V6_TYPE_STREAM)))
		r->enforce.serves = v6_serves(&f->address, r->enforce.after);
	if (!c->text && (conflict || disorder || c->why))
		c->text = v6_scratch_claim();
	if (c->text) {
		note = v6_text_in(c->text + V6_HOLDER_TEXT, V6_SCRATCH_SIZE - V6_HOLDER_TEXT);
		if (conflict)
			v6_advice_conflict(&note, r, c->knobs);
		else if (disorder)
			v6_advice_disorder(&note, r, c->knobs->order);
		if (c->why)
			v6_text_print(&note, "%swhat enforce would come to is undecided: %s",
				note.len ? "; " : "", c->why);
		r->note = (struct v6_slice){note.buf, note.len};
	} else if (c->set && r->after == 0 && first_time(V6_TOLD_MAPPED)) {
		r->note = v6_slice_of(V6_ADVICE_MAPPED);
	}
	emit(c);
}

/*
 * After a bind that succeeded: notes that this process has the port, and, where changes are
 * recorded, whether one of the other family has it too: UDP with SO_REUSEADDR lets it in silently.
 */
static void note_bound(struct v6_call *c, bool change)
{
	const struct v6_address *a = &c->record.facts.address;

	if (change && c->record.verdict.finding != V6_FINDING_CONFLICT && a->port &&
		v6_port_hinted(v6_family_other(v6_port_family(a)), a->port) &&
		v6_fact_type(c->ask) == V6_TYPE_DGRAM &&
		v6_port_meets(c, v6_known(v6_fact_v6only(c->ask))))
		c->record.verdict.finding = V6_FINDING_CONFLICT;
	if (a->port && a->family == V6_FAMILY_INET6)
		v6_memory_set(v6_memory_port(a->port), V6_MEMORY_MAPPED,
			v6_address_mapped(a) ? V6_MEMORY_MAPPED : 0);
	/* A supervisor's numbers are those of many processes. */
	v6_port_bound(c->record.fd, a,
		c->way->via == V6_VIA_PRELOAD && v6_call_enforces(c) &&
			(!change || (a->port && (c->set || !v6_address_wildcard(a)))));
}

/* What came of the call: conflicts, undoing, the record. */
static void conclude(struct v6_call *c)
{
	bool change = v6_emit_wants(V6_LOG_LEVEL_CHANGE);
	struct v6_facts *f = &c->record.facts;
	struct v6_verdict *v = &c->record.verdict;

	if (!v6_call_enforces(c))
		v6_conflict_suppose(c);
	else if (c->record.error == EADDRINUSE && f->address.family != V6_FAMILY_OTHER &&
		 f->address.port && !denied(c))
		v6_conflict_resolve(c);
	if (!c->record.error && f->address.family != V6_FAMILY_OTHER) {
		if (f->event == V6_EVENT_BIND)
			note_bound(c, change);
		if (c->set && f->before == 1 && clears_unasked(c))
			v6_memory_set(v6_fact_cookie(c->ask), 0, V6_MEMORY_CLEARED);
	}
	/*
	 * What was set for a call that failed in the end is as it was before; 0 is what Linux
	 * starts sockets with, where that could not be told.
	 */
	if (c->record.error && c->set) {
		v6_fact_set_v6only(c->ask, v6_conflict_before(c) == 1);
		c->set = false;
	}
	/* With mode=log it may be the very action that would have spared it a conflict. */
	if (c->record.error && v->action != V6_ACTION_DENY &&
		(v6_call_enforces(c) || v->finding != V6_FINDING_CONFLICT))
		v->action = V6_ACTION_NONE;
	/* What was set for this very call is in force. */
	if (change && !c->record.error && (!c->set || c->record.verdict.action == V6_ACTION_YIELD))
		v6_serving_examine(c);
	if (wants_record(c))
		emit_bind(c);
	if (c->text)
		v6_scratch_release(c->text);
}

void v6_govern(struct v6_call *c, enum v6_event event)
{
	bool bind = event == V6_EVENT_BIND;
	struct v6_facts *f = &c->record.facts;
	struct v6_verdict *v = &c->record.verdict;

	begin(c, event);
	if (event == V6_EVENT_SETSOCKOPT) {
		set_v6only(c);
		return;
	}
	/* The first call that a broken configuration refuses says why: see the way in. */
	if (v6_live.broken && v6_fact_family(c->ask) != V6_FAMILY_OTHER) {
		fail(c, EINVAL);
		return;
	}
	/* Bound before, so that V6ONLY cannot be set any more, and nothing to be told of it. */
	if (!bind && v6_port_settled(c->record.fd) && !v6_emit_wants(V6_LOG_LEVEL_BIND)) {
		c->way->make(c);
		if (!c->record.error)
			return;
	}
	/* Where nothing is to be done beforehand nothing is read before the kernel has. */
	if (bind && v6_live.acts)
		read_address(c, false);
	if (!bind || v6_live.acts)
		judge(c);
	else if (!v6_live.judged)
		match(c, ASK_PROTO, NO_PORT);
	if (denied(c)) {
		fail(c, v->deny);
		conclude(c);
		return;
	}
	if (f->before == V6_UNKNOWN && v6_emit_wants(V6_LOG_LEVEL_BIND))
		ask(c, V6_NEED_BEFORE);
	c->way->make(c);
	if (!bind && (c->record.error == EADDRINUSE || !v6_call_enforces(c)))
		f->address = v6_fact_bound(c->ask);
	/* Read before as well, where something had to be done: that will do on success. */
	if (bind && (c->record.error || f->address.family == V6_FAMILY_OTHER))
		read_address(c, true);
	if (bind && v6_live.judged && !v6_live.acts)
		judge(c);
	/*
	 * The errno of another system for a mapped address on a socket that is IPv6 only. Where
	 * V6ONLY was set for this bind it was one of `::`, and has to be undone.
	 */
	if (bind && c->record.error == EINVAL && v6_live.mapped && !c->set && v6_call_enforces(c)) {
		ask(c, V6_NEED_BEFORE | V6_NEED_BOUND);
		v->deny = v6_decide_mapped(c->knobs, f);
		if (v->deny) {
			v->action = V6_ACTION_DENY;
			c->record.error = v->deny;
		}
	}
	conclude(c);
}

void v6_govern_inherited(struct v6_call *c)
{
	struct v6_facts *f = &c->record.facts;

	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	begin(c, V6_EVENT_INHERIT);
	c->record.result = V6_NO_RESULT;
	f->address = v6_fact_bound(c->ask);
	/* What is connected was accepted by another, and serves nobody. */
	if (f->address.family == V6_FAMILY_OTHER || !v6_serving(c))
		return;
	match(c, ASK_PROTO, f->address.port);
	v6_serving_examine(c);
	f->before = v6_known(v6_fact_v6only(c->ask));
	if (wants_record(c))
		emit_bind(c);
}

/* getaddrinfo */

struct addrinfo *v6_govern_passive(struct v6_call *c, int result, int error,
	const struct addrinfo *hints, struct addrinfo *list)
{
	enum v6_order order;
	struct v6_record *r = &c->record;

	c->record.fd = -1;
	begin(c, V6_EVENT_GETADDRINFO);
	match(c,
		hints->ai_socktype ? proto_of(v6_type_of(hints->ai_socktype), hints->ai_protocol)
				   : hints->ai_protocol,
		NO_PORT);
	r->result = result;
	r->error = result == EAI_SYSTEM ? error : 0;
	if (!result) {
		r->families_before = v6_order_families(list);
		order = c->knobs->order;
		if (v6_order_changes(order, list)) {
			if (order == V6_ORDER_IPV6_FIRST && v6_fact_no_ipv6()) {
				order = V6_ORDER_APP;
				r->note = v6_slice_of(V6_ADVICE_NO_REORDER);
			} else {
				r->verdict.action = V6_ACTION_REORDER;
			}
		}
		if (v6_call_enforces(c))
			list = v6_order_apply(order, list);
		r->families_after = v6_order_families(list);
	}
	emit(c);
	return list;
}
