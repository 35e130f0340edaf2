/*
 * v6shim report reads any line: what is no record is refused with a reason; what is one is within the
 * ranges of record.h, and comes out as it went in when it is written and read again, in JSON and in
 * one clean line of text. In too little memory: unit/record.c.
 *
 * Input: a line.
 */
#include "fuzz.h"

#include "command/report/report.h"

static char buffers[4][65536 * 8], reason[256];

static bool is_bit(int value)
{
	return value == 0 || value == 1 || value == V6_UNKNOWN;
}

static void check_string(struct v6_slice s, struct v6_slice line, struct v6_slice scratch)
{
	CHECK(!s.len || fuzz_within(s, line) || fuzz_within(s, scratch));
}

static void check_record(const struct v6_record *r, struct v6_slice line, struct v6_slice scratch)
{
	const struct v6_holder *h = &r->holder;

	CHECK(v6_word(V6_LIST_EVENT, r->facts.event) && v6_word(V6_LIST_ACTION, r->verdict.action));
	CHECK(v6_word(V6_LIST_FINDING, r->verdict.finding) && v6_word(V6_LIST_MODE, r->mode));
	CHECK(v6_word(V6_LIST_POLICY, r->policy));
	CHECK(r->facts.address.family <= V6_FAMILY_INET6 && h->address.family <= V6_FAMILY_INET6);
	CHECK(r->pid >= 0 && r->fd >= -1 && h->fd >= -1 && h->pid >= 0);
	CHECK(r->proto >= -1 && r->proto <= 65535);
	CHECK(h->uid >= -1 && h->uid <= UINT32_MAX && !h->connection);
	CHECK(r->error >= 0 && r->count <= INT64_MAX);
	CHECK(!(r->serves & ~(V6_SERVES_INET6 | V6_SERVES_INET)));
	CHECK(is_bit(r->facts.asked) && is_bit(r->facts.before) && is_bit(r->after));
	CHECK(is_bit(h->v6only));
	CHECK(r->families_before.count <= V6_FAMILIES_MAX);
	CHECK(r->families_after.count <= V6_FAMILIES_MAX);
	check_string(r->program, line, scratch);
	check_string(r->note, line, scratch);
	check_string(r->version, line, scratch);
	check_string(r->settings, line, scratch);
	check_string(h->program, line, scratch);
}

/* Writes it in both forms into the n-th pair of buffers; the JSON. */
static struct v6_slice write_record(const struct v6_record *r, unsigned n)
{
	struct v6_text json = v6_text_in(buffers[2 * n], sizeof(*buffers));
	struct v6_text text = v6_text_in(buffers[2 * n + 1], sizeof(*buffers));

	CHECK(v6_record_json(&json, r) && v6_record_text(&text, r));
	fuzz_check_text(&json);
	fuzz_check_text(&text);
	CHECK(json.buf[json.len - 1] == '\n' && !memchr(json.buf, '\n', json.len - 1));
	CHECK(text.buf[text.len - 1] == '\n');
	fuzz_check_shown((struct v6_slice){text.buf, text.len - 1});
	return (struct v6_slice){json.buf, json.len - 1};
}

static bool read_line(struct v6_record *r, struct v6_slice line, char *scratch)
{
	struct v6_text why = v6_text_in(reason, sizeof(reason));
	bool outcome = v6_read_record(r, line, scratch, &why);

	CHECK(outcome != (why.len > 0));
	fuzz_check_text(&why);
	fuzz_check_shown((struct v6_slice){why.buf, why.len});
	return outcome;
}

static bool is_utf8(struct v6_slice s)
{
	for (size_t n; s.len; s = v6_slice_from(s, n)) {
		n = v6_utf8_length(s.ptr, s.len);
		if (!n)
			return false;
	}
	return true;
}

/*
 * What was written once is written so for ever, and nothing of it gets lost. Bytes that are no
 * UTF-8, which are in no record of the library's, are as they come.
 */
static void check_again(const struct v6_record *r)
{
	struct v6_slice json = write_record(r, 0), again;
	struct v6_record read;
	char *scratch = malloc(json.len + 1);

	CHECK(read_line(&read, json, scratch));
	again = write_record(&read, 1);
	CHECK(again.len == json.len && !memcmp(again.ptr, json.ptr, json.len));
	CHECK(!strcmp(buffers[1], buffers[3]));
	free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice line = {(const char *)data, size}, scratch = {malloc(size), size};
	struct v6_read_setting settings[V6_SETTING_COUNT];
	struct v6_record r;

	if (read_line(&r, line, (char *)(uintptr_t)scratch.ptr)) {
		check_record(&r, line, scratch);
		if (is_utf8(line) && is_utf8(r.program) && is_utf8(r.note) &&
			is_utf8(r.holder.program))
			check_again(&r);
		if (r.settings.len)
			v6_read_settings(settings, r.settings);
	}
	free((char *)(uintptr_t)scratch.ptr);
	return 0;
}
