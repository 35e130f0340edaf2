#include "self.h"

#include <stddef.h>

#include "sys.h"

#include "forbidden.h"

enum { WIPE_ON_FORK = 18 }; /* MADV_WIPEONFORK; older headers lack it */

static struct v6_self *_Atomic page;
static struct v6_self plain;

/* Which of the two it is; settled by the first that comes. */
static struct v6_self *settle(void)
{
	struct v6_self *mine = v6_sys_map(sizeof(*mine), WIPE_ON_FORK), *first = NULL;

	if (!mine)
		mine = &plain;
	if (atomic_compare_exchange_strong(&page, &first, mine))
		return mine;
	if (mine != &plain)
		v6_sys_unmap(mine, sizeof(*mine));
	return first;
}

struct v6_self *v6_self(void)
{
	struct v6_self *self = atomic_load_explicit(&page, memory_order_acquire);
	int pid;

	if (!self)
		self = settle();
	pid = atomic_load_explicit(&self->pid, memory_order_relaxed);
	if (pid && self != &plain)
		return self;
	if (v6_sys_getpid() != pid) {
		atomic_store(&self->load, 0);
		atomic_store(&self->lost, 0);
		atomic_store(&self->opening, false);
		atomic_store(&self->pid, v6_sys_getpid());
	}
	return self;
}
