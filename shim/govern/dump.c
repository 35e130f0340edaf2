#include "dump.h"

#include <errno.h>
#include <sys/socket.h>

#include "sys.h"

#include "forbidden.h"

int v6_dump_open(void)
{
	return v6_sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, V6_NETLINK_SOCK_DIAG);
}

int v6_dump(int netlink, const struct v6_diag_query *query, char *buf, size_t size,
	v6_dump_visit *visit, void *context)
{
	char request[V6_DIAG_REQUEST_SIZE];
	struct v6_diag_walk walk = v6_diag_walk_of(query);
	size_t len = v6_diag_request(request, query);
	struct v6_diag_socket s;
	enum v6_diag_step step;
	ssize_t n;

	if (!len)
		return -EINVAL;
	do
		n = v6_sys_send(netlink, request, len);
	while (n == -EINTR);
	if (n != (ssize_t)len)
		return n < 0 ? (int)n : -EMSGSIZE;
	do {
		do
			n = v6_sys_receive(netlink, buf, size);
		while (n == -EINTR);
		if (n < 0)
			return (int)n;
		if ((size_t)n > size)
			return -EMSGSIZE;
		v6_diag_part(&walk, buf, (size_t)n);
		while ((step = v6_diag_next(&walk, &s)) == V6_DIAG_SOCKET)
			if (!visit(&s, context))
				return 0;
	} while (step == V6_DIAG_MORE);
	if (step == V6_DIAG_ERROR)
		return -walk.error;
	return walk.interrupted ? -EINTR : 0;
}
