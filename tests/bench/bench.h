/*
 * bench.h - what the benchmark programs share beside ../programs/common.h.
 *
 * They are unmodified programs, as those of tests/programs are: they know nothing of what is
 * preloaded into them. Each prints figures, "WORD NUMBER" a line, and the runner (tests/bench/run)
 * makes medians and ratios of them.
 */
#ifndef BENCH_H
#define BENCH_H

#include "../programs/common.h"

#include <sched.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A number from LEAST to MOST, or the end of the program with status 2. */
static inline unsigned long number_in(const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || value < least || value > most) {
		fprintf(stderr, "not a number from %lu to %lu: '%s'\n", least, most, text);
		exit(2);
	}
	return value;
}

/* This thread runs on one processor from here on: the n-th, counted round, of those it may use. */
static inline void pin_to(unsigned n)
{
	cpu_set_t may, one;

	if (sched_getaffinity(0, sizeof(may), &may) < 0)
		return;
	n %= (unsigned)CPU_COUNT(&may);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &may) || n-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

#endif
