/*
 * v6shim report reads any line: what is no record is refused at a place in the line; what is one is
 * within the ranges of record.h, and comes out as it went in when it is written and read again, in
 * JSON and in one clean line of text. Times and addresses alone are read as RFC 3339 and
 * inet_pton(3) have them.
 *
 * Input: a line; or, where it does not begin with a brace or a blank, a time or an address.
 */
#include "fuzz.h"

#include "core/record_parse.h"

#include <arpa/inet.h>
#include <limits.h>

static char json_buf[65536 * 8], again_buf[65536 * 8], text_buf[65536 * 8];

/* ---- a line */

static void check_problem(struct v6_slice line, const struct v6_parse_problem *p)
{
	CHECK(p->column >= 1 && p->column <= line.len + 1);
	CHECK(p->expected && *p->expected);
	CHECK(!p->key || *p->key);
}

static void check_string(struct v6_slice s, struct v6_slice line, struct v6_slice scratch)
{
	if (!s.len)
		return;
	CHECK(fuzz_within(s, line) || fuzz_within(s, scratch));
	while (s.len) {
		size_t n = v6_utf8_length(s.ptr, s.len);

		CHECK(n);
		s = v6_slice_from(s, n);
	}
}

static bool is_bit(int value)
{
	return value == 0 || value == 1 || value == V6_UNKNOWN;
}

static void check_holder(const struct v6_holder *h)
{
	CHECK(h->fd >= -1 && h->pid >= 0);
	CHECK(h->uid >= -1 && h->uid <= UINT32_MAX);
	CHECK(is_bit(h->v6only));
	CHECK(h->address.family <= V6_FAMILY_INET6);
	CHECK(!h->connection);
}

static void check_record(const struct v6_record *r, struct v6_slice line, struct v6_slice scratch)
{
	CHECK(r->event < V6_EVENT_COUNT && r->action < V6_ACTION_COUNT);
	CHECK(r->finding < V6_FINDING_COUNT && r->type < V6_TYPE_COUNT);
	CHECK(r->family <= V6_FAMILY_INET6 && r->address.family <= V6_FAMILY_INET6);
	CHECK(v6_setting_word_of(V6_SETTING_POLICY, r->policy));
	CHECK(v6_setting_word_of(V6_SETTING_MODE, r->mode));
	CHECK(r->pid >= 0 && r->tid >= 0 && r->fd >= -1);
	CHECK(r->proto >= -1 && r->proto <= 65535);
	CHECK(r->error >= 0 && r->count <= INT64_MAX);
	CHECK(!(r->serves & ~(V6_SERVES_INET6 | V6_SERVES_INET)));
	CHECK(is_bit(r->value) && is_bit(r->asked) && is_bit(r->before) && is_bit(r->after));
	CHECK(is_bit(r->want));
	CHECK(r->families_before.count <= V6_FAMILIES_MAX);
	CHECK(r->families_after.count <= V6_FAMILIES_MAX);
	check_holder(&r->holder);
	check_string(r->program, line, scratch);
	check_string(r->note, line, scratch);
	check_string(r->holder.program, line, scratch);
}

/* ---- and back */

static bool same_string(struct v6_slice a, struct v6_slice b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

static bool same_address(const struct v6_address *a, const struct v6_address *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same_families(const struct v6_families *a, const struct v6_families *b)
{
	return a->count == b->count && a->inet6 == b->inet6;
}

static void check_same_holder(const struct v6_holder *a, const struct v6_holder *b)
{
	CHECK(a->known == b->known);
	if (!a->known)
		return;
	CHECK(a->fd == b->fd && a->pid == b->pid && a->uid == b->uid);
	CHECK(same_string(a->program, b->program));
	CHECK(same_address(&a->address, &b->address));
	CHECK(a->v6only == b->v6only);
}

static void check_same_decision(const struct v6_record *a, const struct v6_record *b)
{
	CHECK(a->policy == b->policy && a->mode == b->mode && a->rule == b->rule);
	CHECK(a->action == b->action && a->finding == b->finding && a->want == b->want);
}

/* What the writer leaves out of some events is no loss of the reader's. */
static void check_same(const struct v6_record *a, const struct v6_record *b)
{
	CHECK(a->time == b->time && a->pid == b->pid && a->tid == b->tid);
	CHECK(a->event == b->event && a->family == b->family && a->type == b->type);
	CHECK(a->serves == b->serves && a->fd == b->fd && a->proto == b->proto);
	CHECK(same_string(a->program, b->program) && same_string(a->note, b->note));
	CHECK(same_address(&a->address, &b->address));
	CHECK(a->value == b->value && a->asked == b->asked);
	CHECK(a->before == b->before && a->after == b->after);
	CHECK(same_families(&a->families_before, &b->families_before));
	CHECK(same_families(&a->families_after, &b->families_after));
	if (a->event != V6_EVENT_LOST && a->event != V6_EVENT_ERROR)
		check_same_decision(a, b);
	CHECK(a->has_result == b->has_result);
	CHECK(!a->has_result || a->result == b->result);
	CHECK(a->error == b->error);
	CHECK(a->event != V6_EVENT_LOST || a->count == b->count);
	check_same_holder(&a->holder, &b->holder);
}

/* Years 0 to 9999 can be written; an offset reaches beyond both ends. */
static bool writable_time(int64_t microseconds)
{
	return microseconds >= INT64_C(-62167219200000000) &&
	       microseconds < INT64_C(253402300800000000);
}

static void check_json(const struct v6_record *r)
{
	struct v6_text json = v6_text_in(json_buf, sizeof(json_buf));
	struct v6_text more = v6_text_in(again_buf, sizeof(again_buf));
	struct v6_parse_problem problem;
	struct v6_record again;
	char *scratch;

	CHECK(v6_record_json(&json, r));
	fuzz_check_text(&json);
	CHECK(json.buf[json.len - 1] == '\n' && !memchr(json.buf, '\n', json.len - 1));
	scratch = malloc(json.len);
	CHECK(v6_record_parse(&again, (struct v6_slice){json.buf, json.len}, scratch, json.len,
		      &problem) == V6_PARSE_OK);
	if (writable_time(r->time))
		check_same(r, &again);
	/* What was written once is written so for ever. */
	CHECK(v6_record_json(&more, &again));
	CHECK(more.len == json.len && !memcmp(more.buf, json.buf, json.len));
	free(scratch);
}

static void check_text(const struct v6_record *r)
{
	struct v6_text t = v6_text_in(text_buf, sizeof(text_buf));

	CHECK(v6_record_text(&t, r));
	fuzz_check_text(&t);
	CHECK(t.buf[t.len - 1] == '\n');
	fuzz_check_shown((struct v6_slice){t.buf, t.len - 1});
}

/* In too little memory nothing is written, nor a byte of what stands there spoilt. */
static void check_cramped(const struct v6_record *r, size_t size)
{
	char *buf = malloc(size + 8);
	struct v6_text t = v6_text_in(buf, size + 8);
	size_t len;

	v6_text_str(&t, "before");
	if (!v6_record_json(&t, r))
		CHECK(t.len == 6 && !t.full);
	fuzz_check_text(&t);
	len = t.len;
	if (!v6_record_text(&t, r))
		CHECK(t.len == len && !t.full);
	fuzz_check_text(&t);
	CHECK(!memcmp(buf, "before", 6));
	free(buf);
}

/* With less scratch than the line is long, the same or a complaint of that alone. */
static void check_little_scratch(struct v6_slice line, size_t size, enum v6_parse outcome)
{
	struct v6_parse_problem problem = {0, NULL, NULL};
	char *scratch = malloc(size);
	struct v6_record r;
	enum v6_parse got = v6_record_parse(&r, line, scratch, size, &problem);

	CHECK(got == outcome ||
		(got == V6_PARSE_BAD && !strcmp(problem.expected, "a shorter string")));
	free(scratch);
}

static void read_line(struct v6_slice line)
{
	struct v6_slice scratch = {malloc(line.len), line.len};
	struct v6_parse_problem problem = {0, NULL, NULL};
	struct v6_record r;
	enum v6_parse outcome =
		v6_record_parse(&r, line, (char *)(uintptr_t)scratch.ptr, scratch.len, &problem);

	if (outcome == V6_PARSE_OK) {
		check_record(&r, line, scratch);
		check_json(&r);
		check_text(&r);
		check_cramped(&r, line.len / 2);
	} else {
		check_problem(line, &problem);
		CHECK(strcmp(problem.expected, "a shorter string"));
	}
	check_little_scratch(line, line.len / 4, outcome);
	free((char *)(uintptr_t)scratch.ptr);
}

/* ---- times and addresses */

static void check_time(struct v6_slice text)
{
	int64_t time = -1, again = -2;
	char buf[64];
	struct v6_text t = v6_text_in(buf, sizeof(buf));

	if (!v6_time_parse(text, &time)) {
		CHECK(time == -1);
		return;
	}
	v6_text_time(&t, time);
	CHECK(v6_time_parse((struct v6_slice){t.buf, t.len}, &again));
	if (writable_time(time))
		CHECK(again == time);
}

/* The scope is no matter of inet_pton's. */
static void check_address(struct v6_slice text)
{
	const char *percent = text.len ? memchr(text.ptr, '%', text.len) : NULL;
	struct v6_address a = {.port = 7}, again = {.port = 7};
	char buf[80];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	uint8_t bytes[16] = {0};
	bool ok = v6_address_parse(text, &a), in6, libc;

	CHECK(a.port == 7 && (ok || a.family == V6_FAMILY_OTHER));
	in6 = text.len && memchr(text.ptr, ':', text.len);
	v6_text_bytes(&t, text.ptr, percent ? (size_t)(percent - text.ptr) : text.len);
	if (t.full || strlen(buf) != t.len)
		return;
	libc = inet_pton(in6 ? AF_INET6 : AF_INET, buf, bytes) == 1;
	/* Behind a percent sign there may be nonsense; and it is IPv6's alone. */
	CHECK(percent ? !ok || (libc && in6) : ok == libc);
	if (!ok)
		return;
	CHECK(!memcmp(a.bytes, bytes, sizeof(bytes)));
	t = v6_text_in(buf, sizeof(buf));
	v6_address_text(&t, &a);
	CHECK(v6_address_parse((struct v6_slice){t.buf, t.len}, &again));
	CHECK(same_address(&a, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice line = {(const char *)data, size};

	if (size && !strchr("{ \t", data[0] ? data[0] : 'x')) {
		check_time(line);
		check_address(line);
	}
	read_line(line);
	return 0;
}
