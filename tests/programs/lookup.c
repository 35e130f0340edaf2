/*
 * lookup - asks getaddrinfo(3) and prints the list that it gives, entry by entry.
 *
 * usage: lookup [-46cpsu] [-n NODE] [SERVICE]
 *
 *   -p       AI_PASSIVE
 *   -c       AI_CANONNAME
 *   -s, -u   streams, or datagrams alone; otherwise all kinds of socket
 *   -4, -6   that family alone
 *   -n NODE  a host; otherwise NULL
 *
 * Without SERVICE that is NULL too. Output: a line for each entry in the order of the list,
 *
 *	inet tcp stream 0.0.0.0 4321
 *	inet6 udp dgram ::1 53 canon NAME
 *
 * or one line with the error, "error -2", for system errors with errno as well. Everything is read:
 * under valgrind a list that was put together wrongly shows. freeaddrinfo(3) is called.
 *
 * Exit status: 0 whatever came of it, 2 for bad usage.
 */
#include "common.h"
#include <netdb.h>

static void usage(void)
{
	fputs("usage: lookup [-46cpsu] [-n NODE] [SERVICE]\n", stderr);
	exit(2);
}

static const char *protocol_name(int protocol)
{
	static char number[12];

	if (protocol == IPPROTO_TCP)
		return "tcp";
	if (protocol == IPPROTO_UDP)
		return "udp";
	snprintf(number, sizeof(number), "%d", protocol);
	return number;
}

static const char *type_name(int type)
{
	return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "dgram" : "other";
}

static void print_entry(const struct addrinfo *at)
{
	union address address = {0};
	const void *bytes = at->ai_family == AF_INET6 ? (const void *)&address.in6.sin6_addr
						      : (const void *)&address.in.sin_addr;
	char text[INET6_ADDRSTRLEN] = "?";

	memcpy(&address, at->ai_addr, at->ai_addrlen);
	inet_ntop(at->ai_family, bytes, text, sizeof(text));
	printf("%s %s %s %s %u", at->ai_family == AF_INET6 ? "inet6" : "inet",
		protocol_name(at->ai_protocol), type_name(at->ai_socktype), text,
		port_of(&address));
	if (at->ai_canonname != NULL)
		printf(" canon %s", at->ai_canonname);
	putchar('\n');
}

int main(int argc, char **argv)
{
	struct addrinfo hints = {0}, *list = NULL;
	const char *node = NULL;
	int letter, error;

	while ((letter = getopt(argc, argv, "46cn:psu")) != -1) {
		if (letter == 'n')
			node = optarg;
		else if (letter == '4' || letter == '6')
			hints.ai_family = letter == '4' ? AF_INET : AF_INET6;
		else if (letter == 's' || letter == 'u')
			hints.ai_socktype = letter == 's' ? SOCK_STREAM : SOCK_DGRAM;
		else if (letter == 'p' || letter == 'c')
			hints.ai_flags |= letter == 'p' ? AI_PASSIVE : AI_CANONNAME;
		else
			usage();
	}
	if (argc - optind > 1)
		usage();
	errno = 0;
	error = getaddrinfo(node, argv[optind], &hints, &list);
	if (error != 0) {
		printf("error %d %s\n", error, error == EAI_SYSTEM ? error_name(errno) : "-");
		return 0;
	}
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next)
		print_entry(at);
	freeaddrinfo(list);
	return 0;
}
