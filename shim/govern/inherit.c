#include "inherit.h"

#include "emit.h"

#include "forbidden.h"

void v6_inherit_visit(struct v6_slice listen_fds, struct v6_slice listen_pid, int pid,
	void (*visit)(int fd, void *context), void *context)
{
	enum { FIRST = 3, MOST = 4096 };
	uint64_t count = 0, whose;

	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	visit(0, context);
	if (!v6_slice_uint(listen_pid, INT32_MAX, &whose) || whose != (uint64_t)pid ||
		!v6_slice_uint(listen_fds, MOST, &count))
		return;
	for (int fd = FIRST; count--; fd++)
		visit(fd, context);
}
