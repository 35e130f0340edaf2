#include "script.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *from, const char *end)
{
	while (from < end && is_blank(*from))
		from++;
	return from;
}

static const char *skip_word(const char *from, const char *end)
{
	while (from < end && *from && !is_blank(*from))
		from++;
	return from;
}

/* The kernel's strings end at a NUL, wherever it stands in the line. */
static void copy(char *to, const char *from, const char *end)
{
	size_t len = strnlen(from, (size_t)(end - from));

	memcpy(to, from, len);
	to[len] = '\0';
}

/* The end of the line, or NULL where what is cut off could be more of the name. */
static const char *line_end(const char *from, const char *end)
{
	const char *newline = memchr(from, '\n', (size_t)(end - from));

	if (newline)
		return newline;
	return skip_word(skip_blanks(from, end), end) < end ? end : NULL;
}

bool v6_script_read(const char *head, size_t len, struct v6_script *script)
{
	char line[V6_SCRIPT_HEAD] = {0};
	const char *name = line + 2, *word_end, *end;

	/* What a short file does not fill is zeroes, and so may end a name. */
	memcpy(line, head, len < sizeof(line) ? len : sizeof(line));
	if (line[0] != '#' || line[1] != '!')
		return false;
	end = line_end(name, line + sizeof(line) - 1);
	if (!end)
		return false;
	while (end > name && is_blank(end[-1]))
		end--;
	name = skip_blanks(name, end);
	if (name == end)
		return false;
	word_end = skip_word(name, end);
	copy(script->interpreter, name, word_end);
	script->argument[0] = '\0';
	if (word_end < end && *word_end)
		copy(script->argument, skip_blanks(word_end, end), end);
	return true;
}
