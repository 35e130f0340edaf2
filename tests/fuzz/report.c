/*
 * v6shim report as a whole: of logs of any bytes comes a report without a control character, for a
 * person, as one JSON object and line by line.
 *
 * Input: one log, or several with a byte 0x1c (file separator) between them.
 */
#include "fuzz.h"

#include "command/report/report.h"

#include <sys/mman.h>
#include <unistd.h>

enum { FILES = 3, SEPARATOR = 0x1c };

/* The command's main, as fuzz.mk names it. */
int v6_command_main(int argc, char **argv);

static int files[FILES];
static char names[FILES][32];

/* Descriptors that are kept, under names that the report can open. */
static unsigned write_files(struct v6_slice text)
{
	unsigned n = 0;

	do {
		const char *end =
			text.len && n + 1 < FILES ? memchr(text.ptr, SEPARATOR, text.len) : NULL;
		size_t len = end ? (size_t)(end - text.ptr) : text.len;

		if (!*names[n]) {
			files[n] = memfd_create("fuzz", MFD_CLOEXEC);
			snprintf(names[n], sizeof(names[n]), "/proc/self/fd/%d", files[n]);
		}
		CHECK(!ftruncate(files[n], 0));
		CHECK(pwrite(files[n], text.ptr, len, 0) == (ssize_t)len);
		n++;
		text = v6_slice_from(text, end ? len + 1 : len);
	} while (text.len);
	return n;
}

/* Lines that a terminal may show; how many. */
static size_t check_lines(const char *text, size_t len)
{
	size_t lines = 0;

	for (const char *end; len; lines++, text = end + 1) {
		end = memchr(text, '\n', len);
		CHECK(end);
		fuzz_check_shown((struct v6_slice){text, (size_t)(end - text)});
		len -= (size_t)(end - text) + 1;
	}
	return lines;
}

/* One JSON object, as the reader of records judges the value of a key that it does not know. */
static void check_json(const char *text, size_t len)
{
	static const char head[] = "{\"v\":1,\"time\":\"2026-01-02T03:04:05Z\",\"pid\":1,"
				   "\"program\":\"x\",\"event\":\"load\",\"report\":";
	char *line = malloc(sizeof(head) + len), *scratch = malloc(sizeof(head) + len), reason[200];
	struct v6_text why = v6_text_in(reason, sizeof(reason));
	struct v6_record r;

	CHECK(len && text[0] == '{' && text[len - 1] == '\n');
	memcpy(line, head, sizeof(head) - 1);
	memcpy(line + sizeof(head) - 1, text, len);
	line[sizeof(head) + len - 2] = '}';
	CHECK(v6_read_record(&r, (struct v6_slice){line, sizeof(head) + len - 1}, scratch, &why));
	free(line);
	free(scratch);
}

/* What `v6shim report OPTION` prints, in memory to be freed. */
static char *report(char *option, unsigned count, size_t *len)
{
	static char command[] = "v6shim", name[] = "report";
	char *argv[FILES + 4] = {command, name, option}, *text = NULL, *said = NULL;
	FILE *out = stdout, *err = stderr;
	size_t said_len;
	int status;

	for (unsigned i = 0; i < count; i++)
		argv[3 + i] = names[i];
	stdout = open_memstream(&text, len);
	stderr = open_memstream(&said, &said_len);
	optind = 0;
	status = v6_command_main((int)count + 3, argv);
	CHECK(!fclose(stdout) && !fclose(stderr));
	stdout = out;
	stderr = err;
	CHECK(status >= 0 && status <= 2); /* 2: no line is a record */
	check_lines(said, said_len);
	free(said);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char check[] = "--check", json[] = "--json", lines[] = "--lines";
	struct v6_slice text = {(const char *)data, size};
	size_t len, most = 1;
	unsigned count = write_files(text);
	char *out;

	for (size_t i = 0; i < size; i++)
		most += data[i] == '\n' || data[i] == SEPARATOR;
	out = report(check, count, &len);
	check_lines(out, len);
	free(out);
	out = report(json, count, &len);
	check_lines(out, len);
	check_json(out, len);
	free(out);
	out = report(lines, count, &len);
	CHECK(check_lines(out, len) <= most);
	free(out);
	return 0;
}
