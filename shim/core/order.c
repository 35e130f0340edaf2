#include "order.h"

#include "policy.h"

#include <sys/socket.h>

struct v6_families v6_order_families(const struct addrinfo *list)
{
	struct v6_families f = {0, 0};

	for (; list && f.count < V6_FAMILIES_MAX; list = list->ai_next) {
		if (list->ai_family == AF_INET6)
			f.inet6 |= UINT32_C(1) << f.count;
		f.count++;
	}
	return f;
}

bool v6_order_differs(const struct v6_families *a, const struct v6_families *b)
{
	return a->count != b->count || a->inet6 != b->inet6;
}

struct v6_families v6_order_planned(enum v6_order order, const struct v6_families *found)
{
	enum v6_family first = v6_order_first(order);
	unsigned inet6 = (unsigned)__builtin_popcount(found->inet6);
	struct v6_families f = *found;
	uint64_t ones = (UINT64_C(1) << inet6) - 1;

	if (first == V6_FAMILY_INET6)
		f.inet6 = (uint32_t)ones;
	else if (first == V6_FAMILY_INET)
		f.inet6 = (uint32_t)(ones << (found->count - inet6));
	return f;
}

struct addrinfo *v6_order_apply(enum v6_order order, struct addrinfo *list)
{
	int first = order == V6_ORDER_IPV6_FIRST ? AF_INET6 : AF_INET;
	struct addrinfo *head[2] = {NULL, NULL}, **tail[2] = {&head[0], &head[1]};
	char *name = list ? list->ai_canonname : NULL;

	if (order == V6_ORDER_APP || !list)
		return list;
	for (struct addrinfo *next, *ai = list; ai; ai = next) {
		int part = ai->ai_family != first;

		next = ai->ai_next;
		*tail[part] = ai;
		tail[part] = &ai->ai_next;
	}
	*tail[1] = NULL;
	*tail[0] = head[1];
	if (head[0] && head[0] != list && !head[0]->ai_canonname) {
		head[0]->ai_canonname = name;
		list->ai_canonname = NULL;
	}
	return head[0] ? head[0] : head[1];
}
