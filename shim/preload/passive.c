#include "passive.h"

#include <errno.h>

#include "../govern/govern.h"
#include "next.h"
#include "way.h"

#include "../govern/forbidden.h"

int v6_preload_passive(
	const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	int result = v6_next.getaddrinfo(node, service, hints, list);
	struct v6_call c = v6_preload_call(-1);
	struct addrinfo *first;

	first = v6_govern_passive(&c, result, c.saved, hints, result ? NULL : *list);
	if (!result)
		*list = first;
	errno = c.saved;
	return result;
}
