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
 * The answer is sock_diag(7)'s own. ss(8) shows the same data, but the way it writes an address
 * (`*:80` for a dual-stack socket, `[::]:80` otherwise) is a guess of its own. INET_DIAG_SKV6ONLY
 * comes for IPv6 sockets in LISTEN and CLOSE (net/ipv4/inet_diag.c), which are just those asked for
 * here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_LINES 4096
#define LINE_SIZE (INET6_ADDRSTRLEN + 32)
#define TRIES     20

static char lines[MAX_LINES][LINE_SIZE];
static size_t nlines;

enum answer { MORE, DONE, AGAIN, FAILED };

static void die(const char *what)
{
	fprintf(stderr, "sockdiag: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ask(int fd, int family, int proto)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	memset(&request, 0, sizeof(request));
	request.head.nlmsg_len = sizeof(request);
	request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request.body.sdiag_family = (unsigned char)family;
	request.body.sdiag_protocol = (unsigned char)proto;
	request.body.idiag_states = 1U << (proto == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
	if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel, sizeof(kernel)) <
		0)
		die("send");
}

static void note(const struct inet_diag_msg *m, size_t size)
{
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	int left = (int)(size - sizeof(*m));
	char addr[INET6_ADDRSTRLEN], v6only = '?';

	if (nlines == MAX_LINES) {
		fputs("sockdiag: too many sockets\n", stderr);
		exit(1);
	}
	if (!inet_ntop(m->idiag_family, m->id.idiag_src, addr, sizeof(addr)))
		die("address");
	if (m->idiag_family == AF_INET) {
		snprintf(lines[nlines++], LINE_SIZE, "inet %s", addr);
		return;
	}
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a) >= 1)
			v6only = *(const unsigned char *)RTA_DATA(a) ? '1' : '0';
	snprintf(lines[nlines++], LINE_SIZE, "inet6 %s v6only=%c", addr, v6only);
}

static enum answer take(const struct nlmsghdr *head, size_t size, int port)
{
	const struct inet_diag_msg *m;
	bool interrupted = false;

	for (; NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
		/* The table changed under the dump: what it gave may lack an entry. */
		interrupted |= !!(head->nlmsg_flags & NLM_F_DUMP_INTR);
		if (head->nlmsg_type == NLMSG_DONE)
			return interrupted ? AGAIN : DONE;
		if (head->nlmsg_type == NLMSG_ERROR) {
			errno = -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
			return FAILED;
		}
		m = NLMSG_DATA(head);
		if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY && ntohs(m->id.idiag_sport) == port)
			note(m, NLMSG_PAYLOAD(head, 0));
	}
	return interrupted ? AGAIN : MORE;
}

static enum answer dump(int family, int proto, int port)
{
	static union {
		struct nlmsghdr head;
		char bytes[65536];
	} buffer;
	struct timeval limit = {.tv_sec = 2};
	enum answer answer = MORE;
	int fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		die("netlink");
	ask(fd, family, proto);
	while (answer == MORE) {
		ssize_t n = recv(fd, &buffer, sizeof(buffer), 0);

		if (n < 0 && errno != EINTR)
			die("receive");
		if (n > 0)
			answer = take(&buffer.head, (size_t)n, port);
	}
	close(fd);
	return answer;
}

static void dump_all(int family, int proto, int port)
{
	size_t before = nlines;

	for (int i = 0; i < TRIES; i++) {
		enum answer answer = dump(family, proto, port);

		if (answer == DONE)
			return;
		if (answer == FAILED)
			die("sock_diag");
		nlines = before;
	}
	fputs("sockdiag: the socket table never held still\n", stderr);
	exit(1);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int main(int argc, char **argv)
{
	int proto = 0;
	long port = 0;
	char *end = NULL;

	if (argc == 3) {
		proto = !strcmp(argv[1], "tcp")   ? IPPROTO_TCP
			: !strcmp(argv[1], "udp") ? IPPROTO_UDP
						  : 0;
		port = strtol(argv[2], &end, 10);
	}
	if (!proto || end == argv[2] || *end || port < 1 || port > 65535) {
		fputs("usage: sockdiag tcp|udp PORT\n", stderr);
		return 2;
	}
	dump_all(AF_INET, proto, (int)port);
	dump_all(AF_INET6, proto, (int)port);
	qsort(lines, nlines, LINE_SIZE, by_text);
	for (size_t i = 0; i < nlines; i++)
		puts(lines[i]);
	return 0;
}
