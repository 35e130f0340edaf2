#include "inherit.h"

#include "../govern/emit.h"
#include "../govern/facts.h"
#include "../govern/holder.h"
#include "way.h"

#include "../govern/forbidden.h"

struct recording {
	unsigned left;   /* how many descriptors may still be looked at */
	uint64_t cookie; /* of the socket that was recorded last */
};

/* inetd's services have theirs at 0, 1 and 2: that is one socket. */
static bool recorded(int fd, struct recording *t)
{
	uint64_t cookie = v6_fact_cookie(fd);
	bool same = cookie && cookie == t->cookie;

	t->cookie = cookie;
	return same;
}

/* The constructor runs before the program: whatever is bound by now was bound by another. */
static bool record(int ask, int fd, void *context)
{
	const struct v6_knobs *knobs = &v6_live.config->settings.knobs;
	struct recording *t = context;
	struct v6_record r;

	if (!t->left--)
		return false;
	v6_record_init(&r, V6_EVENT_INHERIT);
	r.facts.address = v6_fact_bound(ask);
	if (r.facts.address.family == V6_FAMILY_OTHER || !r.facts.address.port || recorded(ask, t))
		return true;
	r.program = v6_preload_caller.program;
	r.via = V6_VIA_PRELOAD;
	r.fd = fd;
	r.facts.family = v6_fact_family(ask);
	r.facts.type = v6_fact_type(ask);
	r.proto = v6_fact_proto(ask);
	r.facts.before = r.after = v6_known(v6_fact_v6only(ask));
	if (!v6_fact_connected(ask))
		r.serves = v6_serves(&r.facts.address, r.after);
	r.policy = knobs->policy;
	r.mode = knobs->mode;
	v6_emit(&r);
	return true;
}

void v6_inherit_record(void)
{
	struct recording t = {.left = V6_DESCRIPTORS_MAX};
	struct v6_call c = v6_preload_call(-1);

	if (v6_emit_wants(V6_LOG_LEVEL_BIND))
		c.way->descriptors(&c, record, &t);
}
