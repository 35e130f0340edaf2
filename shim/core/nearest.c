#include "nearest.h"

#include <string.h>

/* A word whose beginning was written is no farther than BEGUN, however much of it is left. */
enum { LONGEST = 48, FAR = 1000, BEGUN = 2 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters added, left out, changed, or two neighbours swapped (optimal string alignment). */
static unsigned distance(struct v6_slice a, struct v6_slice b)
{
	unsigned row[3][LONGEST + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			bool same = lower(a.ptr[i - 1]) == lower(b.ptr[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a.ptr[i - 1]) == lower(b.ptr[j - 2]) &&
				lower(a.ptr[i - 2]) == lower(b.ptr[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[b.len];
}

static bool begins(struct v6_slice text, struct v6_slice word)
{
	if (text.len < 2 || text.len > word.len)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (lower(text.ptr[i]) != lower(word.ptr[i]))
			return false;
	return true;
}

struct v6_nearest v6_nearest_to(struct v6_slice written)
{
	return (struct v6_nearest){.written = written, .distance = FAR};
}

void v6_nearest_offer(struct v6_nearest *n, const char *word)
{
	struct v6_slice candidate = {word, strlen(word)};
	bool begun;
	unsigned d;

	if (n->written.len > LONGEST || candidate.len > LONGEST)
		return;
	d = distance(n->written, candidate);
	begun = begins(n->written, candidate);
	if (d > (candidate.len + 2) / 3 && !begun)
		return;
	if (begun)
		d = least(d, BEGUN);
	if (d < n->distance) {
		n->distance = d;
		n->word = word;
	}
}

/* What people write who know the matter by another name. */
static const struct {
	char written[12], meant[16];
} synonyms[] = {
	{"dual", "both"},
	{"dualstack", "both"},
	{"dual-stack", "both"},
	{"v6only", "ipv6-only"},
	{"ipv6only", "ipv6-only"},
	{"journald", "syslog"},
	{"journal", "syslog"},
	{"dry-run", "log"},
	{"dryrun", "log"},
	{"none", "off"},
};

const char *v6_nearest_of(enum v6_list list, struct v6_slice written)
{
	struct v6_nearest near = v6_nearest_to(written);

	for (unsigned i = 0; i < sizeof(synonyms) / sizeof(*synonyms); i++)
		if (v6_slice_is(written, synonyms[i].written) &&
			v6_word_value(list, v6_slice_of(synonyms[i].meant)) >= 0)
			return synonyms[i].meant;
	for (const struct v6_word *w = v6_words(list); w->list == list; w++)
		v6_nearest_offer(&near, w->word);
	return near.word;
}
