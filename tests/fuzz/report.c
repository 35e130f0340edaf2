/*
 * v6shim report as a whole: of logs of any bytes comes a report without a control character, for a
 * person and as one JSON object, whose totals add up.
 *
 * Input: one log, or several with a byte 0x1c (file separator) between them.
 */
#include "fuzz.h"

#include "command/report_input.h"
#include "command/report_json.h"
#include "command/report_text.h"
#include "command/report_view.h"
#include "core/record_parse.h"

#include <sys/mman.h>
#include <unistd.h>

enum { FILES = 3, SEPARATOR = 0x1c };

static int files[FILES];
static char names[FILES][32];

/* ---- the logs */

/* Descriptors that are kept, under names that the report can open. */
static void open_files(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		files[i] = memfd_create("fuzz", MFD_CLOEXEC);
		CHECK(files[i] >= 0);
		snprintf(names[i], sizeof(names[i]), "/proc/self/fd/%d", files[i]);
	}
}

static unsigned write_files(struct v6_slice text)
{
	unsigned n = 0;

	do {
		const char *end =
			text.len && n + 1 < FILES ? memchr(text.ptr, SEPARATOR, text.len) : NULL;
		size_t len = end ? (size_t)(end - text.ptr) : text.len;

		CHECK(!ftruncate(files[n], 0));
		CHECK(pwrite(files[n], text.ptr, len, 0) == (ssize_t)len);
		n++;
		text = v6_slice_from(text, end ? len + 1 : len);
	} while (text.len);
	return n;
}

/* ---- the reports */

typedef bool (*show)(const struct v6_input *in, const struct v6_view *view);

static bool show_text(const struct v6_input *in, const struct v6_view *view)
{
	return v6_report_text(in, view, false);
}

static bool show_json(const struct v6_input *in, const struct v6_view *view)
{
	return v6_report_json(in, view, 0);
}

/* What a report prints, in memory to be freed. */
static char *printed(show show, const struct v6_input *in, const struct v6_view *view, size_t *len)
{
	FILE *before = stdout;
	char *text = NULL;

	stdout = open_memstream(&text, len);
	CHECK(stdout);
	CHECK(show(in, view));
	CHECK(!fclose(stdout));
	stdout = before;
	return text;
}

static void check_lines(const char *text, size_t len)
{
	while (len) {
		const char *end = memchr(text, '\n', len);

		CHECK(end);
		fuzz_check_shown((struct v6_slice){text, (size_t)(end - text)});
		len -= (size_t)(end - text) + 1;
		text = end + 1;
	}
}

/*
 * One JSON object, as the reader of records judges the value of a key that it does not know: then
 * nothing but the version is missed.
 */
static void check_json(const char *text, size_t len)
{
	static const char head[] = "{\"report\":", tail[] = "}";
	struct v6_parse_problem problem;
	struct v6_record r;
	char *line, scratch[64];
	size_t n = 0;

	CHECK(len && text[len - 1] == '\n' && text[0] == '{');
	for (size_t i = 0; i + 1 < len; i++)
		CHECK((unsigned char)text[i] >= 0x20);
	line = malloc(len + sizeof(head) + sizeof(tail));
	memcpy(line, head, sizeof(head) - 1);
	n += sizeof(head) - 1;
	memcpy(line + n, text, len);
	n += len;
	line[n++] = *tail;
	CHECK(v6_record_parse(&r, (struct v6_slice){line, n}, scratch, sizeof(scratch), &problem) ==
		V6_PARSE_FOREIGN);
	CHECK(problem.column == n + 1 && !strcmp(problem.expected, "key \"v\""));
	free(line);
}

static uint64_t lines_of(struct v6_slice text)
{
	uint64_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n' || text.ptr[i] == SEPARATOR;
	return n + 1;
}

/* Every line is one thing, and none is counted twice. */
static void check_totals(const struct v6_input *in, uint64_t lines)
{
	uint64_t records = 0, told = v6_input_texts(in) + in->damaged;

	for (unsigned i = 0; i < in->count; i++)
		records += in->sources[i].records;
	CHECK(records == in->gather.totals.records);
	CHECK(records + told <= lines);
	CHECK(v6_gather_unresolved(&in->gather) <= in->gather.totals.trouble[V6_TROUBLE_CONFLICT]);
	CHECK(!v6_input_failed(in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct v6_slice text = {(const char *)data, size};
	char *arguments[FILES], *out;
	struct v6_input in;
	struct v6_view view;
	unsigned count;
	size_t len;

	if (!*names[0])
		open_files();
	count = write_files(text);
	for (unsigned i = 0; i < count; i++)
		arguments[i] = names[i];
	CHECK(v6_input_init(&in, arguments, count));
	CHECK(v6_input_read(&in, false));
	v6_gather_finish(&in.gather);
	check_totals(&in, lines_of(text));
	CHECK(v6_view_build(&view, &in.gather));
	out = printed(show_text, &in, &view, &len);
	check_lines(out, len);
	free(out);
	out = printed(show_json, &in, &view, &len);
	check_json(out, len);
	free(out);
	v6_view_free(&view);
	v6_input_free(&in);
	return 0;
}
