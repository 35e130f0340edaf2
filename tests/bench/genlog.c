/*
 * genlog - a log of a given size, as servers under v6shim leave them at log-level=bind
 *
 * usage: genlog BYTES
 *
 * Writes whole records to standard output, no more than BYTES of them. A server is started again
 * and again, each time with RECORDS records: load, and a bind and a listen for each of PORTS ports
 * in both families; the first bind of every CONFLICT-th start is a conflict. What a record says
 * depends on its number alone: two logs of one size are the same.
 *
 * The last line on standard error is how many records there are: "records N".
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PORTS = 8,
	RECORDS = 1 + 4 * PORTS,
	CONFLICT = 32,
	FIRST_PORT = 8000,
	FIRST_PID = 300,
	PIDS = 4000000,
	LINE = 1024
};

#define START_OF_DAY "2026-01-%02uT%02u:%02u:%02u.%06uZ"

/* Who and when: a record every 100 microseconds, in a month that begins anew. */
static int head(char *line, uint64_t n, const char *event)
{
	uint64_t us = n * 100, s = us / 1000000;
	unsigned pid = FIRST_PID + (unsigned)(n / RECORDS % PIDS);

	return snprintf(line, LINE,
		"{\"v\":1,\"time\":\"" START_OF_DAY
		"\",\"pid\":%u,\"tid\":%u,\"program\":\"legacyd\","
		"\"event\":\"%s\",",
		(unsigned)(s / 86400 % 28) + 1, (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60),
		(unsigned)(s % 60), (unsigned)(us % 1000000), pid, pid, event);
}

static const char load[] =
	"\"policy\":\"ipv6-only\",\"mode\":\"enforce\",\"action\":\"none\",\"finding\":\"none\","
	"\"note\":\"v6shim 0.1.0, policy=ipv6-only (environment), log=/var/log/legacyd.jsonl "
	"(environment), log-level=bind (environment), all else default\"}\n";

static const char bind6[] =
	"\"fd\":%u,\"family\":\"inet6\",\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"::\","
	"\"port\":%u,"
	"\"asked\":0,\"before\":0,\"after\":1,\"policy\":\"ipv6-only\",\"mode\":\"enforce\","
	"\"action\":\"override\",\"finding\":\"none\",\"result\":0}\n";

static const char listen6[] =
	"\"fd\":%u,\"family\":\"inet6\",\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"::\","
	"\"port\":%u,"
	"\"asked\":0,\"before\":1,\"after\":1,\"serves\":[\"inet6\"],\"policy\":\"ipv6-only\","
	"\"mode\":\"enforce\",\"action\":\"none\",\"finding\":\"none\",\"result\":0}\n";

static const char bind4[] =
	"\"fd\":%u,\"family\":\"inet\",\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"0.0.0.0\","
	"\"port\":%u,\"policy\":\"ipv6-only\",\"mode\":\"enforce\",\"action\":\"none\","
	"\"finding\":\"none\",\"result\":0}\n";

static const char listen4[] =
	"\"fd\":%u,\"family\":\"inet\",\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"0.0.0.0\","
	"\"port\":%u,\"serves\":[\"inet\"],\"policy\":\"ipv6-only\",\"mode\":\"enforce\","
	"\"action\":\"none\",\"finding\":\"none\",\"result\":0}\n";

static const char conflict[] =
	"\"fd\":%u,\"family\":\"inet6\",\"type\":\"stream\",\"proto\":\"tcp\",\"addr\":\"::\","
	"\"port\":%u,"
	"\"before\":1,\"after\":1,\"policy\":\"ipv6-only\",\"mode\":\"enforce\",\"action\":"
	"\"none\","
	"\"finding\":\"conflict\",\"holder\":{\"pid\":299,\"program\":\"other\",\"uid\":0,"
	"\"family\":\"inet6\",\"addr\":\"::\",\"port\":8000,\"v6only\":1},\"result\":-1,"
	"\"errno\":\"EADDRINUSE\",\"note\":\"[::]:8000 is held by other[299], of the same "
	"family\"}\n";

/* The n-th record; its length. */
static size_t record(char *line, uint64_t n)
{
	static const struct {
		const char *event, *rest;
	} kinds[] = {{"bind", bind4}, {"listen", listen4}, {"bind", bind6}, {"listen", listen6}};
	unsigned step = (unsigned)(n % RECORDS), kind = (step - 1) % 4, port = (step - 1) / 4;
	bool refused = step == 1 && n / RECORDS % CONFLICT == 0;
	int len;

	if (step == 0) {
		len = head(line, n, "load");
		memcpy(line + len, load, sizeof(load));
		return (size_t)len + sizeof(load) - 1;
	}
	len = head(line, n, kinds[kind].event);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	len += snprintf(line + len, (size_t)(LINE - len), refused ? conflict : kinds[kind].rest,
		3 + port * 2 + kind / 2, FIRST_PORT + port);
#pragma GCC diagnostic pop
	return (size_t)len;
}

int main(int argc, char **argv)
{
	static char line[LINE];
	uint64_t limit, written = 0, n = 0;

	if (argc != 2 || (limit = strtoull(argv[1], NULL, 10)) == 0) {
		fputs("usage: genlog BYTES\n", stderr);
		return 2;
	}
	for (;; n++) {
		size_t len = record(line, n);

		if (written + len > limit)
			break;
		if (fwrite(line, 1, len, stdout) != len)
			break;
		written += len;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("genlog");
		return 1;
	}
	fprintf(stderr, "records %" PRIu64 "\n", n);
	return 0;
}
