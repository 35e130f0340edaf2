/*
 * Notes: what a person is told of a conflict and of a disorder (DESIGN.md 1.5, 1.6), word for word.
 */
#include "unit.h"

#include "core/advice.h"
#include "core/resolve.h"

#include <errno.h>

#define MAPPED_BYTES 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1

/* What a socket is bound to. */
enum where { K_ANY4, K_LO, K_ANY6, K_LOOP6, K_MAPPED };
static const struct v6_address places[] = {
	[K_ANY4] = {.family = V6_FAMILY_INET, .port = 80},
	[K_LO] = {.family = V6_FAMILY_INET, .port = 80, .bytes = {127, 0, 0, 1}},
	[K_ANY6] = {.family = V6_FAMILY_INET6, .port = 80},
	[K_LOOP6] = {.family = V6_FAMILY_INET6, .port = 80, .bytes = {[15] = 1}},
	[K_MAPPED] = {.family = V6_FAMILY_INET6, .port = 80, .bytes = {MAPPED_BYTES}},
};

/* Holders: not known, our own, another's, seen from afar, a connection of somebody, of nobody. */
enum who { UNKNOWN, OWN, ANOTHER, AFAR, CONNECTION, TIME_WAIT, HOLDERS };

static struct v6_holder holder_of(enum who who, enum where where, int v6only)
{
	bool named = who == OWN || who == ANOTHER || who == CONNECTION;

	return (struct v6_holder){.known = who != UNKNOWN,
		.connection = who == CONNECTION  ? V6_STATE_ESTABLISHED
			      : who == TIME_WAIT ? V6_STATE_TIME_WAIT
						 : 0,
		.fd = who == OWN ? 7 : -1,
		.pid = named ? 4242 : 0,
		.program = slice(named ? "nginx" : ""),
		.uid = who == TIME_WAIT ? -1 : 33,
		.address = places[where],
		.v6only = v6only};
}

/* The settings that are on. */
static const struct v6_knobs nothing;

/* A record of a conflict as the library makes it. */
static struct v6_record conflict_of(
	enum v6_event event, enum where where, enum v6_action action, enum v6_mode mode)
{
	struct v6_record r;

	v6_record_init(&r, event);
	r.facts.family = places[where].family;
	r.facts.type = V6_TYPE_STREAM;
	r.facts.address = places[where];
	r.proto = V6_PROTO_TCP;
	r.fd = 8;
	r.verdict.finding = V6_FINDING_CONFLICT;
	r.verdict.action = action;
	r.mode = mode;
	r.result = 0;
	if (action == V6_ACTION_NONE || mode == V6_MODE_LOG) {
		r.result = -1;
		r.error = EADDRINUSE;
	}
	if (r.facts.family == V6_FAMILY_INET6)
		r.facts.before = r.after = 0;
	return r;
}

static const char *note_of(const struct v6_record *r, const struct v6_knobs *knobs)
{
	static char buf[2048];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	v6_advice_conflict(&t, r, knobs);
	assert_false(t.full);
	return buf;
}

#define LETS_LIVE  "policy=ipv6-only or on-conflict=resolve lets both live"
#define WANTS_IPV4 ", and this IPv6 socket wants IPv4 too (V6ONLY 0): "
#define NGINX      "nginx[4242] of uid 33"
#define HAS_IPV4   ", so that it has IPv4 already: "
#define NEEDS_ONLY                                                                                 \
	"policy=ipv6-only for that program, of v6shim run or its own settings, lets both live"
#define TWICE ", the same family: is the server started twice?"
#define OPEN                                                                                       \
	" (open): it is no obstacle where SO_REUSEADDR is set on this socket and was on the one "  \
	"that accepted it"
#define PASSES                                                                                     \
	" (in TIME_WAIT): it passes by itself within a minute or two, and is no obstacle where "   \
	"SO_REUSEADDR is set on this socket and was on that"
#define NOT_FOUND                                                                                  \
	"what holds the port was not found: it may be in another network namespace's view, gone "  \
	"by now, or bound and not listening (Linux tells of such TCP sockets since 6.8)"
#define SHARED                                                                                     \
	"; SO_REUSEPORT was set on both, IPv4 goes to the IPv4 socket; the port is open to "       \
	"further SO_REUSEPORT sockets of this user"
#define OVERLAP                                                                                    \
	"; with SO_REUSEADDR or SO_REUSEPORT on UDP that is no error, but IPv4 datagrams go to "   \
	"the IPv4 socket alone, broadcast and multicast to both; policy=ipv6-only makes that "     \
	"plain"

/* What is called, what was done of it, and how; SILENT: enforced, and the call succeeded with nothing done. */
enum how { ENFORCE, LOG, SILENT };
#define BIND(action, how)   V6_EVENT_BIND, V6_ACTION_##action, how
#define LISTEN(action, how) V6_EVENT_LISTEN, V6_ACTION_##action, how

/* What is wanted, who has it: the sentence, word for word. */
static const struct {
	const char *what;
	enum v6_event event;
	enum v6_action action;
	enum how how;
	enum where wants;
	struct {
		enum who who;
		enum where where;
		int v6only;
	} holder;
	const char *note;
} sentences[] = {
	{"IPv6 is second, IPv4 is our own", BIND(NONE, ENFORCE), K_ANY6, {OWN, K_ANY4, -1},
		"0.0.0.0:80 is held by fd 7 of this process" WANTS_IPV4 LETS_LIVE},
	{"the same at listen", LISTEN(NONE, ENFORCE), K_ANY6, {OWN, K_LO, -1},
		"127.0.0.1:80 is held by fd 7 of this process" WANTS_IPV4 LETS_LIVE},
	{"IPv6 is second, IPv4 is another's", BIND(NONE, ENFORCE), K_ANY6, {ANOTHER, K_ANY4, -1},
		"0.0.0.0:80 is held by " NGINX WANTS_IPV4 LETS_LIVE},
	{"at listen nothing but the policy helps against another process", LISTEN(NONE, ENFORCE),
		K_ANY6, {AFAR, K_ANY4, -1},
		"0.0.0.0:80 is held by another process of uid 33" WANTS_IPV4
		"policy=ipv6-only lets both live"},
	{"IPv4 is second, the dual-stack socket is our own", BIND(NONE, ENFORCE), K_ANY4,
		{OWN, K_ANY6, 0},
		"[::]:80 is held by fd 7 of this process, dual-stack (V6ONLY 0)" HAS_IPV4
			LETS_LIVE},
	{"IPv4 is second, the dual-stack socket is another's", BIND(NONE, ENFORCE), K_LO,
		{ANOTHER, K_ANY6, 0},
		"[::]:80 is held by " NGINX ", dual-stack (V6ONLY 0)" HAS_IPV4 NEEDS_ONLY},
	{"IPv4 is second, and the kernel does not tell V6ONLY", BIND(NONE, ENFORCE), K_LO,
		{ANOTHER, K_ANY6, -1},
		"[::]:80 is held by " NGINX
		", IPv4 perhaps too (Linux tells its V6ONLY since 4.3)" HAS_IPV4 NEEDS_ONLY},
	{"the same family twice", BIND(NONE, ENFORCE), K_ANY6, {ANOTHER, K_ANY6, 1},
		"[::]:80 is held by " NGINX ", IPv6 only" TWICE},
	{"IPv4 twice, seen from afar", BIND(NONE, ENFORCE), K_ANY4, {AFAR, K_LO, -1},
		"127.0.0.1:80 is held by another process of uid 33" TWICE},
	{"a mapped address is IPv4's: twice", BIND(NONE, ENFORCE), K_MAPPED, {ANOTHER, K_ANY4, -1},
		"0.0.0.0:80 is held by " NGINX TWICE},
	{"a mapped address meets a dual-stack socket", BIND(NONE, ENFORCE), K_MAPPED,
		{ANOTHER, K_ANY6, 0},
		"[::]:80 is held by " NGINX ", dual-stack (V6ONLY 0)" HAS_IPV4 NEEDS_ONLY},
	{"`::` meets a mapped address", BIND(NONE, ENFORCE), K_ANY6, {ANOTHER, K_MAPPED, 0},
		"[::ffff:127.0.0.1]:80 is held by " NGINX WANTS_IPV4 LETS_LIVE},
	{"a single IPv6 address meets a dual-stack socket", BIND(NONE, ENFORCE), K_LOOP6,
		{ANOTHER, K_ANY6, 0}, "[::]:80 is held by " NGINX ", dual-stack (V6ONLY 0)" TWICE},
	{"a connection", BIND(NONE, ENFORCE), K_ANY4, {CONNECTION, K_LO, -1},
		"127.0.0.1:80 is held by a connection of " NGINX OPEN},
	{"a connection of the past", BIND(NONE, ENFORCE), K_ANY6, {TIME_WAIT, K_LO, -1},
		"127.0.0.1:80 is held by a connection of an earlier process" PASSES
		"; policy=ipv6-only lets both live"},
	{"nobody", BIND(NONE, ENFORCE), K_ANY6, {UNKNOWN, K_ANY4, -1}, NOT_FOUND},
	{"split", BIND(SPLIT, ENFORCE), K_ANY6, {ANOTHER, K_ANY4, -1},
		"0.0.0.0:80 is held by " NGINX
		"; this socket now serves IPv6 alone, and both live"},
	{"split beside one address", BIND(SPLIT, ENFORCE), K_ANY6, {ANOTHER, K_LO, -1},
		"127.0.0.1:80 is held by " NGINX
		"; this socket now serves IPv6 alone, and IPv4 is served at 127.0.0.1 alone: every "
		"other IPv4 address is lost"},
	{"split beside one address, in mode=log", BIND(SPLIT, LOG), K_ANY6, {OWN, K_LO, -1},
		"127.0.0.1:80 is held by fd 7 of this process; V6ONLY 1 on this socket would let "
		"both live, with IPv4 at 127.0.0.1 alone: every other IPv4 address is lost"},
	{"split, in mode=log", BIND(SPLIT, LOG), K_ANY6, {ANOTHER, K_ANY4, -1},
		"0.0.0.0:80 is held by " NGINX "; V6ONLY 1 on this socket would let both live"},
	{"what the policy would have set, in mode=log", BIND(OVERRIDE, LOG), K_ANY6,
		{ANOTHER, K_ANY4, -1},
		"0.0.0.0:80 is held by " NGINX "; mode=enforce lets both live"},
	{"split, and nobody found", BIND(SPLIT, ENFORCE), K_ANY6, {UNKNOWN, K_ANY4, -1},
		NOT_FOUND "; this socket now serves IPv6 alone, and both live"},
	{"share", BIND(SHARE, ENFORCE), K_ANY4, {OWN, K_ANY6, 0},
		"[::]:80 is held by fd 7 of this process, dual-stack (V6ONLY 0)" SHARED},
	{"share, in mode=log", LISTEN(SHARE, LOG), K_ANY6, {OWN, K_ANY4, -1},
		"0.0.0.0:80 is held by fd 7 of this process; SO_REUSEPORT on both would let both "
		"live"},
	{"yield, apart", BIND(YIELD, ENFORCE), K_ANY6, {ANOTHER, K_ANY4, -1},
		"0.0.0.0:80 is held by " NGINX
		"; the policy gave way, and this socket serves IPv6 alone"},
	{"yield, shared", BIND(YIELD, ENFORCE), K_ANY4, {OWN, K_ANY6, 0},
		"[::]:80 is held by fd 7 of this process, dual-stack (V6ONLY 0); the policy had "
		"made the conflict" SHARED},
	{"the silent overlap", BIND(NONE, SILENT), K_ANY6, {OWN, K_ANY4, -1},
		"0.0.0.0:80 is held by fd 7 of this process" OVERLAP},
	{"the silent overlap that the policy made", BIND(OVERRIDE, SILENT), K_ANY6,
		{OWN, K_ANY4, -1}, "0.0.0.0:80 is held by fd 7 of this process" OVERLAP},
};

/* What is on is not advised, and what can help alone. */
TEST(no_setting_is_advised_that_is_on)
{
	static const struct {
		struct v6_knobs knobs;
		enum v6_event event;
		enum who who;
		const char *cure;
	} rows[] = {
		{{.policy = V6_POLICY_BOTH}, V6_EVENT_BIND, OWN, LETS_LIVE},
		{{.on_conflict = V6_ON_CONFLICT_SHARE}, V6_EVENT_BIND, ANOTHER, LETS_LIVE},
		{{.on_conflict = V6_ON_CONFLICT_RESOLVE}, V6_EVENT_BIND, OWN,
			"policy=ipv6-only lets both live"},
		{{.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_BIND, OWN,
			"on-conflict=resolve lets both live"},
		{{.policy = V6_POLICY_IPV6_ONLY, .on_conflict = V6_ON_CONFLICT_RESOLVE},
			V6_EVENT_LISTEN, OWN, "V6ONLY 1 before its bind would let both live"},
		{{.policy = V6_POLICY_IPV6_ONLY}, V6_EVENT_LISTEN, ANOTHER,
			"V6ONLY 1 before its bind would let both live"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct v6_record r =
			conflict_of(rows[i].event, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE);
		const char *note;

		r.holder = holder_of(rows[i].who, K_ANY4, -1);
		note = strstr(note_of(&r, &rows[i].knobs), WANTS_IPV4);
		assert_non_null(note);
		assert_string_equal(note + strlen(WANTS_IPV4), rows[i].cure);
	}
}

TEST(a_datagram_socket_that_is_connected_has_no_time_wait)
{
	struct v6_record r = conflict_of(V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE);

	r.proto = V6_PROTO_UDP;
	r.holder = holder_of(CONNECTION, K_LO, -1);
	assert_string_equal(note_of(&r, &nothing),
		"127.0.0.1:80 is held by a connection of " NGINX
		" (it is connected): it keeps the port until it is closed; policy=ipv6-only lets "
		"both live");
	/* Where that would not help. */
	r.facts.address = places[K_ANY4];
	assert_null(strstr(note_of(&r, &nothing), "policy"));
}

TEST(who_gets_ipv4_is_told_as_the_kernel_looks_up)
{
	struct v6_record r = conflict_of(V6_EVENT_BIND, K_ANY6, V6_ACTION_NONE, V6_MODE_ENFORCE);

	r.result = r.error = 0;
	r.holder = holder_of(OWN, K_ANY4, -1);
	r.holder.device = true;
	assert_non_null(strstr(note_of(&r, &nothing),
		"but IPv4 datagrams that come by the IPv6 socket's device go to it, broadcast and "
		"multicast to both"));
}

TEST(a_share_tells_whether_the_port_is_open_now)
{
	struct v6_record r = conflict_of(V6_EVENT_BIND, K_ANY4, V6_ACTION_SHARE, V6_MODE_ENFORCE);

	r.holder = holder_of(OWN, K_ANY6, 0);
	assert_non_null(strstr(note_of(&r, &nothing),
		"; both were let in by SO_REUSEADDR, IPv4 goes to the IPv4 socket"));
	assert_null(strstr(note_of(&r, &nothing), "SO_REUSEPORT"));
}

TEST(each_kind_of_conflict_has_its_sentence)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < COUNT(sentences); i++) {
		enum how how = sentences[i].how;
		struct v6_record r = conflict_of(sentences[i].event, sentences[i].wants,
			sentences[i].action, how == LOG ? V6_MODE_LOG : V6_MODE_ENFORCE);
		bool six = sentences[i].wants >= K_ANY6;
		const char *note;

		/* What the policy had changed, and what a split has. */
		if (six && (r.verdict.action == V6_ACTION_YIELD || how == SILENT))
			r.facts.before = r.verdict.action != V6_ACTION_NONE;
		if (six && how == ENFORCE && r.verdict.action != V6_ACTION_NONE)
			r.after = 1;
		r.holder = holder_of(sentences[i].holder.who, sentences[i].holder.where,
			sentences[i].holder.v6only);
		if (r.verdict.action == V6_ACTION_OVERRIDE && r.mode == V6_MODE_LOG)
			r.enforce = (struct v6_enforce){.known = true, .after = 1, .result = 0};
		if (how == SILENT)
			r.result = r.error = 0;
		r.opened = true;
		note = note_of(&r, &nothing);
		if (!strcmp(note, sentences[i].note))
			continue;
		print_error("# %s:\n#   is:       %s\n#   expected: %s\n", sentences[i].what, note,
			sentences[i].note);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* Everything that can be wanted, whoever has it, whatever was done. */
TEST(every_note_is_a_sentence_and_whoever_is_left_with_an_error_is_told_what_helps)
{
	static const enum v6_action actions[] = {
		V6_ACTION_NONE, V6_ACTION_SPLIT, V6_ACTION_SHARE, V6_ACTION_YIELD};
	unsigned checked = 0;

	for (unsigned n = 0; n < 5 * 5 * HOLDERS * 4 * 8; n++) {
		unsigned rest = n / 8;
		enum where wants = rest % 5, has = rest / 5 % 5;
		struct v6_record r = conflict_of(n & 2 ? V6_EVENT_LISTEN : V6_EVENT_BIND, wants,
			actions[rest / 25 / HOLDERS], n & 4 ? V6_MODE_LOG : V6_MODE_ENFORCE);
		struct v6_diag_socket self = {.local = places[wants]},
				      other = {.local = places[has], .v6only = (int8_t)(n & 1)};
		const char *note;
		size_t len;

		r.holder = holder_of(rest / 25 % HOLDERS, has, (int)(n & 1));
		if (!v6_in_the_way(&self, &other))
			continue;
		checked++;
		note = note_of(&r, &nothing);
		len = strlen(note);
		/* Lower case (or an address), no full stop, no blank at either end or too many. */
		assert_true(len > 40 && note[0] != ' ' && !strchr(" .:", note[len - 1]));
		for (size_t i = 0; i < len; i++)
			assert_true(note[i] >= ' ' && note[i] <= '~');
		assert_null(strstr(note, "  "));
		if (r.verdict.action != V6_ACTION_NONE || !r.holder.known)
			continue;
		if (!strstr(note, "lets both live") && !strstr(note, "let both live") &&
			!strstr(note, "started twice") && !strstr(note, "is no obstacle where"))
			fail_msg("no advice: %s", note);
	}
	assert_true(checked > 1000);
}

/* DESIGN.md 1.6: one record is one line written by one write, which a pipe keeps whole. */
TEST(the_longest_record_of_a_conflict_fits)
{
	static char program[255], line[V6_RECORD_SIZE], note[V6_RECORD_SIZE];
	struct v6_record r = conflict_of(V6_EVENT_LISTEN, K_ANY6, V6_ACTION_YIELD, V6_MODE_ENFORCE);
	struct v6_text t = v6_text_in(note, sizeof(note));

	/* Six bytes for each in JSON: the name of a program and of a holder (TASK_COMM_LEN). */
	memset(program, '\001', sizeof(program));
	r.program = (struct v6_slice){program, sizeof(program)};
	r.pid = INT32_MAX;
	r.via = V6_VIA_SUPERVISE;
	r.holder = holder_of(ANOTHER, K_MAPPED, 0);
	r.holder.pid = r.holder.fd = r.fd = INT32_MAX;
	r.holder.uid = UINT32_MAX;
	r.holder.program = (struct v6_slice){program, 32};
	r.facts.before = r.after = 0;
	r.facts.address.scope = UINT32_MAX;
	r.facts.address.port = 65535;
	r.error = EADDRNOTAVAIL;
	r.policy = V6_POLICY_DEFAULT_IPV6_ONLY;
	r.rule = V6_RULES_MAX;
	v6_advice_conflict(&t, &r, &nothing);
	assert_false(t.full);
	r.note = (struct v6_slice){note, t.len};
	t = v6_text_in(line, sizeof(line));
	assert_true(v6_record_json(&t, &r));
	t = v6_text_in(line, sizeof(line));
	assert_true(v6_record_text(&t, &r));
}

RUN_TESTS()
