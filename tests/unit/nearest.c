/*
 * "Did you mean": slips of the fingers find the word, anything else finds nothing.
 */
#include "unit.h"

#include "core/problem.h"

#include <ctype.h>

/* The lists of DESIGN.md 1.3, each as long as it is searched at once. */
static const char *const policies[] = {
	"app", "ipv6-only", "both", "default-ipv6-only", "default-both", NULL};
static const char *const orders[] = {"app", "ipv4-first", "ipv6-first", NULL};
static const char *const conflicts[] = {"fail", "resolve", "share", "share-ipv6", NULL};
static const char *const modes[] = {"enforce", "log", NULL};
static const char *const logs[] = {"stderr", "off", "syslog", NULL};
static const char *const levels[] = {"change", "error", "bind", "all", NULL};
static const char *const names[] = {"policy", "on-contrary", "order", "on-disorder", "on-conflict",
	"mode", "profile", "rules", "config", "log", "log-format", "log-level", NULL};
static const char *const errnos[] = {"EPERM", "EINVAL", "EADDRINUSE", "EADDRNOTAVAIL", "EOPNOTSUPP",
	"EACCES", "EAFNOSUPPORT", NULL};
static const char *const *const lists[] = {
	policies, orders, conflicts, modes, logs, levels, names, errnos};

static struct v6_nearest search(const char *const *list, const char *written, size_t len)
{
	struct v6_nearest n = {.written = fenced(written, len)};

	for (; *list; list++)
		v6_nearest_offer(&n, *list);
	return n;
}

static const char *nearest(const char *const *list, const char *written)
{
	return search(list, written, strlen(written)).word;
}

/* The word with `take` letters from `at` on replaced. */
static const char *spoilt(const char *word, size_t at, size_t take, const char *by)
{
	static char written[64];

	snprintf(written, sizeof(written), "%.*s%s%s", (int)at, word, by, word + at + take);
	return written;
}

static void check_word(const char *const *list, const char *word)
{
	/* Which of several is the nearest: below. */
	const char *const alone[] = {word, NULL};
	char other[64] = "", underscores[64] = "";
	size_t len = strlen(word);

	assert_ptr_equal(nearest(list, word), word);
	for (size_t i = 0; i < len; i++) {
		const char twice[] = {word[i], word[i], '\0'},
			   swapped[] = {word[i + 1], word[i], '\0'};

		assert_ptr_equal(nearest(alone, spoilt(word, i, 1, "")), word);
		assert_ptr_equal(nearest(alone, spoilt(word, i, 0, "x")), word);
		assert_ptr_equal(nearest(alone, spoilt(word, i, 1, twice)), word);
		assert_ptr_equal(nearest(alone, spoilt(word, i, 1, "z")), word);
		if (i + 1 < len)
			assert_ptr_equal(nearest(alone, spoilt(word, i, 2, swapped)), word);
		other[i] =
			(char)(islower((unsigned char)word[i]) ? toupper((unsigned char)word[i])
							       : tolower((unsigned char)word[i]));
		underscores[i] = (char)(word[i] == '-' ? '_' : word[i]);
		if (i)
			assert_ptr_equal(search(alone, word, i + 1).word, word);
	}
	assert_ptr_equal(nearest(alone, spoilt(word, len, 0, "x")), word);
	assert_ptr_equal(nearest(list, other), word);
	assert_ptr_equal(nearest(list, underscores), word);
}

/*
 * A letter left out, too many, doubled, wrong, or swapped with its neighbour is forgiven; case does
 * not count, an underscore is as good as a hyphen, and the beginning finds the word.
 */
TEST(a_slip_of_any_kind_at_any_place_of_any_word_is_forgiven)
{
	for (size_t l = 0; l < COUNT(lists); l++)
		for (const char *const *word = lists[l]; *word; word++)
			check_word(lists[l], *word);
	assert_null(nearest((const char *const[]){"resolve", NULL}, "r"));
	assert_string_equal(nearest(policies, "DEFAULT_I"), "default-ipv6-only");
}

TEST(real_slips_find_what_was_meant)
{
	static const struct {
		const char *const *list;
		const char *written;
		const char *meant;
	} rows[] = {
		{policies, "ipv6only", "ipv6-only"},
		{policies, "ipv6 only", "ipv6-only"},
		{policies, "ipv6", "ipv6-only"},
		{policies, "v6-only", "ipv6-only"},
		{policies, "default-ipv6", "default-ipv6-only"},
		{policies, "defualt-bothe", "default-both"},
		{orders, "ipv6", "ipv6-first"},
		{conflicts, "share-v6", "share-ipv6"},
		{logs, "stderror", "stderr"},
		{names, "log_levle", "log-level"},
		{errnos, "eopnotsup", "EOPNOTSUPP"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *found = nearest(rows[i].list, rows[i].written);

		if (!found || strcmp(found, rows[i].meant))
			fail_msg("'%s': found '%s', expected '%s'", rows[i].written,
				found ? found : "nothing", rows[i].meant);
	}
}

TEST(words_that_are_far_find_nothing)
{
	static const char *const far[] = {"", "1", "x", "no", "yes", "true", "dual", "none",
		"xyzzy", "dual-stack", "freebsd", "nginx", "-----", "0123456789", "ipv4-only",
		"default-ipv4-only", "ipv5-only"};

	for (size_t i = 0; i < COUNT(far); i++)
		if (nearest(policies, far[i]))
			fail_msg("'%s': found '%s'", far[i], nearest(policies, far[i]));
}

TEST(what_is_far_too_long_is_passed_over)
{
	char written[4000] = "ipv6-only", word[4001] = "";
	const char *const list[] = {word, "both", NULL};

	memset(written + 9, 'a', sizeof(written) - 9);
	memset(word, 'b', sizeof(word) - 1);
	assert_null(search(policies, written, sizeof(written)).word);
	assert_null(search(policies, written, 49).word);
	assert_string_equal(search(policies, written, 9).word, "ipv6-only");
	assert_string_equal(nearest(list, "bothh"), "both");
	assert_null(nearest(list, "bbbb"));
}

TEST(of_two_words_the_nearer_is_found_and_of_equals_the_first)
{
	static const struct {
		const char *list[3], *written, *found;
	} rows[] = {
		{{"ipv4-first", "ipv6-first"}, "ipv-first", "ipv4-first"},
		{{"ipv6-first", "ipv4-first"}, "ipv-first", "ipv6-first"},
		{{"share-ipv6", "share"}, "shar", "share"},
		{{"share", "share-ipv6"}, "shar", "share"},
		{{"share-ipv6", "share"}, "share-ipvv6", "share-ipv6"},
		{{"share", "share-ipv6"}, "share-ipvv6", "share-ipv6"},
		/* Two slips from the one and one from the other; three and two. */
		{{"abcdefgh", "abcdefxy"}, "abcdefxz", "abcdefxy"},
		{{"abcdefxy", "abcdefgh"}, "abcdefxz", "abcdefxy"},
		{{"abcdefghxyz", "abcdefghijz"}, "abcdefghi", "abcdefghijz"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(nearest(rows[i].list, rows[i].written), rows[i].found);
}

RUN_TESTS()
