#include "order.h"

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

static int first_of(enum v6_order order)
{
	return order == V6_ORDER_IPV6_FIRST ? AF_INET6 : AF_INET;
}

bool v6_order_changes(enum v6_order order, const struct addrinfo *list)
{
	bool other = false;

	for (; list && order != V6_ORDER_APP; list = list->ai_next) {
		if (other && list->ai_family == first_of(order))
			return true;
		other |= list->ai_family != first_of(order);
	}
	return false;
}

struct addrinfo *v6_order_apply(enum v6_order order, struct addrinfo *list)
{
	struct addrinfo *head[2] = {NULL, NULL}, **tail[2] = {&head[0], &head[1]};
	char *name = list ? list->ai_canonname : NULL;

	if (order == V6_ORDER_APP || !list)
		return list;
	for (struct addrinfo *next, *ai = list; ai; ai = next) {
		int part = ai->ai_family != first_of(order);

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
