/*
 * sockdiag - what the kernel says is listening on a port
 *
 * usage: sockdiag tcp|udp PORT
 *
 * Prints one line for each socket that serves the port, sorted, and nothing if there is none:
 *
 *	inet 0.0.0.0
 *	inet6 :: v6only=0
 *
 * TCP: sockets in LISTEN. UDP: bound sockets that are not connected. Exit status 0, also where
 * nothing listens; 1 where the kernel did not answer; 2 for bad usage.
 *
 * sock_diag(7); INET_DIAG_SKV6ONLY comes for IPv6 sockets in LISTEN and CLOSE
 * (net/ipv4/inet_diag.c), which are just those asked for here.
 */
#include "common.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdbool.h>

enum { MAX_LINES = 4096, LINE_SIZE = INET6_ADDRSTRLEN + 32, TRIES = 20 };

static char lines[MAX_LINES][LINE_SIZE];
static size_t nlines;

static int ask(int family, int proto)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.body = {.sdiag_family = (unsigned char)family,
			.sdiag_protocol = (unsigned char)proto,
			.idiag_states = 1U << (proto == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE)},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	limit_waits(fd);
	if (send(fd, &request, sizeof(request), 0) < 0)
		fail("sockdiag", "netlink");
	return fd;
}

static void note(const struct inet_diag_msg *m, size_t size)
{
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	int left = (int)(size - sizeof(*m));
	char addr[INET6_ADDRSTRLEN], v6only = '?';

	errno = E2BIG;
	if (nlines == MAX_LINES || !inet_ntop(m->idiag_family, m->id.idiag_src, addr, sizeof(addr)))
		fail("sockdiag", "socket");
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a) >= 1)
			v6only = *(const unsigned char *)RTA_DATA(a) ? '1' : '0';
	if (m->idiag_family == AF_INET)
		snprintf(lines[nlines++], LINE_SIZE, "inet %s", addr);
	else
		snprintf(lines[nlines++], LINE_SIZE, "inet6 %s v6only=%c", addr, v6only);
}

/* False where the table changed under the dump, which then may lack an entry. */
static bool dump(int family, int proto, int port)
{
	static union {
		struct nlmsghdr head;
		char bytes[65536];
	} buffer;
	int fd = ask(family, proto);
	bool interrupted = false;

	for (;;) {
		ssize_t n = recv(fd, &buffer, sizeof(buffer), 0);
		size_t size = n > 0 ? (size_t)n : 0;

		if (n < 0 && errno != EINTR)
			fail("sockdiag", "receive");
		for (struct nlmsghdr *h = &buffer.head; NLMSG_OK(h, size);
			h = NLMSG_NEXT(h, size)) {
			struct inet_diag_msg *m = NLMSG_DATA(h);

			interrupted |= !!(h->nlmsg_flags & NLM_F_DUMP_INTR);
			if (h->nlmsg_type == NLMSG_DONE) {
				close(fd);
				return !interrupted;
			}
			if (h->nlmsg_type == NLMSG_ERROR) {
				errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
				fail("sockdiag", "sock_diag");
			}
			if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
				ntohs(m->id.idiag_sport) == port)
				note(m, NLMSG_PAYLOAD(h, 0));
		}
	}
}

static void dump_all(int family, int proto, int port)
{
	size_t before = nlines;

	for (int i = 0; i < TRIES; i++, nlines = before)
		if (dump(family, proto, port))
			return;
	fputs("sockdiag: the socket table never held still\n", stderr);
	exit(1);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int main(int argc, char **argv)
{
	bool tcp = argc == 3 && !strcmp(argv[1], "tcp"), udp = argc == 3 && !strcmp(argv[1], "udp");
	char *end = NULL;
	long port = tcp || udp ? strtol(argv[2], &end, 10) : 0;

	if (port < 1 || port > 65535 || *end) {
		fputs("usage: sockdiag tcp|udp PORT\n", stderr);
		return 2;
	}
	dump_all(AF_INET, tcp ? IPPROTO_TCP : IPPROTO_UDP, (int)port);
	dump_all(AF_INET6, tcp ? IPPROTO_TCP : IPPROTO_UDP, (int)port);
	qsort(lines, nlines, LINE_SIZE, by_text);
	for (size_t i = 0; i < nlines; i++)
		puts(lines[i]);
	return 0;
}
