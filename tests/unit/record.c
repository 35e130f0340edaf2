/*
 * Records: the JSON form byte for byte, in the order of DESIGN.md 1.6 (its strings: text.c); the
 * text form as a person sees it; which level a record has, and what a socket serves.
 */
#include "unit.h"

#include "core/record.h"

#include <errno.h>
#include <limits.h>

static char buf[65536];

static const char *json_of(const struct v6_record *r)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	assert_true(v6_record_json(&t, r));
	/* One line, and nothing but a line. */
	assert_int_equal(strlen(buf), t.len);
	assert_ptr_equal(strchr(buf, '\n'), buf + t.len - 1);
	for (size_t i = 0; i + 1 < t.len; i++)
		assert_true((unsigned char)buf[i] >= 0x20 && buf[i] != 0x7f);
	return buf;
}

/* ---- whole records; that every key is written and read: record_read.c */

static struct v6_record full_record(enum v6_event event)
{
	struct v6_record r;

	v6_record_init(&r, event);
	r.time = 1767323045000006;
	r.pid = 4242;
	r.program = slice("nginx");
	r.via = V6_VIA_PRELOAD;
	r.facts.family = V6_FAMILY_INET6;
	r.facts.type = V6_TYPE_STREAM;
	r.facts.address = (struct v6_address){.family = V6_FAMILY_INET6, .port = 80};
	r.facts.asked = 0;
	r.facts.before = 1;
	r.after = 0;
	r.serves = V6_SERVES_INET6 | V6_SERVES_INET;
	r.fd = 6;
	r.proto = 6;
	r.families_before = (struct v6_families){2, 1};
	r.families_after = (struct v6_families){2, 2};
	r.policy = V6_POLICY_BOTH;
	r.verdict.action = V6_ACTION_SHARE;
	r.verdict.finding = V6_FINDING_CONFLICT;
	r.rule = 2;
	r.holder = (struct v6_holder){.known = true,
		.fd = 5,
		.pid = 4242,
		.uid = 33,
		.program = slice("nginx"),
		.address = {.family = V6_FAMILY_INET, .port = 80},
		.v6only = V6_UNKNOWN};
	r.result = 0;
	r.result = -1;
	r.error = EADDRINUSE;
	r.note = slice("a sentence");
	return r;
}

#define STAMP "{\"v\":1,\"time\":\"1970-01-01T00:00:00.000000Z\",\"pid\":1,"

TEST(records_of_everything_and_of_nothing_come_out_word_for_word)
{
	struct v6_record r = full_record(V6_EVENT_BIND);

	assert_string_equal(json_of(&r),
		"{\"v\":1,\"time\":\"2026-01-02T03:04:05.000006Z\",\"pid\":4242,"
		"\"program\":\"nginx\",\"via\":\"preload\",\"event\":\"bind\",\"fd\":6,"
		"\"family\":\"inet6\",\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"::\","
		"\"port\":80,\"asked\":0,\"before\":1,\"after\":0,\"serves\":[\"inet6\",\"inet\"],"
		"\"families_before\":[\"inet6\",\"inet\"],\"families_after\":[\"inet\",\"inet6\"],"
		"\"policy\":\"both\",\"rule\":2,\"mode\":\"enforce\",\"action\":\"share\","
		"\"finding\":\"conflict\",\"holder\":{\"fd\":5,\"pid\":4242,\"program\":\"nginx\","
		"\"uid\":33,\"family\":\"inet\",\"addr\":\"0.0.0.0\",\"port\":80},\"result\":-1,"
		"\"errno\":\"EADDRINUSE\",\"note\":\"a sentence\"}\n");

	v6_record_init(&r, V6_EVENT_BIND);
	r.pid = 1;
	assert_string_equal(json_of(&r),
		STAMP "\"event\":\"bind\",\"policy\":\"app\",\"mode\":\"enforce\","
		      "\"action\":\"none\",\"finding\":\"none\"}\n");
	r.holder.known = true;
	assert_non_null(strstr(json_of(&r), "\"holder\":{}"));
	r.holder.uid = r.holder.fd = r.holder.v6only = 0;
	assert_non_null(strstr(json_of(&r), "\"holder\":{\"fd\":0,\"uid\":0,\"v6only\":0}"));
	r.result = 0;
	assert_non_null(strstr(json_of(&r), ",\"result\":0}"));
	r.error = 512; /* ERESTARTSYS, which no user sees but under a tracer */
	assert_non_null(strstr(json_of(&r), "\"errno\":512"));

	v6_record_init(&r, V6_EVENT_LOST);
	r.pid = 1;
	r.count = INT64_MAX;
	assert_string_equal(
		json_of(&r), STAMP "\"event\":\"lost\",\"count\":9223372036854775807}\n");
	v6_record_init(&r, V6_EVENT_ERROR);
	r.pid = 1;
	r.note = slice("V6SHIM_POLICY: no value given");
	assert_string_equal(json_of(&r),
		STAMP "\"event\":\"error\",\"note\":\"V6SHIM_POLICY: no value given\"}\n");
}

/* In what every record must: one write to a pipe (PIPE_BUF, pipe(7)). */
static void assert_fits(const struct v6_record *r)
{
	static char record[V6_RECORD_SIZE];
	struct v6_text json = v6_text_in(record, sizeof(record)), text = json;

	assert_int_equal(sizeof(record), 4096);
	assert_true(v6_record_json(&json, r));
	assert_true(v6_record_text(&text, r));
}

/* ---- load */

static struct v6_config config;

static struct v6_record load_record(void)
{
	struct v6_record r;

	v6_record_init(&r, V6_EVENT_LOAD);
	r.pid = 1;
	r.program = slice("nginx");
	r.version = slice("0.1.0");
	r.config = &config;
	return r;
}

static void must_set(enum v6_setting id, const char *value, enum v6_origin origin)
{
	struct v6_problem p;

	if (v6_config_set(&config, id, slice(value), origin, &p))
		fail_msg("%s is refused", value);
}

#define LOAD_STAMP                                                                                 \
	STAMP "\"program\":\"nginx\",\"event\":\"load\",\"policy\":\"app\",\"mode\":\"enforce\","  \
	      "\"action\":\"none\",\"finding\":\"none\",\"version\":\"0.1.0\",\"settings\":"

TEST(a_load_tells_the_version_and_the_settings_that_are_not_default)
{
	struct v6_record r = load_record();
	struct v6_text t;

	v6_config_init(&config);
	assert_string_equal(json_of(&r), LOAD_STAMP "{}}\n");
	t = v6_text_in(buf, sizeof(buf));
	assert_true(v6_record_text(&t, &r));
	assert_string_equal(buf, "v6shim nginx[1]: load: v6shim 0.1.0, all else default\n");

	must_set(V6_SETTING_POLICY, "both", V6_ORIGIN_OPTION);
	must_set(V6_SETTING_PROFILE, "openbsd", V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_RULES, "port=1 => mode=log; => mode=enforce", V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_LOG, "/a\"\n/%p", V6_ORIGIN_FILE);
	must_set(V6_SETTING_CONFIG, "/etc/v6shim.conf", V6_ORIGIN_OPTION);
	v6_settings_finish(&config.settings);
	assert_string_equal(json_of(&r), LOAD_STAMP
		"{\"policy\":{\"value\":\"both\",\"origin\":\"option\"},"
		"\"on-contrary\":{\"value\":\"deny:EINVAL\",\"origin\":\"profile\"},"
		"\"order\":{\"value\":\"ipv4-first\",\"origin\":\"profile\"},"
		"\"on-mapped\":{\"value\":\"deny:EADDRNOTAVAIL\",\"origin\":\"profile\"},"
		"\"profile\":{\"value\":\"openbsd\",\"origin\":\"environment\"},"
		"\"rules\":{\"value\":2,\"origin\":\"environment\"},"
		"\"config\":{\"value\":\"/etc/v6shim.conf\",\"origin\":\"option\"},"
		"\"log\":{\"value\":\"/a\\\"\\u000a/%p\",\"origin\":\"file\"}}}\n");
	t = v6_text_in(buf, sizeof(buf));
	assert_true(v6_record_text(&t, &r));
	assert_string_equal(buf,
		"v6shim nginx[1]: load: v6shim 0.1.0, policy=both (option), "
		"on-contrary=deny:EINVAL (profile), order=ipv4-first (profile), "
		"on-mapped=deny:EADDRNOTAVAIL (profile), profile=openbsd (environment), rules=2 "
		"(environment), config=/etc/v6shim.conf (option), log=/a\"\\x0a/%p (file), all "
		"else default\n");
}

/* The longest value of each, and paths as they are in practice: of NAME_MAX bytes. */
TEST(the_settings_of_a_load_fit_where_every_record_must)
{
	static const char *const longest[V6_KNOBS] = {"default-ipv6-only", "deny:EPROTONOSUPPORT",
		"ipv4-first", "deny:EPROTONOSUPPORT", "share-ipv6", "deny:EPROTONOSUPPORT",
		"deny:EPROTONOSUPPORT", "enforce"};
	static char path[256];
	struct v6_record r = load_record();

	memset(path, 'x', 255);
	path[0] = '/';
	v6_config_init(&config);
	for (unsigned id = 0; id < V6_KNOBS; id++)
		must_set(id, longest[id], V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_PROFILE, "bindv6only=0", V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_RULES, "=> mode=log", V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_LOG, path, V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_CONFIG, path, V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_LOG_FORMAT, "json", V6_ORIGIN_ENVIRONMENT);
	must_set(V6_SETTING_LOG_LEVEL, "change", V6_ORIGIN_ENVIRONMENT);
	assert_fits(&r);
}

/* ---- the end of the memory */

typedef bool (*form)(struct v6_text *t, const struct v6_record *r);

static const char before[] = "what was there {";

/* A record that does not fit leaves the text as it was; nothing around it is touched. */
static void check_size(form write, const struct v6_record *r, char *at, size_t size, size_t whole)
{
	size_t start = size > sizeof(before) ? strlen(before) : 0;
	bool fits = whole + start < size;
	struct v6_text t = v6_text_in(at, size);

	v6_text_bytes(&t, before, start);
	assert_int_equal(write(&t, r), fits);
	assert_false(t.full);
	assert_memory_equal(at, before, start);
	assert_int_equal(t.len, start + (fits ? whole : 0));
	assert_memory_equal(at + start, fits ? buf : "", t.len - start + 1);
}

TEST(a_record_that_does_not_fit_leaves_the_text_as_it_was)
{
	static const form forms[] = {v6_record_json, v6_record_text};
	struct v6_record r = full_record(V6_EVENT_BIND);

	for (size_t i = 0; i < COUNT(forms); i++) {
		struct v6_text whole = v6_text_in(buf, sizeof(buf));

		assert_true(forms[i](&whole, &r));
		for (size_t size = 1; size < whole.len + sizeof(before) + 4; size++) {
			char *inside = fence();

			check_size(forms[i], &r, fence_last(size), size, whole.len);
			memset(inside, 0x5a, size + 64);
			check_size(forms[i], &r, inside, size, whole.len);
			for (size_t n = size; n < size + 64; n++)
				assert_int_equal(inside[n], 0x5a);
		}
	}
}

/* ---- the text form */

static struct v6_record example(void)
{
	struct v6_record r;

	v6_record_init(&r, V6_EVENT_BIND);
	r.program = slice("nginx");
	r.pid = 4242;
	r.facts.family = V6_FAMILY_INET6;
	r.facts.type = V6_TYPE_STREAM;
	r.facts.address = (struct v6_address){.family = V6_FAMILY_INET6, .port = 80};
	r.facts.asked = 0;
	r.facts.before = 0;
	r.proto = 6;
	r.fd = 6;
	r.after = 1;
	r.verdict.v6only = 1;
	r.policy = V6_POLICY_IPV6_ONLY;
	r.verdict.action = V6_ACTION_OVERRIDE;
	r.result = 0;
	return r;
}

static const char *text_of(const struct v6_record *r)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	assert_true(v6_record_text(&t, r));
	assert_int_equal(strlen(buf), t.len);
	assert_ptr_equal(strchr(buf, '\n'), buf + t.len - 1);
	buf[t.len - 1] = '\0';
	return buf;
}

/* Whether each part is in the line, or is not where it begins with a `!`. */
static void says(const struct v6_record *r, const char *const *parts)
{
	const char *line = text_of(r);

	for (; *parts; parts++) {
		bool no = **parts == '!';

		if (!strstr(line, *parts + no) != no)
			fail_msg("%s '%s' in: %s", no ? "unexpected" : "no", *parts + no, line);
	}
}

#define SAYS(record, ...) says(record, (const char *const[]){__VA_ARGS__, NULL})

TEST(mode_log_never_claims_that_anything_changed_and_enforce_never_says_would)
{
	struct v6_record r = example();

	r.mode = V6_MODE_LOG;
	r.after = r.facts.before;
	r.enforce = (struct v6_enforce){.known = true, .after = 1, .result = 0};
	r.families_before = r.families_after = (struct v6_families){2, 2};
	for (r.verdict.action = V6_ACTION_SET; r.verdict.action <= V6_ACTION_REORDER;
		r.verdict.action++)
		SAYS(&r, "mode log", "would", "!->", "!is shared");
	/* What comes of a listen, and of a datagram's bind. */
	r.serves = V6_SERVES_INET6 | V6_SERVES_INET;
	r.enforce.serves = V6_SERVES_INET6;
	SAYS(&r, "V6ONLY 0, would be 1", "serves IPv6 and IPv4, would serve IPv6 (");
	r.enforce =
		(struct v6_enforce){.known = true, .after = 0, .result = -1, .error = EADDRINUSE};
	SAYS(&r, "would fail with EADDRINUSE", "!would be", "!would serve");
	r.enforce.result = V6_NO_RESULT;
	SAYS(&r, "with mode=enforce undecided", "!would");
	r.verdict.action = V6_ACTION_NONE;
	r.enforce = (struct v6_enforce){.known = false, .after = V6_UNKNOWN};
	SAYS(&r, "mode log", "V6ONLY 0", "!would", "!->");
	/* What the kernel answered stands beside what the shim would have. */
	r.verdict.action = V6_ACTION_DENY;
	r.enforce = (struct v6_enforce){.known = true, .after = 0, .result = -1, .error = EPERM};
	r.result = -1;
	r.error = EACCES;
	SAYS(&r, "would be denied with EPERM", "fails with EACCES");
	r.verdict.action = V6_ACTION_SET;
	r.enforce = (struct v6_enforce){.known = true, .after = 0, .result = 0};
	SAYS(&r, "fails with EACCES, would succeed");

	r = example();
	r.families_before = (struct v6_families){2, 2};
	r.families_after = (struct v6_families){2, 1};
	for (r.verdict.action = V6_ACTION_NONE; r.verdict.action <= V6_ACTION_REORDER;
		r.verdict.action++)
		SAYS(&r, "!would", "!mode");
}

TEST(the_text_tells_what_the_record_holds)
{
	struct v6_record r = example();

	r.rule = 2;
	r.serves = V6_SERVES_INET6;
	SAYS(&r, "policy ipv6-only", "rule 2", "asked for 0", "serves IPv6", "!IPv4");
	r.serves = V6_SERVES_INET;
	SAYS(&r, "serves IPv4", "!IPv6");
	r.serves = V6_SERVES_INET6 | V6_SERVES_INET;
	SAYS(&r, "serves IPv6 and IPv4");
	r.after = V6_UNKNOWN;
	SAYS(&r, "V6ONLY 0", "!->");
	r.error = 512;
	SAYS(&r, "fails with errno 512");

	r = example();
	r.facts.event = V6_EVENT_SETSOCKOPT;
	r.facts.address = (struct v6_address){.family = V6_FAMILY_OTHER};
	r.facts.before = r.after = 1;
	r.verdict.action = V6_ACTION_DENY;
	r.verdict.finding = V6_FINDING_CONTRARY;
	r.result = -1;
	r.error = EOPNOTSUPP;
	SAYS(&r, "setsockopt tcp", "fd 6", "asks for V6ONLY 0", "denied", "EOPNOTSUPP", "contrary",
		"!->", "!asked for");

	r = example();
	r.verdict.action = V6_ACTION_NONE;
	r.verdict.finding = V6_FINDING_CONFLICT;
	r.after = r.facts.before;
	r.result = -1;
	r.error = EADDRINUSE;
	r.note = slice("0.0.0.0:80 is held by fd 5");
	SAYS(&r, "EADDRINUSE", "conflict", " - 0.0.0.0:80 is held by fd 5", "V6ONLY 0", "!->");

	r = example();
	r.facts = (struct v6_facts){.event = V6_EVENT_GETADDRINFO, .asked = -1, .before = -1};
	r.fd = r.proto = r.after = -1;
	r.families_before = (struct v6_families){3, 4};
	r.families_after = (struct v6_families){3, 1};
	r.verdict.action = V6_ACTION_REORDER;
	SAYS(&r, "getaddrinfo", "IPv4 IPv4 IPv6 -> IPv6 IPv4 IPv4", "!V6ONLY", "!fd");
	r.families_before.count = r.families_after.count = 0;
	r.verdict.action = V6_ACTION_NONE;
	for (r.result = EAI_BADFLAGS; r.result >= EAI_OVERFLOW; r.result--) {
		const char *name = r.result == EAI_NONAME   ? ": fails with EAI_NONAME ("
				   : r.result == EAI_AGAIN  ? ": fails with EAI_AGAIN ("
				   : r.result == EAI_FAMILY ? ": fails with EAI_FAMILY ("
				   : r.result == EAI_MEMORY ? ": fails with EAI_MEMORY ("
							    : ": fails with ";

		SAYS(&r, "getaddrinfo", name);
	}
	r.result = -99;
	SAYS(&r, "getaddrinfo: fails with -99 (");
	r.result = EAI_SYSTEM;
	r.error = ENFILE;
	SAYS(&r, "getaddrinfo: fails with ENFILE (");

	r = example();
	r.proto = 17;
	r.facts = (struct v6_facts){.event = V6_EVENT_BIND,
		.family = V6_FAMILY_INET,
		.asked = -1,
		.before = -1,
		.address = {.family = V6_FAMILY_INET, .port = 53, .bytes = {192, 0, 2, 1}}};
	r.after = -1;
	r.verdict.action = V6_ACTION_NONE;
	SAYS(&r, "bind udp 192.0.2.1:53 fd 6", "!V6ONLY");

	v6_record_init(&r, V6_EVENT_LOST);
	r.program = slice("nginx");
	r.pid = 1;
	r.count = 1;
	SAYS(&r, "v6shim nginx[1]: lost", "1 record could", "!records", "!policy");
	r.count = 1234567;
	SAYS(&r, "1234567 records could", "!policy");

	v6_record_init(&r, V6_EVENT_ERROR);
	r.program = slice("nginx");
	r.pid = 1;
	r.note = slice("V6SHIM_POLICY: no value given");
	assert_string_equal(text_of(&r), "v6shim nginx[1]: error: V6SHIM_POLICY: no value given");
}

/* ---- levels, and what a socket serves */

/* 1.3, log-level, sentence by sentence. */
TEST(every_record_has_the_level_that_the_contract_gives_it)
{
	static const enum v6_log_level levels[] = {
		[V6_EVENT_LOAD] = V6_LOG_LEVEL_ALL,
		[V6_EVENT_SOCKET] = V6_LOG_LEVEL_ALL,
		[V6_EVENT_SETSOCKOPT] = V6_LOG_LEVEL_ALL,
		[V6_EVENT_BIND] = V6_LOG_LEVEL_BIND,
		[V6_EVENT_LISTEN] = V6_LOG_LEVEL_BIND,
		[V6_EVENT_GETADDRINFO] = V6_LOG_LEVEL_BIND,
		[V6_EVENT_INHERIT] = V6_LOG_LEVEL_BIND,
		[V6_EVENT_LOST] = V6_LOG_LEVEL_ERROR,
		[V6_EVENT_ERROR] = V6_LOG_LEVEL_ERROR,
	};

	for (unsigned e = 0; e < COUNT(levels); e++)
		for (unsigned a = 0; a <= V6_ACTION_REORDER; a++)
			for (unsigned f = 0; f <= V6_FINDING_IPV4_SOCKET; f++) {
				bool change = (a || f) && levels[e] != V6_LOG_LEVEL_ERROR;
				struct v6_record r;

				v6_record_init(&r, e);
				r.verdict.action = a;
				r.verdict.finding = f;
				assert_int_equal(v6_record_level(&r),
					change ? V6_LOG_LEVEL_CHANGE : levels[e]);
				/* 1.10: what a socket's record has to say is that there is no IPv6. */
				r.note = v6_slice_of("no IPv6");
				change |= e == V6_EVENT_SOCKET;
				assert_int_equal(v6_record_level(&r),
					change ? V6_LOG_LEVEL_CHANGE : levels[e]);
			}
}

TEST(a_socket_serves_what_the_kernel_says_of_it)
{
	enum { SIX = V6_SERVES_INET6, FOUR = V6_SERVES_INET };
	static const struct {
		struct v6_address bound;
		unsigned when_0, when_1, unknown;
	} rows[] = {
		{{.family = V6_FAMILY_INET6, .port = 80}, SIX | FOUR, SIX, 0},
		{{.family = V6_FAMILY_INET6, .bytes = {[15] = 1}}, SIX, SIX, SIX},
		{{.family = V6_FAMILY_INET6, .bytes = {0x20, 1}}, SIX, SIX, SIX},
		{{.family = V6_FAMILY_INET6, .bytes = {0xfe, 0x80}, .scope = 2}, SIX, SIX, SIX},
		{{.family = V6_FAMILY_INET6, .bytes = {[10] = 0xff, 0xff}}, FOUR, FOUR, FOUR},
		{{.family = V6_FAMILY_INET6, .bytes = {[10] = 0xff, 0xff, 127}}, FOUR, FOUR, FOUR},
		{{.family = V6_FAMILY_INET, .port = 80}, FOUR, FOUR, FOUR},
		{{.family = V6_FAMILY_INET, .bytes = {127, 0, 0, 1}}, FOUR, FOUR, FOUR},
		{{.family = V6_FAMILY_OTHER}, 0, 0, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(v6_serves(&rows[i].bound, 0), rows[i].when_0);
		assert_int_equal(v6_serves(&rows[i].bound, 1), rows[i].when_1);
		assert_int_equal(v6_serves(&rows[i].bound, V6_UNKNOWN), rows[i].unknown);
	}
}

RUN_TESTS()
