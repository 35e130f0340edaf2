/*
 * v6only-set-client - an IPv6 TCP client of an IPv4 server, by the server's v4-mapped address.
 *
 * usage: v6only-set-client
 *
 * A server listens on 127.0.0.1. Two IPv6 sockets, one after the other, connect to
 *::ffff:127.0.0.1, with IPV6_V6ONLY 1 and with 0. Standard output, one line a check; errors by
 * name, "-" for what was not reached:
 *
 *	server: ok
 *	with 1, set: ok
 *	with 1, connect: ENETUNREACH
 *	with 1, to server: -
 *	with 1, to client: -
 *	with 1, reads: 1
 *
 * and the same for 0. "to server" and "to client" say whether data arrived: "ok", "differs" or an
 * error. A refused set is said and passed over.
 *
 * Exit status: 0, or 1 when there is no server to connect to or the system gives no IPv6 socket.
 *
 * RFC 3493 sections 3.7 and 5.3: with the option on, the socket is for IPv6 communication alone.
 */
#include "common.h"

/* Sends a word one way and says whether it arrived. */
static const char *pass(int from, int to, const char *text)
{
	char got[16] = "";
	size_t size = strlen(text);

	if (send(from, text, size, MSG_NOSIGNAL) < 0)
		return error_name(errno);
	if (recv(to, got, size, MSG_WAITALL) < 0)
		return error_name(errno);
	return strcmp(got, text) == 0 ? "ok" : "differs";
}

static int make_server(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind_to(fd, AF_INET, "127.0.0.1", 0) < 0 || listen(fd, 8) < 0)
		fail("v6only-set-client", "server");
	limit_waits(fd);
	return fd;
}

static void exchange(int value, int client, int server)
{
	int connection = accept(server, NULL, NULL);

	if (connection < 0)
		fail("v6only-set-client", "accept");
	limit_waits(connection);
	printf("with %d, to server: %s\n", value, pass(client, connection, "ping"));
	printf("with %d, to client: %s\n", value, pass(connection, client, "pong"));
	close(connection);
}

static void try_client(int value, int server)
{
	int client = socket(AF_INET6, SOCK_STREAM, 0);
	int connected;

	if (client < 0)
		fail("v6only-set-client", "socket");
	limit_waits(client);
	printf("with %d, set: %s\n", value, outcome(set_v6only(client, value)));
	connected = connect_to(client, AF_INET6, "::ffff:127.0.0.1", local_port(server));
	printf("with %d, connect: %s\n", value, outcome(connected));
	if (connected == 0)
		exchange(value, client, server);
	else
		printf("with %d, to server: -\nwith %d, to client: -\n", value, value);
	printf("with %d, reads: %s\n", value, v6only(client));
	close(client);
}

int main(void)
{
	int server = make_server();

	puts("server: ok");
	try_client(1, server);
	try_client(0, server);
	close(server);
	return 0;
}
