#include "inherit.h"

#include "descriptors.h"
#include "emit.h"
#include "facts.h"
#include "live.h"

#include "forbidden.h"

/* The constructor runs before the program: whatever is bound by now was bound by another. */
static bool tell(int fd, void *context)
{
	unsigned *left = context;
	struct v6_record r;
	int v6only;

	if (!(*left)--)
		return false;
	v6_record_init(&r, V6_EVENT_INHERIT);
	r.address = v6_fact_bound(fd);
	if (r.address.family == V6_FAMILY_OTHER || !r.address.port)
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
	unsigned left = V6_DESCRIPTORS_MAX;

	if (v6_emit_wanted(V6_LEVEL_BIND))
		v6_proc_numbers("/proc/self/fd", tell, &left);
}
