/*
 * v6shim who: what holds the ports of this network namespace, and which of IPv4
 * and IPv6 each socket serves.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/errname.h"
#include "../core/nearest.h"
#include "command.h"
#include "listing.h"

struct arguments {
	uint16_t port; /* 0: all */
	bool json;
};

static void help(void)
{
	puts("\n"
	     "Shows every socket that listens, every datagram socket that is bound and has no\n"
	     "peer, and TCP sockets that are bound and do not listen: the families it serves,\n"
	     "its address, the processes that hold it, its owner, V6ONLY. PORT is a number or\n"
	     "the name of a service; then both IPv4 and IPv6 are answered, 'nobody' included.\n"
	     "\n"
	     "  --json  one object a line for each socket: proto, family, addr, port, iface,\n"
	     "          v6only, listening, serves, note, uid, user, inode, processes (pid, fd,\n"
	     "          program; all of them); what does not apply or is not known is absent\n"
	     "\n"
	     "Exit status 0; 1: PORT is given and nobody holds it; 2: bad usage, or the kernel\n"
	     "could not be asked.\n"
	     "\n"
	     "This network namespace only: 'nsenter -t PID -n v6shim who' looks into that of a\n"
	     "process. '?' stands for a process that may not be seen: root sees those of all\n"
	     "users. Connections, open or in TIME_WAIT, are not shown. Of an SCTP socket with\n"
	     "several addresses the first is shown.");
}

static int port_of_service(const char *name)
{
	struct servent *service = getservbyname(name, "tcp");

	if (!service)
		service = getservbyname(name, "udp");
	return service ? ntohs((uint16_t)service->s_port) : 0;
}

static int read_port(struct arguments *a, const char *text)
{
	bool digits = *text && !text[strspn(text, "0123456789")];
	unsigned long port = digits ? strtoul(text, NULL, 10) : 0;

	if (!digits)
		port = (unsigned long)port_of_service(text);
	if (port < 1 || port > 65535) {
		v6_complain("who: '%s': %s", text,
			digits ? "a port is a number from 1 to 65535"
			       : "neither a port nor the name of a service");
		return -1;
	}
	if (a->port) {
		v6_complain("who: unexpected argument '%s'", text);
		return -1;
	}
	a->port = (uint16_t)port;
	return 0;
}

static int unknown_option(const char *option)
{
	struct v6_nearest near = v6_nearest_to((struct v6_slice){option, strlen(option)});

	v6_nearest_offer(&near, "--json");
	v6_nearest_offer(&near, "--help");
	if (near.word)
		v6_complain("who: unknown option '%s'; did you mean '%s'", option, near.word);
	else
		v6_complain("who: unknown option '%s'", option);
	return -1;
}

/* Options may also stand behind PORT: no other program's follow. */
static int read_arguments(struct arguments *a, int argc, char **argv)
{
	bool options = true;

	for (int i = 1; i < argc; i++) {
		if (!options || argv[i][0] != '-') {
			if (read_port(a, argv[i]))
				return -1;
		} else if (!strcmp(argv[i], "--")) {
			options = false;
		} else if (!strcmp(argv[i], "--json")) {
			a->json = true;
		} else {
			return unknown_option(argv[i]);
		}
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int gather_processes(struct v6_listing *l)
{
	size_t count = l->sockets.count;
	uint32_t *inodes;
	int result;

	if (!count)
		return 0;
	inodes = malloc(count * sizeof(*inodes));
	if (!inodes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		inodes[i] = l->sockets.list[i].inode;
	qsort(inodes, count, sizeof(*inodes), by_number);
	result = v6_processes_gather(&l->processes, inodes, count);
	free(inodes);
	return result;
}

/* What the listing lacks, and why: at its end, or beside it where a machine reads it. */
static void notes(const struct v6_listing *l, FILE *to)
{
	const char *name = v6_errname(l->sockets.no_diag);

	if (l->sockets.no_diag)
		fprintf(to,
			"V6ONLY is not known, and only TCP that listens and UDP are shown: the "
			"kernel gives no socket diagnostics here (%s)\n",
			name ? name : strerror(l->sockets.no_diag));
	if (l->sockets.moving)
		fputs("the sockets changed while they were listed: some may be missing\n", to);
	if (!v6_listing_incomplete(l))
		return;
	if (geteuid())
		fputs("?  a process that this user may not see; root sees the processes\n", to);
	else if (l->processes.unreadable)
		fputs("?  a process that may not be seen without CAP_SYS_PTRACE\n", to);
	else
		fputs("?  no process in this PID namespace: the kernel itself, or one outside\n",
			to);
}

static int show(const struct v6_listing *l, bool json)
{
	if (json)
		v6_listing_json(l);
	else
		v6_listing_text(l);
	notes(l, json ? stderr : stdout);
	return l->port && !l->sockets.count ? V6_EXIT_NO : V6_EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct arguments a = {0};
	struct v6_listing l = {0};
	int result;

	for (int i = 1; i < argc; i++)
		if (v6_is_help(argv[i]))
			return v6_command_help(&v6_command_who);
	if (read_arguments(&a, argc, argv))
		return v6_command_usage(&v6_command_who);
	l.port = a.port;
	result = v6_sockets_gather(&l.sockets, a.port);
	if (result) {
		v6_complain("who: the sockets cannot be listed: %s", strerror(-result));
		return V6_EXIT_USAGE;
	}
	result = gather_processes(&l);
	if (result)
		v6_complain("who: the processes cannot be listed: %s", strerror(-result));
	result = show(&l, a.json);
	v6_sockets_free(&l.sockets);
	v6_processes_free(&l.processes);
	return result;
}

const struct v6_command v6_command_who = {
	.name = "who",
	.usage = "[--json] [PORT]",
	.summary = "show what holds the ports, and which of IPv4 and IPv6 each serves",
	.main = run,
	.help = help,
};
