#include "inherit.h"

#include "descriptors.h"
#include "emit.h"
#include "facts.h"
#include "live.h"

#include "forbidden.h"

struct telling {
	unsigned left;   /* how many descriptors may still be looked at */
	uint64_t cookie; /* of the socket that was told last */
};

/* inetd's services have theirs at 0, 1 and 2: that is one socket. */
static bool told(int fd, struct telling *t)
{
	uint64_t cookie = v6_fact_cookie(fd);
	bool same = cookie && cookie == t->cookie;

	t->cookie = cookie;
	return same;
}

/* The constructor runs before the program: whatever is bound by now was bound by another. */
static bool tell(int fd, void *context)
{
	struct telling *t = context;
	struct v6_record r;
	int v6only;

	if (!t->left--)
		return false;
	v6_record_init(&r, V6_EVENT_INHERIT);
	r.address = v6_fact_bound(fd);
	if (r.address.family == V6_FAMILY_OTHER || !r.address.port || told(fd, t))
		return true;
	v6only = v6_fact_v6only(fd);
	r.fd = fd;
	r.family = (uint8_t)v6_fact_family(fd);
	r.type = (uint8_t)v6_fact_type(fd);
	r.proto = v6_fact_proto(fd);
	r.before = r.after = (int8_t)(v6only < 0 ? V6_UNKNOWN : v6only);
	if (!v6_fact_connected(fd))
		r.serves = (uint8_t)v6_serves(&r.address, v6only);
	r.policy = v6_live.settings.knobs.policy;
	r.mode = v6_live.settings.knobs.mode;
	v6_emit(&r);
	return true;
}

void v6_inherit_tell(void)
{
	struct telling t = {.left = V6_DESCRIPTORS_MAX};

	if (v6_emit_wanted(V6_LEVEL_BIND))
		v6_proc_numbers("/proc/self/fd", tell, &t);
}
