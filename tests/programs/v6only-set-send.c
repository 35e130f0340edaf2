/*
 * v6only-set-send - an IPv6 UDP client of an IPv4 server, by the server's v4-mapped address.
 *
 * usage: v6only-set-send
 *
 * A server is bound to 127.0.0.1. IPv6 sockets send to ::ffff:127.0.0.1, with IPV6_V6ONLY 1 and
 * with 0, by sendto, and on a socket of their own by connect and send. Standard output, one line a
 * check; errors by name, "-" for what was not reached:
 *
 *	server: ok
 *	with 1, set: ok
 *	with 1, sendto: ENETUNREACH
 *	with 1, sendto, to server: -
 *	with 1, sendto, to client: -
 *	with 1, sendto, reads: 1
 *	with 1, set: ok
 *	with 1, connect: ENETUNREACH
 *	with 1, send: -
 *	with 1, send, to server: -
 *	with 1, send, to client: -
 *	with 1, send, reads: 1
 *
 * and the same for 0. "to server" and "to client" say whether the datagram and its answer arrived:
 * "ok", "differs" or an error. A refused set is said and passed over.
 *
 * Exit status: 0, or 1 when there is no server to send to or the system gives no IPv6 socket.
 *
 * RFC 3493 sections 3.7 and 5.3: with the option on, the socket is for IPv6 communication alone.
 */
#include "common.h"

static const char *verdict(ssize_t size, const char *got, const char *text)
{
	if (size < 0)
		return error_name(errno);
	return (size_t)size == strlen(text) && memcmp(got, text, strlen(text)) == 0 ? "ok"
										    : "differs";
}

static int make_server(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind_to(fd, AF_INET, "127.0.0.1", 0) < 0)
		fail("v6only-set-send", "server");
	limit_waits(fd);
	return fd;
}

static int make_client(int value)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	if (fd < 0)
		fail("v6only-set-send", "socket");
	limit_waits(fd);
	printf("with %d, set: %s\n", value, outcome(set_v6only(fd, value)));
	return fd;
}

/* What was SENT is on its way to the server, which answers it. */
static void follow(const char *call, int value, int client, int server, int sent)
{
	union address peer;
	socklen_t size = sizeof(peer);
	const char *to_server = "-", *to_client = "-";
	char got[16];
	ssize_t length;

	if (sent) {
		length = recvfrom(server, got, sizeof(got), 0, &peer.any, &size);
		to_server = verdict(length, got, "ping");
		if (length >= 0 && sendto(server, "pong", 4, 0, &peer.any, size) < 0)
			to_client = error_name(errno);
		else if (length >= 0)
			to_client = verdict(recv(client, got, sizeof(got), 0), got, "pong");
	}
	printf("with %d, %s, to server: %s\n", value, call, to_server);
	printf("with %d, %s, to client: %s\n", value, call, to_client);
	printf("with %d, %s, reads: %s\n", value, call, v6only(client));
}

static void try_sendto(int value, int server)
{
	union address to;
	socklen_t size = make_address(&to, AF_INET6, "::ffff:127.0.0.1", local_port(server));
	int client = make_client(value);
	ssize_t sent = sendto(client, "ping", 4, 0, &to.any, size);

	printf("with %d, sendto: %s\n", value, outcome(sent < 0 ? -1 : 0));
	follow("sendto", value, client, server, sent >= 0);
	close(client);
}

static void try_send(int value, int server)
{
	int client = make_client(value);
	int connected = connect_to(client, AF_INET6, "::ffff:127.0.0.1", local_port(server));
	int sent = -1;

	printf("with %d, connect: %s\n", value, outcome(connected));
	if (connected == 0)
		sent = send(client, "ping", 4, MSG_NOSIGNAL) < 0 ? -1 : 0;
	printf("with %d, send: %s\n", value, connected == 0 ? outcome(sent) : "-");
	follow("send", value, client, server, sent == 0);
	close(client);
}

int main(void)
{
	int server = make_server();

	puts("server: ok");
	for (int value = 1; value >= 0; value--) {
		try_sendto(value, server);
		try_send(value, server);
	}
	close(server);
	return 0;
}
