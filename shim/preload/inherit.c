#include "inherit.h"

#include "../govern/emit.h"
#include "../govern/govern.h"
#include "../govern/sys.h"
#include "way.h"

#include "../govern/forbidden.h"

static void tell(int fd)
{
	struct v6_call c = v6_preload_call(fd);

	v6_govern_inherited(&c);
}

/* sd_listen_fds(3): descriptors from 3 on, where they are meant for this process. */
void v6_inherit_record(struct v6_slice listen_fds, struct v6_slice listen_pid)
{
	enum { FIRST = 3, MOST = 4096 };
	uint64_t count = 0, pid;

	if (!v6_emit_wants(V6_LOG_LEVEL_CHANGE))
		return;
	tell(0);
	if (!v6_slice_uint(listen_pid, INT32_MAX, &pid) || pid != (uint64_t)v6_sys_getpid() ||
		!v6_slice_uint(listen_fds, MOST, &count))
		return;
	for (int fd = FIRST; count--; fd++)
		tell(fd);
}
