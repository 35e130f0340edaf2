#include "report_progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/times.h>
#include <unistd.h>

enum { FIRST_MS = 1000, EVERY_MS = 200, MIB = 1 << 20 };

static struct {
	bool on, shown;
	int64_t next; /* milliseconds of the monotonic clock */
	off_t total, done;
} progress;

/* By times(2), whose clock is monotonic; clock_gettime(2) is not in the libc of old systems. */
static int64_t now(void)
{
	struct tms unused;

	return (int64_t)times(&unused) * 1000 / sysconf(_SC_CLK_TCK);
}

void v6_progress_begin(off_t total)
{
	const char *term = getenv("TERM");

	progress.on = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
	progress.shown = false;
	progress.total = total;
	progress.done = 0;
	if (progress.on)
		progress.next = now() + FIRST_MS;
}

static void show(uint64_t records)
{
	fprintf(stderr, "\r\033[K%" PRId64, (int64_t)(progress.done / MIB));
	if (progress.total)
		fprintf(stderr, " of %" PRId64, (int64_t)(progress.total / MIB));
	fprintf(stderr, " MiB read, %" PRIu64 " records", records);
	if (progress.total)
		fprintf(stderr, ", %d%%", (int)(progress.done * 100 / progress.total));
	fflush(stderr);
}

void v6_progress_step(ssize_t bytes, uint64_t records)
{
	progress.done += bytes;
	if (!progress.on || now() < progress.next)
		return;
	show(records);
	progress.shown = true;
	progress.next = now() + EVERY_MS;
}

void v6_progress_end(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.on = progress.shown = false;
}
