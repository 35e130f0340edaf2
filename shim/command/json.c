#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

enum { DEPTH = 17 };

static struct {
	char end[DEPTH];   /* the bracket that is due at each depth */
	bool comma[DEPTH]; /* whether one is due before what comes next */
	unsigned depth;
} state;

static void key(const char *name)
{
	if (state.comma[state.depth])
		putchar(',');
	state.comma[state.depth] = state.depth != 0;
	if (name)
		printf("\"%s\":", name);
}

void v6_json_begin(const char *name, char bracket)
{
	key(name);
	putchar(bracket);
	state.end[++state.depth] = bracket == '{' ? '}' : ']';
	state.comma[state.depth] = false;
}

void v6_json_end(void)
{
	putchar(state.end[state.depth--]);
	if (!state.depth)
		putchar('\n');
}

void v6_json_slice(const char *name, struct v6_slice value)
{
	/* Each byte may be written as six. */
	size_t size = 6 * value.len + 3;
	char *buf = v6_resize(NULL, size);
	struct v6_text t = v6_text_in(buf, size);

	key(name);
	v6_text_json(&t, value.ptr, value.len);
	fputs(buf, stdout);
	free(buf);
}

void v6_json_string(const char *name, const char *value)
{
	v6_json_slice(name, v6_slice_of(value));
}

void v6_json_int(const char *name, int64_t value)
{
	key(name);
	printf("%" PRId64, value);
}

void v6_json_uint(const char *name, uint64_t value)
{
	key(name);
	printf("%" PRIu64, value);
}

void v6_json_bool(const char *name, bool value)
{
	key(name);
	fputs(value ? "true" : "false", stdout);
}

void v6_json_members(struct v6_slice members)
{
	if (!members.len)
		return;
	key(NULL);
	fwrite(members.ptr, 1, members.len, stdout);
}
