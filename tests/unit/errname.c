/*
 * errno by name, against libc's names, and in words against the kernel's own answers.
 */
#include "unit.h"

#include "core/terms.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* strerrorname_np(3). */
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 32)
#define LIBC_NAMES_ERRORS
#endif
#endif

static const char *name_of(int number)
{
	return v6_word(V6_LIST_ERRNO, (unsigned)number);
}

static int number_of(struct v6_slice name)
{
	return v6_word_value(V6_LIST_ERRNO, name);
}

TEST(errno_names_are_libcs)
{
	unsigned named = 0;

#ifdef LIBC_NAMES_ERRORS
	for (int number = -1; number <= 4095; number++) {
		const char *libc = strerrorname_np(number), *is = name_of(number);

		if (number <= 0 || !libc) {
			assert_null(is);
			continue;
		}
		if (!is || strcmp(is, libc))
			fail_msg("%d is %s, libc has %s", number, is ? is : "nothing", libc);
		named++;
	}
	/* asm-generic/errno.h: 1 to 133 without 41 and 58. */
	assert_int_equal(named, 131);
#else
	print_message("# this libc has no strerrorname_np\n");
	(void)named;
	skip();
#endif
}

TEST(every_name_is_read_back_second_names_as_the_first)
{
	const struct v6_word *first = v6_words(V6_LIST_ERRNO), *w = first;

	for (; w->list == V6_LIST_ERRNO; w++) {
		const char *name = w->word;
		int number = number_of(fenced(name, strlen(name)));

		assert_in_range(number, 1, 133);
		assert_int_equal(number_of(slice(name_of(number))), number);
	}
	/* 131 numbers, three of them with a second name. */
	assert_int_equal(w - first, 134);
	assert_int_equal(number_of(slice("EWOULDBLOCK")), EAGAIN);
	assert_int_equal(number_of(slice("ENOTSUP")), EOPNOTSUPP);
	assert_int_equal(number_of(slice("EDEADLOCK")), EDEADLK);
	assert_string_equal(name_of(EWOULDBLOCK), "EAGAIN");
	assert_string_equal(name_of(ENOTSUP), "EOPNOTSUPP");
	assert_string_equal(name_of(EDEADLOCK), "EDEADLK");
}

TEST(what_is_no_errno_name_is_none)
{
	static const char *const strangers[] = {
		"", "E", "eperm", "EPER", "EPERMX", "EPERM ", " EPERM", "1", "0", "-1", "ENOTHING"};

	for (size_t i = 0; i < COUNT(strangers); i++)
		assert_int_equal(number_of(fenced(strangers[i], strlen(strangers[i]))), -1);
}

TEST(what_cannot_be_opened_is_told_in_words_and_by_name)
{
	static const struct {
		const char *path;
		int flags;
		const char *words;
	} rows[] = {
		{"/nonexistent/file", O_RDONLY, ": no such file (ENOENT)"},
		{"/", O_WRONLY, ": is a directory (EISDIR)"},
		{"/dev/null/x", O_RDONLY, ": a part of the path is no directory (ENOTDIR)"},
	};
	static const struct {
		int number;
		const char *words;
	} others[] = {{EACCES, ": permission denied (EACCES)"},
		{ELOOP, ": too many symbolic links (ELOOP)"},
		{ENXIO, ": is a socket or a device (ENXIO)"}, {EPERM, ": not permitted (EPERM)"},
		{ESTALE, ": not to be opened"}, {4095, ": not to be opened"},
		{0, ": not to be opened"}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(open(rows[i].path, rows[i].flags | O_CLOEXEC), -1);
		assert_string_equal(v6_errno_words(errno), rows[i].words);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		assert_string_equal(v6_errno_words(others[i].number), others[i].words);
	/* Each name in the words is that of its number. */
	for (int number = 1; number < 134; number++) {
		const char *words = v6_errno_words(number), *name = strchr(words, '(');

		if (name)
			assert_int_equal(
				number_of((struct v6_slice){name + 1, strlen(name) - 2}), number);
	}
}

RUN_TESTS()
