/*
 * Records: the JSON form as jq reads it against what was put in, key by key in the order of
 * DESIGN.md 1.6; the text form as a person sees it; which level a record has, and what a socket
 * serves.
 */
#include "unit.h"

#include "core/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <time.h>

static char buf[65536];

/* ---- jq: records go to a file, jq's lines are compared with the expected ones */

struct witness {
	FILE *records; /* without a name from the beginning, for a test may end anywhere */
	FILE *should;
	char *lines;
	size_t size;
};

/* The command is fixed, the file's name reaches it by the environment. */
#define JQ(filter) "jq -cr '" filter "' \"$V6_UNIT_RECORDS\""

static void call_witness(struct witness *w)
{
	if (system("command -v jq >/dev/null")) {
		print_message("# jq is not installed\n");
		skip();
	}
	w->records = tmpfile();
	w->should = open_memstream(&w->lines, &w->size);
	assert_non_null(w->records);
	assert_non_null(w->should);
}

static void compare_lines(FILE *is, const char *should)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	for (int i = 1; (n = getline(&line, &size, is)) > 0; i++) {
		const char *end = strchr(should, '\n');

		if (!end)
			fail_msg("jq has a line %d that was not expected: %s", i, line);
		else if (end - should != n - 1 || memcmp(line, should, (size_t)n - 1))
			fail_msg("line %d: jq reads\n%swhere was expected\n%.*s", i, line,
				(int)(end - should), should);
		else
			should = end + 1;
	}
	free(line);
	if (*should)
		fail_msg("jq ended before: %s", should);
}

static void hear_witness(struct witness *w, const char *command)
{
	FILE *output, *answer;
	char path[32], *text = NULL;
	size_t size = 0;
	int c, status;

	assert_int_equal(fflush(w->records), 0);
	assert_int_equal(fclose(w->should), 0);
	/* Inherited by the shell and by jq. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(w->records));
	assert_int_equal(setenv("V6_UNIT_RECORDS", path, 1), 0);
	output = popen(command, "r");
	answer = open_memstream(&text, &size);
	assert_non_null(output);
	assert_non_null(answer);
	while ((c = getc(output)) != EOF)
		putc(c, answer);
	status = pclose(output);
	fclose(answer);
	fclose(w->records);
	assert_int_equal(status, 0);
	answer = fmemopen(text, size ? size : 1, "r");
	assert_non_null(answer);
	compare_lines(answer, w->lines);
	fclose(answer);
	free(text);
	free(w->lines);
}

/* Writes a record's JSON, having seen that it is one line and nothing but a line. */
static void testify(struct witness *w, const struct v6_record *r)
{
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	assert_true(v6_record_json(&t, r));
	assert_int_equal(strlen(buf), t.len);
	assert_ptr_equal(strchr(buf, '\n'), buf + t.len - 1);
	for (size_t i = 0; i + 1 < t.len; i++)
		assert_true((unsigned char)buf[i] >= 0x20 && buf[i] != 0x7f);
	assert_int_equal(fwrite(buf, 1, t.len, w->records), t.len);
}

/* ---- strings that programs and notes may have */

/* What a reader must get: its characters as numbers; a byte that is none is U+FFFD. */
static void write_characters(FILE *f, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = utf8_decode(bytes + i, len - i, &c);

		fprintf(f, "%s%" PRIu32, i ? " " : "", n ? c : 0xfffd);
		i += n ? n : 1;
	}
	putc('\n', f);
}

#define CHARACTERS "explode | map(tostring) | join(\" \")"

static void testify_strings(struct witness *w, const char *bytes, size_t len)
{
	struct v6_record r;

	v6_record_init(&r, V6_EVENT_BIND);
	r.program = r.note = r.holder.program = fenced(bytes, len);
	r.holder.known = true;
	testify(w, &r);
	for (int i = 0; i < 3; i++)
		write_characters(w->should, bytes, len);
}

static void test_every_byte_and_every_pair_of_bytes_is_read_back(void **state)
{
	struct witness w;
	char bytes[3 * 256];

	(void)state;
	call_witness(&w);
	for (unsigned n = 0; n < 256; n++) {
		const char one[] = {'a', (char)n, 'b'};

		testify_strings(&w, one, sizeof(one));
		testify_strings(&w, one + 1, 1);
		for (unsigned m = 0; m < 256; m++) {
			bytes[3 * m] = (char)n;
			bytes[3 * m + 1] = (char)m;
			bytes[3 * m + 2] = ' ';
		}
		testify_strings(&w, bytes, sizeof(bytes));
	}
	hear_witness(&w, JQ(".program, .note, .holder.program | " CHARACTERS));
}

static void test_hostile_names_are_read_back(void **state)
{
	static const char *const names[] = {
		"\"}\n{\"v\":1,\"event\":\"bind\"",
		"\\",
		"\\\"",
		"\\u0000",
		"\\n",
		"</script>",
		"'; rm -rf /'",
		"%s%n%p",
		"a\tb\rc\bd\fe",
		"\x1b[2J\x1b]0;title\x07",
		"\xe2\x80\xa8 and \xe2\x80\xa9" /* U+2028, U+2029: lines to JavaScript */,
		"\xef\xbb\xbf" /* U+FEFF */,
		"\xef\xbf\xbd" /* U+FFFD itself */,
		"\xef\xbf\xbf" /* U+FFFF */,
		"\xf0\x9f\x98\x80" /* U+1F600 */,
		"\xf4\x8f\xbf\xbf" /* U+10FFFF, the last */,
		"\xf4\x90\x80\x80" /* one beyond */,
		"\xc0\x80" /* NUL, overlong */,
		"\xc1\xbf",
		"\xe0\x9f\xbf" /* overlong */,
		"\xf0\x8f\xbf\xbf" /* overlong */,
		"\xc0\xaf\xe0\x80\xaf\xf0\x80\x80\xaf" /* '/', overlong thrice */,
		"\xed\xa0\xbd\xed\xb8\x80" /* a pair of surrogates, CESU-8 */,
		"\xed\x9f\xbf\xee\x80\x80" /* on either side of the surrogates */,
		"\xf8\x88\x80\x80\x80\xfc\x84\x80\x80\x80\x80\xfe\xff",
		"\xe2\x82" /* cut short */,
		"\xe2\x82\xe2\x82\xac" /* cut short by the next */,
		"\xf0\x9f\x98",
		"\x80\xbf\x80",
		"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0",
		"\x7f",
	};
	struct witness w;

	(void)state;
	call_witness(&w);
	for (size_t i = 0; i < COUNT(names); i++)
		testify_strings(&w, names[i], strlen(names[i]));
	hear_witness(&w, JQ(".program, .note, .holder.program | " CHARACTERS));
}

static void test_random_names_are_read_back(void **state)
{
	static const unsigned char hostile[] = {0, '\n', 0x1f, '"', '\\', 'u', 0x7f, 0x80, 0x8f,
		0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf4, 0xf5,
		0xff};
	struct witness w;
	uint64_t seed = 11;

	(void)state;
	call_witness(&w);
	for (int i = 0; i < 4000; i++) {
		char bytes[64];
		size_t len = 1 + random_below(&seed, sizeof(bytes));

		for (size_t n = 0; n < len; n++)
			bytes[n] = (char)(i & 1 ? hostile[random_below(&seed, COUNT(hostile))]
						: random_next(&seed));
		testify_strings(&w, bytes, len);
	}
	hear_witness(&w, JQ(".program, .note, .holder.program | " CHARACTERS));
}

/* ---- whole records */

static const char *const events[] = {"load", "socket", "setsockopt", "bind", "listen",
	"getaddrinfo", "inherit", "lost", "error"};
static const char *const families[] = {NULL, "inet", "inet6"};
static const char *const types[] = {NULL, "stream", "dgram", "raw", "seqpacket", "other"};
static const char *const policies[] = {
	"app", "ipv6-only", "both", "default-ipv6-only", "default-both"};
static const char *const modes[] = {"enforce", "log"};
static const char *const actions[] = {
	"none", "set", "override", "deny", "split", "share", "yield", "reorder"};
static const char *const findings[] = {"none", "conflict", "disorder", "contrary"};
static const char *const served[] = {
	NULL, "[\"inet6\"]", "[\"inet\"]", "[\"inet6\",\"inet\"]"}; /* by V6_SERVES_* */
static const struct {
	int number;
	const char *name;
} protos[] = {{-1, NULL}, {6, "tcp"}, {17, "udp"}, {262, "mptcp"}, {132, "sctp"}, {47, "47"},
	{65535, "65535"}, {0, "0"}};
static const struct {
	int number;
	const char *name;
} errors[] = {{0, NULL}, {EPERM, "EPERM"}, {EINVAL, "EINVAL"}, {EADDRINUSE, "EADDRINUSE"},
	{EOPNOTSUPP, "EOPNOTSUPP"}, {EAGAIN, "EAGAIN"}, {EACCES, "EACCES"}};

static void write_address(FILE *f, const struct v6_address *a)
{
	char text[INET6_ADDRSTRLEN];

	if (a->family == V6_FAMILY_OTHER)
		return;
	inet_ntop(a->family == V6_FAMILY_INET ? AF_INET : AF_INET6, a->bytes, text, sizeof(text));
	fprintf(f, ",\"addr\":\"%s", text);
	if (a->family == V6_FAMILY_INET6 && a->scope)
		fprintf(f, "%%%" PRIu32, a->scope);
	fprintf(f, "\",\"port\":%u", a->port);
}

static void write_bit(FILE *f, const char *key, int value)
{
	if (value >= 0)
		fprintf(f, ",\"%s\":%d", key, value);
}

static void write_string(FILE *f, const char *key, struct v6_slice value)
{
	if (value.len)
		fprintf(f, ",\"%s\":\"%.*s\"", key, (int)value.len, value.ptr);
}

static void write_families(FILE *f, const char *key, const struct v6_families *list)
{
	for (unsigned i = 0; i < list->count; i++)
		fprintf(f, "%s%s%s\"%s\"", i ? "," : ",\"", i ? "" : key, i ? "" : "\":[",
			list->inet6 >> i & 1 ? "inet6" : "inet");
	if (list->count)
		putc(']', f);
}

static void write_holder(FILE *f, const struct v6_holder *h)
{
	char *members;
	size_t size;
	FILE *m;

	if (!h->known)
		return;
	m = open_memstream(&members, &size);
	assert_non_null(m);
	if (h->fd >= 0)
		fprintf(m, ",\"fd\":%d", h->fd);
	if (h->pid)
		fprintf(m, ",\"pid\":%d", h->pid);
	write_string(m, "program", h->program);
	if (h->uid >= 0)
		fprintf(m, ",\"uid\":%" PRId64, h->uid);
	if (h->address.family != V6_FAMILY_OTHER)
		fprintf(m, ",\"family\":\"%s\"", families[h->address.family]);
	write_address(m, &h->address);
	write_bit(m, "v6only", h->v6only);
	fclose(m);
	/* Without the first comma. */
	fprintf(f, ",\"holder\":{%s}", size ? members + 1 : "");
	free(members);
}

static const char *proto_name(int number)
{
	size_t i = 0;

	while (protos[i].number != number)
		i++;
	return protos[i].name;
}

static const char *error_name(int number)
{
	size_t i = 0;

	while (errors[i].number != number)
		i++;
	return errors[i].name;
}

/* 1.6, the table from top to bottom. */
static void write_record(FILE *f, const struct v6_record *r)
{
	bool of_a_call = r->event != V6_EVENT_LOST && r->event != V6_EVENT_ERROR;
	time_t second = (time_t)(r->time / 1000000);
	char stamp[40];
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &tm));
	fprintf(f, "{\"v\":1,\"time\":\"%s.%06dZ\"", stamp, (int)(r->time % 1000000));
	fprintf(f, ",\"pid\":%d,\"tid\":%d", r->pid, r->tid);
	write_string(f, "program", r->program);
	fprintf(f, ",\"event\":\"%s\"", events[r->event]);
	if (r->fd >= 0)
		fprintf(f, ",\"fd\":%d", r->fd);
	if (families[r->family])
		fprintf(f, ",\"family\":\"%s\"", families[r->family]);
	if (types[r->type])
		fprintf(f, ",\"type\":\"%s\"", types[r->type]);
	if (r->proto >= 0)
		fprintf(f, ",\"proto\":\"%s\"", proto_name(r->proto));
	write_address(f, &r->address);
	write_bit(f, "asked", r->event == V6_EVENT_SETSOCKOPT ? r->value : r->asked);
	write_bit(f, "before", r->before);
	write_bit(f, "after", r->after);
	if (r->serves)
		fprintf(f, ",\"serves\":%s", served[r->serves]);
	write_families(f, "families_before", &r->families_before);
	write_families(f, "families_after", &r->families_after);
	if (of_a_call) {
		fprintf(f, ",\"policy\":\"%s\"", policies[r->policy]);
		if (r->rule)
			fprintf(f, ",\"rule\":%u", r->rule);
		fprintf(f, ",\"mode\":\"%s\",\"action\":\"%s\",\"finding\":\"%s\"", modes[r->mode],
			actions[r->action], findings[r->finding]);
	}
	write_holder(f, &r->holder);
	if (r->has_result)
		fprintf(f, ",\"result\":%" PRId64, r->result);
	if (r->error)
		fprintf(f, ",\"errno\":\"%s\"", error_name(r->error));
	if (r->event == V6_EVENT_LOST)
		fprintf(f, ",\"count\":%" PRIu64, r->count);
	write_string(f, "note", r->note);
	fputs("}\n", f);
}

/* One time in three there is nothing. */
static bool absent(uint64_t *seed)
{
	return random_below(seed, 3) == 0;
}

static int8_t random_bit(uint64_t *seed)
{
	return (int8_t)((int)random_below(seed, 3) - 1);
}

static struct v6_address random_address(uint64_t *seed)
{
	struct v6_address a = {.family = (uint8_t)random_below(seed, 3)};

	a.port = (uint16_t)(absent(seed) ? 0 : random_next(seed));
	if (a.family == V6_FAMILY_INET6 && absent(seed))
		a.scope = (uint32_t)random_next(seed);
	for (int i = 0; i < (a.family == V6_FAMILY_INET ? 4 : 16); i++)
		a.bytes[i] = (uint8_t)(absent(seed) ? random_next(seed) : 0);
	return a;
}

static struct v6_families random_families(uint64_t *seed)
{
	struct v6_families f = {.count = (uint8_t)random_below(seed, V6_FAMILIES_MAX + 1)};

	if (absent(seed))
		f.count = 0;
	f.inet6 = (uint32_t)random_next(seed);
	return f;
}

static struct v6_slice random_word(uint64_t *seed)
{
	static const char *const words[] = {"", "nginx", "a b", "(sd-pam)", "x"};

	return slice(words[random_below(seed, COUNT(words))]);
}

static struct v6_holder random_holder(uint64_t *seed)
{
	struct v6_holder h = {.known = !absent(seed),
		.fd = absent(seed) ? -1 : (int)random_below(seed, INT_MAX),
		.pid = absent(seed) ? 0 : (int)random_below(seed, 4194304),
		.uid = absent(seed) ? -1 : (int64_t)random_below(seed, UINT_MAX),
		.program = random_word(seed),
		.address = random_address(seed),
		.v6only = random_bit(seed)};

	return h;
}

static struct v6_record random_record(uint64_t *seed)
{
	struct v6_record r;

	v6_record_init(&r, random_below(seed, V6_EVENT_COUNT));
	/* To the end of the year 9999. */
	r.time = (int64_t)(random_next(seed) % UINT64_C(253402300800000000));
	r.pid = (int)random_below(seed, 4194304);
	r.tid = (int)random_below(seed, 4194304);
	r.program = random_word(seed);
	r.family = (uint8_t)random_below(seed, COUNT(families));
	r.type = (uint8_t)random_below(seed, COUNT(types));
	r.serves = (uint8_t)random_below(seed, COUNT(served));
	r.fd = absent(seed) ? -1 : (int)random_below(seed, INT_MAX);
	r.proto = protos[random_below(seed, COUNT(protos))].number;
	r.address = random_address(seed);
	r.value = random_bit(seed);
	r.asked = random_bit(seed);
	r.before = random_bit(seed);
	r.after = random_bit(seed);
	r.want = random_bit(seed);
	r.families_before = random_families(seed);
	r.families_after = random_families(seed);
	r.policy = (uint8_t)random_below(seed, COUNT(policies));
	r.mode = (uint8_t)random_below(seed, COUNT(modes));
	r.action = (uint8_t)random_below(seed, COUNT(actions));
	r.finding = (uint8_t)random_below(seed, COUNT(findings));
	r.rule = absent(seed) ? 0 : random_below(seed, 1000);
	r.holder = random_holder(seed);
	r.has_result = !absent(seed);
	r.result = absent(seed) ? -1 : (int64_t)random_below(seed, INT_MAX);
	r.error = errors[random_below(seed, COUNT(errors))].number;
	/* jq's numbers are doubles. */
	r.count = random_next(seed) >> 12;
	r.note = random_word(seed);
	return r;
}

static void test_random_records_are_read_back_key_by_key_in_order(void **state)
{
	struct witness w;
	uint64_t seed = 12;

	(void)state;
	ONLY_GLIBC();
	call_witness(&w);
	for (int i = 0; i < 5000; i++) {
		struct v6_record r = random_record(&seed);

		testify(&w, &r);
		write_record(w.should, &r);
	}
	hear_witness(&w, JQ("."));
}

static struct v6_record full_record(enum v6_event event)
{
	struct v6_record r;

	v6_record_init(&r, event);
	r.time = 1767323045000006;
	r.pid = 4242;
	r.tid = 4243;
	r.program = slice("nginx");
	r.family = V6_FAMILY_INET6;
	r.type = V6_TYPE_STREAM;
	r.serves = V6_SERVES_INET6 | V6_SERVES_INET;
	r.fd = 6;
	r.proto = 6;
	r.address = (struct v6_address){.family = V6_FAMILY_INET6, .port = 80};
	r.value = 1;
	r.asked = 0;
	r.before = 1;
	r.after = 0;
	r.want = 0;
	r.families_before = (struct v6_families){2, 1};
	r.families_after = (struct v6_families){2, 2};
	r.policy = V6_POLICY_BOTH;
	r.mode = V6_MODE_ENFORCE;
	r.action = V6_ACTION_SHARE;
	r.finding = V6_FINDING_CONFLICT;
	r.rule = 2;
	r.holder = (struct v6_holder){.known = true,
		.fd = 5,
		.pid = 4242,
		.uid = 33,
		.program = slice("nginx"),
		.address = {.family = V6_FAMILY_INET, .port = 80},
		.v6only = V6_UNKNOWN};
	r.has_result = true;
	r.result = 0;
	r.count = 3;
	r.note = slice("a sentence");
	return r;
}

static void test_a_record_of_everything_is_the_contracts_table(void **state)
{
	struct v6_record r = full_record(V6_EVENT_BIND);
	struct witness w;

	(void)state;
	call_witness(&w);
	r.result = -1;
	r.error = EADDRINUSE;
	testify(&w, &r);
	fputs("{\"v\":1,\"time\":\"2026-01-02T03:04:05.000006Z\",\"pid\":4242,\"tid\":4243,"
	      "\"program\":\"nginx\",\"event\":\"bind\",\"fd\":6,\"family\":\"inet6\","
	      "\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"::\",\"port\":80,\"asked\":0,"
	      "\"before\":1,\"after\":0,\"serves\":[\"inet6\",\"inet\"],"
	      "\"families_before\":[\"inet6\",\"inet\"],\"families_after\":[\"inet\",\"inet6\"],"
	      "\"policy\":\"both\",\"rule\":2,\"mode\":\"enforce\",\"action\":\"share\","
	      "\"finding\":\"conflict\",\"holder\":{\"fd\":5,\"pid\":4242,\"program\":\"nginx\","
	      "\"uid\":33,\"family\":\"inet\",\"addr\":\"0.0.0.0\",\"port\":80},\"result\":-1,"
	      "\"errno\":\"EADDRINUSE\",\"note\":\"a sentence\"}\n",
		w.should);
	hear_witness(&w, JQ("."));
}

static void test_keys_that_do_not_apply_are_absent(void **state)
{
	struct v6_record r;
	struct witness w;

	(void)state;
	call_witness(&w);
	v6_record_init(&r, V6_EVENT_BIND);
	testify(&w, &r);
	fputs("[\"v\",\"time\",\"pid\",\"tid\",\"event\",\"policy\",\"mode\",\"action\","
	      "\"finding\"]\n",
		w.should);
	v6_record_init(&r, V6_EVENT_LOST);
	r.count = 1;
	testify(&w, &r);
	fputs("[\"v\",\"time\",\"pid\",\"tid\",\"event\",\"count\"]\n", w.should);
	v6_record_init(&r, V6_EVENT_ERROR);
	r.note = slice("V6SHIM_POLICY: no value given");
	testify(&w, &r);
	fputs("[\"v\",\"time\",\"pid\",\"tid\",\"event\",\"note\"]\n", w.should);
	hear_witness(&w, JQ("keys_unsorted"));
}

static void test_a_holder_of_whom_little_is_known_says_little(void **state)
{
	struct v6_record r;
	struct witness w;

	(void)state;
	call_witness(&w);
	v6_record_init(&r, V6_EVENT_BIND);
	r.holder.known = true;
	testify(&w, &r);
	fputs("{}\n", w.should);
	r.holder.uid = 0;
	r.holder.fd = 0;
	r.holder.v6only = 0;
	testify(&w, &r);
	fputs("{\"fd\":0,\"uid\":0,\"v6only\":0}\n", w.should);
	hear_witness(&w, JQ(".holder"));
}

static void test_numbers_of_every_size_are_written_out(void **state)
{
	struct v6_record r = full_record(V6_EVENT_LOST);
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	(void)state;
	r.count = UINT64_C(9223372036854775807);
	r.result = INT64_MIN;
	r.pid = INT_MAX;
	r.rule = UINT_MAX;
	assert_true(v6_record_json(&t, &r));
	assert_non_null(strstr(buf, "\"count\":9223372036854775807,"));
	assert_non_null(strstr(buf, "\"result\":-9223372036854775808,"));
	assert_non_null(strstr(buf, "\"pid\":2147483647,"));
	r.event = V6_EVENT_BIND;
	assert_true(v6_record_json(&t, &r));
	assert_non_null(strstr(buf, "\"rule\":4294967295,"));
}

static void test_an_errno_without_a_name_is_told_by_its_number(void **state)
{
	struct v6_record r = full_record(V6_EVENT_BIND);
	struct witness w;
	struct v6_text t;

	(void)state;
	call_witness(&w);
	r.error = 512; /* ERESTARTSYS, which no user sees but under a tracer */
	testify(&w, &r);
	fputs("512\n", w.should);
	hear_witness(&w, JQ(".errno | tostring"));
	t = v6_text_in(buf, sizeof(buf));
	assert_true(v6_record_text(&t, &r));
	assert_non_null(strstr(buf, "512"));
}

static void test_what_was_asked_for_now_is_told_at_setsockopt_alone(void **state)
{
	struct v6_record r = full_record(V6_EVENT_SETSOCKOPT);
	struct witness w;

	(void)state;
	call_witness(&w);
	r.value = 1;
	r.asked = 0;
	testify(&w, &r);
	fputs("1\n", w.should);
	r.event = V6_EVENT_BIND;
	testify(&w, &r);
	fputs("0\n", w.should);
	hear_witness(&w, JQ(".asked"));
}

/* ---- the end of the memory */

typedef bool (*form)(struct v6_text *t, const struct v6_record *r);

static const char before[] = "what was there {";

/* A record that does not fit leaves the text as it was; nothing around it is touched. */
static void check_size(form write, const struct v6_record *r, char *at, size_t size, size_t whole)
{
	size_t start = size > sizeof(before) ? strlen(before) : 0;
	struct v6_text t = v6_text_in(at, size);

	v6_text_bytes(&t, before, start);
	assert_int_equal(write(&t, r), whole + start < size);
	assert_false(t.full);
	assert_memory_equal(at, before, start);
	if (whole + start < size) {
		assert_int_equal(t.len, start + whole);
		assert_memory_equal(at + start, buf, whole + 1);
	} else {
		assert_int_equal(t.len, start);
		assert_int_equal(at[start], '\0');
	}
}

static void check_bounds(form write, const struct v6_record *r)
{
	struct v6_text whole = v6_text_in(buf, sizeof(buf));

	assert_true(write(&whole, r));
	for (size_t size = 1; size < whole.len + sizeof(before) + 4; size++) {
		char *inside = fence();

		check_size(write, r, fence_last(size), size, whole.len);
		memset(inside, 0x5a, size + 64);
		check_size(write, r, inside, size, whole.len);
		for (size_t i = size; i < size + 64; i++)
			assert_int_equal(inside[i], 0x5a);
	}
}

static void test_a_record_that_does_not_fit_leaves_the_text_as_it_was(void **state)
{
	struct v6_record r = full_record(V6_EVENT_BIND), lost = full_record(V6_EVENT_LOST);

	(void)state;
	r.error = EADDRINUSE;
	check_bounds(v6_record_json, &r);
	check_bounds(v6_record_text, &r);
	check_bounds(v6_record_json, &lost);
	check_bounds(v6_record_text, &lost);
}

static void test_records_stand_one_behind_the_other(void **state)
{
	struct v6_record r = full_record(V6_EVENT_BIND);
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	size_t half;

	(void)state;
	assert_true(v6_record_json(&t, &r));
	half = t.len;
	assert_true(v6_record_json(&t, &r));
	assert_int_equal(t.len, 2 * half);
	assert_memory_equal(buf, buf + half, half);
}

/* A name is at most NAME_MAX bytes long, and as hostile as can be: six bytes of JSON each. */
static void test_the_longest_bind_record_fits_where_every_record_must(void **state)
{
	struct v6_record r = full_record(V6_EVENT_BIND);
	static char name[255], note[400], record[V6_RECORD_SIZE];
	struct v6_text t;

	(void)state;
	memset(name, 0xff, sizeof(name));
	memset(note, 'n', sizeof(note));
	r.program = r.holder.program = (struct v6_slice){name, sizeof(name)};
	r.note = (struct v6_slice){note, sizeof(note)};
	r.families_before.count = r.families_after.count = 0;
	memset(r.address.bytes, 0xfe, 16);
	r.address.scope = UINT32_MAX;
	r.address.port = 65535;
	r.holder.address = r.address;
	r.holder.v6only = 1;
	r.pid = r.tid = r.holder.pid = 4194304;
	r.fd = r.holder.fd = INT_MAX;
	r.holder.uid = UINT32_MAX;
	r.result = -1;
	r.error = EADDRNOTAVAIL;
	r.policy = V6_POLICY_DEFAULT_IPV6_ONLY;
	r.rule = UINT_MAX;
	r.action = V6_ACTION_OVERRIDE;
	t = v6_text_in(record, sizeof(record));
	assert_true(v6_record_json(&t, &r));
	t = v6_text_in(record, sizeof(record));
	assert_true(v6_record_text(&t, &r));
}

/* ---- the text form */

static struct v6_record example(void)
{
	struct v6_record r;

	v6_record_init(&r, V6_EVENT_BIND);
	r.program = slice("nginx");
	r.pid = 4242;
	r.tid = 4242;
	r.family = V6_FAMILY_INET6;
	r.type = V6_TYPE_STREAM;
	r.proto = 6;
	r.address = (struct v6_address){.family = V6_FAMILY_INET6, .port = 80};
	r.fd = 6;
	r.asked = 0;
	r.before = 0;
	r.after = 1;
	r.want = 1;
	r.policy = V6_POLICY_IPV6_ONLY;
	r.action = V6_ACTION_OVERRIDE;
	r.has_result = true;
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

static void test_the_contracts_example_comes_out_word_for_word(void **state)
{
	struct v6_record r = example();

	(void)state;
	assert_string_equal(text_of(&r),
		"v6shim nginx[4242]: bind tcp [::]:80 fd 6: V6ONLY 0 -> 1 (policy ipv6-only; the "
		"application asked for 0)");
}

static void test_what_nobody_asked_for_is_not_told(void **state)
{
	struct v6_record r = example();

	(void)state;
	r.asked = V6_UNKNOWN;
	r.action = V6_ACTION_SET;
	assert_string_equal(text_of(&r), "v6shim nginx[4242]: bind tcp [::]:80 fd 6: V6ONLY 0 -> 1 "
					 "(policy ipv6-only)");
}

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

static void test_mode_log_never_claims_that_anything_changed(void **state)
{
	static const uint8_t changing[] = {V6_ACTION_SET, V6_ACTION_OVERRIDE, V6_ACTION_SPLIT,
		V6_ACTION_SHARE, V6_ACTION_YIELD, V6_ACTION_DENY, V6_ACTION_REORDER};
	struct v6_record r = example();

	(void)state;
	r.mode = V6_MODE_LOG;
	r.after = r.before;
	r.families_before = (struct v6_families){2, 2};
	r.families_after = r.families_before;
	for (size_t i = 0; i < COUNT(changing); i++) {
		r.action = changing[i];
		SAYS(&r, "mode log", "would", "!->", "!is shared");
	}
	r.action = V6_ACTION_NONE;
	SAYS(&r, "mode log", "!would", "!->");
	/* No value that the verdict named: only that it would give way. */
	r.action = V6_ACTION_YIELD;
	r.want = V6_UNKNOWN;
	SAYS(&r, "mode log", "V6ONLY 0", "!would be set", "!->");
	/* What the kernel answered stands beside what the shim would have. */
	r.action = V6_ACTION_DENY;
	r.result = -1;
	r.error = EACCES;
	SAYS(&r, "would be denied", "EACCES");
}

static void test_enforce_never_says_would(void **state)
{
	struct v6_record r = example();

	(void)state;
	r.families_before = (struct v6_families){2, 2};
	r.families_after = (struct v6_families){2, 1};
	for (r.action = 0; r.action < V6_ACTION_COUNT; r.action++)
		SAYS(&r, "!would", "!mode");
}

static void test_the_text_tells_what_the_record_holds(void **state)
{
	struct v6_record r = example();

	(void)state;
	r.rule = 2;
	SAYS(&r, "policy ipv6-only", "rule 2", "asked for 0");

	r = example();
	r.serves = V6_SERVES_INET6;
	SAYS(&r, "serves IPv6", "!IPv4");
	r.serves = V6_SERVES_INET;
	SAYS(&r, "serves IPv4", "!IPv6");
	r.serves = V6_SERVES_INET6 | V6_SERVES_INET;
	SAYS(&r, "serves IPv6 and IPv4");

	r = example();
	r.after = V6_UNKNOWN;
	SAYS(&r, "V6ONLY 0", "!->");

	r = example();
	r.event = V6_EVENT_SETSOCKOPT;
	r.address = (struct v6_address){0};
	r.value = 0;
	r.before = r.after = 1;
	r.action = V6_ACTION_DENY;
	r.finding = V6_FINDING_CONTRARY;
	r.result = -1;
	r.error = EOPNOTSUPP;
	SAYS(&r, "setsockopt tcp", "fd 6", "asks for V6ONLY 0", "denied", "EOPNOTSUPP", "contrary",
		"!->");

	r = example();
	r.action = V6_ACTION_NONE;
	r.finding = V6_FINDING_CONFLICT;
	r.after = r.before;
	r.result = -1;
	r.error = EADDRINUSE;
	r.note = slice("0.0.0.0:80 is held by fd 5");
	SAYS(&r, "EADDRINUSE", "conflict", "0.0.0.0:80 is held by fd 5", "V6ONLY 0", "!->");

	r = example();
	r.event = V6_EVENT_GETADDRINFO;
	r.address = (struct v6_address){0};
	r.family = V6_FAMILY_OTHER;
	r.fd = r.proto = -1;
	r.before = r.after = r.asked = V6_UNKNOWN;
	r.families_before = (struct v6_families){3, 4};
	r.families_after = (struct v6_families){3, 1};
	r.action = V6_ACTION_REORDER;
	SAYS(&r, "getaddrinfo", "IPv4 IPv4 IPv6 -> IPv6 IPv4 IPv4", "!V6ONLY", "!fd");

	r = example();
	r.proto = 17;
	r.address =
		(struct v6_address){.family = V6_FAMILY_INET, .port = 53, .bytes = {192, 0, 2, 1}};
	r.family = V6_FAMILY_INET;
	r.before = r.after = r.asked = V6_UNKNOWN;
	r.action = V6_ACTION_NONE;
	SAYS(&r, "bind udp 192.0.2.1:53 fd 6", "!V6ONLY");
}

static void test_lost_records_are_counted_in_good_english(void **state)
{
	struct v6_record r;

	(void)state;
	v6_record_init(&r, V6_EVENT_LOST);
	r.program = slice("nginx");
	r.pid = 1;
	r.count = 1;
	SAYS(&r, "v6shim nginx[1]: lost", "1 record could", "!records", "!policy");
	r.count = 1234567;
	SAYS(&r, "1234567 records could", "!policy");
}

static void test_an_error_is_told_as_it_was_complained_of(void **state)
{
	struct v6_record r;

	(void)state;
	v6_record_init(&r, V6_EVENT_ERROR);
	r.program = slice("nginx");
	r.pid = 1;
	r.note = slice("V6SHIM_POLICY: no value given");
	assert_string_equal(text_of(&r), "v6shim nginx[1]: error: V6SHIM_POLICY: no value given");
}

static void test_a_load_is_told_with_its_settings(void **state)
{
	struct v6_record r;

	(void)state;
	v6_record_init(&r, V6_EVENT_LOAD);
	r.program = slice("nginx");
	r.pid = 1;
	r.note = slice("v6shim 0.1.0, policy=both (environment), all else default");
	assert_string_equal(text_of(&r), "v6shim nginx[1]: load: v6shim 0.1.0, policy=both "
					 "(environment), all else default");
}

static void test_no_name_sends_a_control_byte_to_a_terminal(void **state)
{
	struct v6_record r = example();
	uint64_t seed = 13;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char name[24], note[24];
		const char *line;
		size_t len;

		for (size_t n = 0; n < sizeof(name); n++) {
			name[n] = (char)(i < 256 ? (uint64_t)i : random_next(&seed));
			note[n] = (char)(n & 1 ? random_next(&seed) | 0x80 : 0xc2);
		}
		r.program = (struct v6_slice){name, random_below(&seed, sizeof(name) + 1)};
		r.note = (struct v6_slice){note, random_below(&seed, sizeof(note) + 1)};
		line = text_of(&r);
		assert_memory_equal(line, "v6shim ", 7);
		for (len = strlen(line); len;) {
			uint32_t c;
			size_t took = utf8_decode(line, len, &c);

			if (!took || c < 0x20 || (c >= 0x7f && c < 0xa0))
				fail_msg("%u bytes before the end of: %s", (unsigned)len, buf);
			line += took ? took : 1;
			len -= took ? took : 1;
		}
	}
}

static void test_a_name_cannot_pass_for_another_part_of_the_line(void **state)
{
	struct v6_record r = example();

	(void)state;
	r.program = slice("x[1]: bind\nv6shim y");
	SAYS(&r, "v6shim x[1]: bind\\x0av6shim y[4242]: ");
}

/* ---- levels */

/* 1.3, log-level, sentence by sentence. */
static enum v6_level level_of(unsigned event, unsigned action, unsigned finding)
{
	static const enum v6_level levels[V6_EVENT_COUNT] = {
		[V6_EVENT_LOAD] = V6_LEVEL_ALL,
		[V6_EVENT_SOCKET] = V6_LEVEL_ALL,
		[V6_EVENT_SETSOCKOPT] = V6_LEVEL_ALL,
		[V6_EVENT_BIND] = V6_LEVEL_BIND,
		[V6_EVENT_LISTEN] = V6_LEVEL_BIND,
		[V6_EVENT_GETADDRINFO] = V6_LEVEL_BIND,
		[V6_EVENT_INHERIT] = V6_LEVEL_BIND,
		[V6_EVENT_LOST] = V6_LEVEL_ERROR,
		[V6_EVENT_ERROR] = V6_LEVEL_ERROR,
	};

	if (levels[event] == V6_LEVEL_ERROR)
		return V6_LEVEL_ERROR;
	return action || finding ? V6_LEVEL_CHANGE : levels[event];
}

static void test_every_record_has_the_level_that_the_contract_gives_it(void **state)
{
	unsigned checked = 0;

	(void)state;
	for (unsigned e = 0; e < V6_EVENT_COUNT; e++)
		for (unsigned a = 0; a < V6_ACTION_COUNT; a++)
			for (unsigned f = 0; f < V6_FINDING_COUNT; f++, checked++) {
				struct v6_record r;

				v6_record_init(&r, e);
				r.action = (uint8_t)a;
				r.finding = (uint8_t)f;
				assert_int_equal(v6_record_level(&r), level_of(e, a, f));
			}
	assert_int_equal(checked, 9 * 8 * 4);
}

static void test_a_higher_level_writes_all_that_a_lower_one_does(void **state)
{
	(void)state;
	assert_true(V6_LEVEL_ERROR < V6_LEVEL_CHANGE);
	assert_true(V6_LEVEL_CHANGE < V6_LEVEL_BIND);
	assert_true(V6_LEVEL_BIND < V6_LEVEL_ALL);
}

/* ---- what a socket serves */

static void test_a_socket_serves_what_the_kernel_says_of_it(void **state)
{
	enum { SIX = V6_SERVES_INET6, FOUR = V6_SERVES_INET };
	static const struct {
		struct v6_address bound;
		unsigned when_0, when_1;
	} rows[] = {
		{{.family = V6_FAMILY_INET6, .port = 80}, SIX | FOUR, SIX},
		{{.family = V6_FAMILY_INET6, .port = 80, .bytes = {[15] = 1}}, SIX, SIX},
		{{.family = V6_FAMILY_INET6, .port = 80, .bytes = {0x20, 1}}, SIX, SIX},
		{{.family = V6_FAMILY_INET6, .bytes = {0xfe, 0x80, [15] = 1}, .scope = 2}, SIX,
			SIX},
		{{.family = V6_FAMILY_INET6, .port = 80, .bytes = {[10] = 0xff, 0xff}}, FOUR, FOUR},
		{{.family = V6_FAMILY_INET6, .bytes = {[10] = 0xff, 0xff, 127, 0, 0, 1}}, FOUR,
			FOUR},
		{{.family = V6_FAMILY_INET, .port = 80}, FOUR, FOUR},
		{{.family = V6_FAMILY_INET, .bytes = {127, 0, 0, 1}}, FOUR, FOUR},
		{{.family = V6_FAMILY_OTHER}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(v6_serves(&rows[i].bound, 0), rows[i].when_0);
		assert_int_equal(v6_serves(&rows[i].bound, 1), rows[i].when_1);
		/* V6ONLY matters to `::` alone. */
		if (rows[i].when_0 == rows[i].when_1)
			assert_int_equal(v6_serves(&rows[i].bound, V6_UNKNOWN), rows[i].when_0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_and_every_pair_of_bytes_is_read_back),
		cmocka_unit_test(test_hostile_names_are_read_back),
		cmocka_unit_test(test_random_names_are_read_back),
		cmocka_unit_test(test_random_records_are_read_back_key_by_key_in_order),
		cmocka_unit_test(test_a_record_of_everything_is_the_contracts_table),
		cmocka_unit_test(test_keys_that_do_not_apply_are_absent),
		cmocka_unit_test(test_a_holder_of_whom_little_is_known_says_little),
		cmocka_unit_test(test_numbers_of_every_size_are_written_out),
		cmocka_unit_test(test_an_errno_without_a_name_is_told_by_its_number),
		cmocka_unit_test(test_what_was_asked_for_now_is_told_at_setsockopt_alone),
		cmocka_unit_test(test_a_record_that_does_not_fit_leaves_the_text_as_it_was),
		cmocka_unit_test(test_records_stand_one_behind_the_other),
		cmocka_unit_test(test_the_longest_bind_record_fits_where_every_record_must),
		cmocka_unit_test(test_the_contracts_example_comes_out_word_for_word),
		cmocka_unit_test(test_what_nobody_asked_for_is_not_told),
		cmocka_unit_test(test_mode_log_never_claims_that_anything_changed),
		cmocka_unit_test(test_enforce_never_says_would),
		cmocka_unit_test(test_the_text_tells_what_the_record_holds),
		cmocka_unit_test(test_lost_records_are_counted_in_good_english),
		cmocka_unit_test(test_an_error_is_told_as_it_was_complained_of),
		cmocka_unit_test(test_a_load_is_told_with_its_settings),
		cmocka_unit_test(test_no_name_sends_a_control_byte_to_a_terminal),
		cmocka_unit_test(test_a_name_cannot_pass_for_another_part_of_the_line),
		cmocka_unit_test(test_every_record_has_the_level_that_the_contract_gives_it),
		cmocka_unit_test(test_a_higher_level_writes_all_that_a_lower_one_does),
		cmocka_unit_test(test_a_socket_serves_what_the_kernel_says_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
