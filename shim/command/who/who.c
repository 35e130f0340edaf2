/*
 * v6shim who: what holds the ports of this network namespace, and which of IPv4
 * and IPv6 each socket serves.
 */
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "../../core/record.h"
#include "../../core/resolve.h"
#include "../../govern/facts.h"
#include "../../govern/proc.h"
#include "../print.h"
#include "../command.h"
#include "sockets.h"

/* PERHAPS of a socket on `::` of which the kernel did not tell V6ONLY. */
enum { BOTH = V6_SERVES_INET6 | V6_SERVES_INET, PERHAPS = 4, CELL_SIZE = 256 };

/* What was asked for. */
static unsigned *wanted; /* the ports, host order; none: all */
static int ports;
static uint64_t pid;    /* 0: any */
static unsigned asked;  /* V6_SERVES_* bits */
static unsigned protos; /* as proto_bit() has them */

/* By what serves() says. */
static const char *const titles[] = {
	"-", "IPv6", "IPv4", "IPv6+IPv4", [BOTH | PERHAPS] = "IPv6+IPv4?"};

/* ---- what is known of a socket */

/* Whether it gets what clients send: it listens, or is a datagram socket. */
static bool serving(const struct v6_diag_socket *s)
{
	return s->state == V6_STATE_LISTEN || v6_type_of_proto(s->proto) == V6_TYPE_DGRAM;
}

/* As if it listened, where it is bound alone. */
static unsigned would_serve(const struct v6_diag_socket *s)
{
	unsigned known = v6_serves(&s->local, s->v6only);

	return known ? known : BOTH | PERHAPS;
}

static unsigned serves(const struct v6_diag_socket *s)
{
	return serving(s) ? would_serve(s) : 0;
}

static void add_address(struct v6_text *t, const struct v6_diag_socket *s)
{
	bool in6 = s->local.family == V6_FAMILY_INET6;
	struct v6_address bare = s->local;
	char name[IF_NAMESIZE];

	bare.scope = 0;
	v6_text_str(t, in6 ? "[" : "");
	v6_address_text(t, &bare);
	if (s->iface && if_indextoname(s->iface, name))
		v6_text_print(t, "%%%.*s", V6_SLICE(v6_slice_of(name)));
	else if (s->iface)
		v6_text_print(t, "%%%u", s->iface);
	v6_text_print(t, in6 ? "]:%d" : ":%d", s->local.port);
}

/*
 * Where the IPv4 goes that a dual-stack socket could serve; nothing where it serves it all. The kernel
 * prefers the socket whose family, address and interface say more (net/ipv4/udp.c and
 * inet_hashtables.c, compute_score).
 */
static void add_diversion(struct v6_text *t, const struct v6_diag_socket *dual)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff};
	const struct v6_diag_socket *some = NULL, *s = v6_sockets.list;
	unsigned count = 0;
	bool all = false;

	for (; serves(dual) == BOTH && !all && s < v6_sockets.list + v6_sockets.count; s++) {
		/* ::ffff:0.0.0.0 competes with `::` for the same packets, and which wins is not said. */
		if (!v6_sockets_same_port(s, dual) || serves(s) != V6_SERVES_INET ||
			!memcmp(s->local.bytes, mapped, sizeof(mapped)) ||
			(dual->iface && dual->iface != s->iface))
			continue;
		all = v6_address_wildcard(&s->local) && s->iface == dual->iface;
		some = all || !some ? s : some;
		count++;
	}
	if (!some)
		return;
	v6_text_str(t, all ? "IPv4 goes to " : "IPv4 to ");
	add_address(t, some);
	v6_text_str(t, all         ? ""
		       : count > 1 ? " and others goes to those sockets"
				   : " goes to that socket");
}

/* ---- for a person */

/* "nginx[4242] fd 6,9, ...": up to three processes; of more, two and how many more there are. */
static void add_processes(struct v6_text *t, const struct v6_diag_socket *s)
{
	enum { FDS = 4 };
	const struct v6_holding *first = v6_holders_of(s), *h;
	unsigned processes = 0, told = 0, fds = 0;

	for (h = first; h->inode == s->inode; h++)
		processes += h == first || h->pid != h[-1].pid;
	v6_text_str(t, processes ? "" : "?");
	for (h = first; h->inode == s->inode; h++, fds++) {
		if (h == first || h->pid != h[-1].pid) {
			if (processes > 3 && told == 2)
				break;
			v6_text_print(t, "%s%.*s[%d] fd ", told++ ? ", " : "",
				V6_SLICE(v6_slice_of(h->program)), h->pid);
			fds = 0;
		}
		if (fds < FDS)
			v6_text_print(t, fds ? ",%d" : "%d", h->fd);
		v6_text_str(t, fds == FDS ? "..." : "");
	}
	if (told < processes)
		v6_text_print(t, " and %u more", processes - told);
}

static void add_remark(struct v6_text *t, const struct v6_diag_socket *s)
{
	static const char *const v6only[] = {"V6ONLY ?, ", "V6ONLY 0, ", "V6ONLY 1, "};
	const char *via = NULL;
	size_t len;

	v6_text_str(t, s->local.family == V6_FAMILY_INET6 ? v6only[s->v6only - V6_UNKNOWN] : "");
	len = t->len;
	add_diversion(t, s);
	v6_text_print(t, "%s%s%s", t->len > len ? ", " : "",
		s->proto != v6_port_space(s->proto) ? "MPTCP, " : "",
		serving(s) ? "" : "bound, not listening, ");
	for (const struct v6_holding *h = v6_holders_of(s); h->inode == s->inode; h++)
		if (h->via && h->via != via)
			v6_text_print(t, "%s, ", via = h->via);
	if (t->len)
		t->buf[t->len -= strlen(", ")] = '\0';
}

static void add_user(struct v6_text *t, const struct v6_diag_socket *s)
{
	const struct passwd *user = getpwuid((uid_t)s->uid);

	if (user)
		v6_text_print(t, "%.*s", V6_SLICE(v6_slice_of(user->pw_name)));
	else
		v6_text_uint(t, s->uid);
}

enum { COLUMNS = 6 };

/*
 * One line: of a socket, or NULL: of nobody, who serves these families (NULL: any). *proto and its port are
 * told once: it is 0 afterwards.
 */
static void add_row(struct v6_table *table, int *proto, unsigned port, const char *title,
	const struct v6_diag_socket *s)
{
	static void (*const add[])(struct v6_text * t, const struct v6_diag_socket *s) = {
		add_address, add_processes, add_user, add_remark};
	struct v6_text *t = &table->text;

	if (*proto) {
		v6_proto_text(t, *proto);
		v6_text_print(t, " %u", port);
		*proto = 0;
	}
	v6_table_cell(table, "");
	v6_table_cell(table, title ? title : "nobody");
	if (!s)
		v6_text_str(t, title ? "nobody" : "");
	for (int i = 0; i < COLUMNS - 2; i++) {
		if (s)
			add[i](t, s);
		v6_table_cell(table, "");
	}
}

static unsigned proto_bit(int proto)
{
	return proto == V6_PROTO_TCP ? 1 : proto == V6_PROTO_UDP ? 2 : 4;
}

/* Whether what was asked for is this one. */
static bool shown(const struct v6_diag_socket *s)
{
	bool port = !ports;
	const struct v6_holding *h = v6_holders_of(s);

	for (int i = 0; i < ports && !port; i++)
		port = wanted[i] == s->local.port;
	while (pid && h->inode == s->inode && h->pid != (int)pid)
		h++;
	/* What does not listen yet would serve these. */
	return port && (!pid || h->inode == s->inode) && would_serve(s) & asked &&
	       proto_bit(v6_port_space(s->proto)) & protos;
}

/* Whether one that is shown has the port; 0: any. */
static bool held(unsigned port)
{
	for (size_t i = 0; i < v6_sockets.count; i++)
		if ((!port || v6_sockets.list[i].local.port == port) && shown(&v6_sockets.list[i]))
			return true;
	return false;
}

/* The sockets of one protocol's port, from `first` on; the one after them. */
static const struct v6_diag_socket *add_port(
	struct v6_table *table, const struct v6_diag_socket *first)
{
	const struct v6_diag_socket *end = first, *s;
	int proto = v6_port_space(first->proto);
	unsigned port = first->local.port, answered = ports && !pid ? 0 : BOTH;
	bool any = false;

	answered |= BOTH & ~asked;
	for (; end < v6_sockets.list + v6_sockets.count && v6_sockets_same_port(first, end);
		end++) {
		answered |= serves(end);
		any |= shown(end);
	}
	if (any && !(answered & V6_SERVES_INET))
		add_row(table, &proto, port, "IPv4", NULL);
	for (s = first; s < end; s++)
		if (shown(s))
			add_row(table, &proto, port, titles[serves(s)], s);
	if (any && !(answered & V6_SERVES_INET6))
		add_row(table, &proto, port, "IPv6", NULL);
	return end;
}

static void print_table(void)
{
	static const struct v6_column columns[COLUMNS] = {
		{.gap = 0}, {.gap = 3}, {.gap = 2}, {.gap = 3}, {.gap = 3}, {.gap = 3}};
	struct v6_table table = v6_table_of(columns, COLUMNS);
	const struct v6_diag_socket *s = v6_sockets.list;

	while (s < v6_sockets.list + v6_sockets.count)
		s = add_port(&table, s);
	for (int i = 0; i < ports; i++)
		for (unsigned bit = 1; bit <= 2 && !held(wanted[i]); bit++) {
			int proto = bit == 1 ? V6_PROTO_TCP : V6_PROTO_UDP;

			if (bit & protos)
				add_row(&table, &proto, wanted[i],
					asked == BOTH ? NULL : titles[asked], NULL);
		}
	v6_table_print(&table, 0);
}

/* ---- for a machine */

static void print_json(const struct v6_diag_socket *s)
{
	static const char *const served[] = {"'serves':[]", "'serves':['inet6']",
		"'serves':['inet']", "'serves':['inet6','inet']"};
	char name[IF_NAMESIZE];
	V6_TEXT(proto, CELL_SIZE);
	V6_TEXT(address, CELL_SIZE);
	V6_TEXT(note, CELL_SIZE);
	struct passwd *user = getpwuid((uid_t)s->uid);
	unsigned families = serves(s);

	v6_proto_text(&proto, s->proto);
	v6_address_text(&address, &s->local);
	add_diversion(&note, s);
	v6_json("{'proto':%s,'family':%s,'addr':%s,'port':%d", proto.buf,
		v6_word(V6_LIST_FAMILY, s->local.family), address.buf, s->local.port);
	if (s->iface && if_indextoname(s->iface, name))
		v6_json("'iface':%s", name);
	if (s->local.family == V6_FAMILY_INET6 && s->v6only != V6_UNKNOWN)
		v6_json("'v6only':%d", s->v6only);
	v6_json("'listening':%b", serving(s));
	if (families <= BOTH)
		v6_json(served[families]);
	if (note.len)
		v6_json("'note':%s", note.buf);
	v6_json("'uid':%u", (uint64_t)s->uid);
	if (user)
		v6_json("'user':%s", user->pw_name);
	v6_json("'inode':%u,'processes':[", (uint64_t)s->inode);
	for (const struct v6_holding *h = v6_holders_of(s); h->inode == s->inode; h++) {
		v6_json("{'pid':%d,'fd':%d,'program':%s", h->pid, h->fd, h->program);
		if (h->via)
			v6_json("'via':%s", h->via);
		v6_json("}");
	}
	v6_json("]}\n");
}

/*
 * What the listing lacks, and why: at its end, or beside it where a machine reads it. `absent`: the process
 * that was asked for has nothing here.
 */
static void print_notes(FILE *to, bool absent)
{
	const char *name = v6_word(V6_LIST_ERRNO, (unsigned)v6_sockets.no_diag);
	uint64_t netns = absent ? v6_proc_inode((int)pid, "ns/net", -1) : 0;
	bool unknown = false;

	if (netns && netns != v6_proc_inode(getpid(), "ns/net", -1))
		fprintf(to, "%d  is in another network namespace: nsenter -t %d -n v6shim who\n",
			(int)pid, (int)pid);
	else if (absent)
		fprintf(to, "%d  %s\n", (int)pid,
			netns ? "holds no such socket"
			      : "no such process, or one that this user may not see");
	if (v6_fact_no_ipv6())
		fputs("no IPv6 socket can be made here: the kernel has no IPv6\n", to);
	if (v6_sockets.no_diag)
		fprintf(to,
			"V6ONLY is not known, and only TCP that listens and UDP are shown: the "
			"kernel gives no socket diagnostics here (%s)\n",
			name ? name : strerror(v6_sockets.no_diag));
	if (v6_sockets.moving)
		fputs("the sockets changed while they were listed: some may be missing\n", to);
	for (const struct v6_diag_socket *s = v6_sockets.list, *end = s + v6_sockets.count; s < end;
		s++)
		unknown |= shown(s) && v6_holders_of(s)->inode != s->inode;
	if (unknown)
		fputs(geteuid() ? "?  a process that this user may not see; root sees the "
				  "processes\n"
			: v6_sockets.unreadable
				? "?  a process that may not be seen without CAP_SYS_PTRACE\n"
				: "?  no process in this PID namespace: the kernel itself, or one "
				  "outside\n",
			to);
}

/* ---- the command line */

/* 0, or the exit status. */
static int read_port(const char *text)
{
	const struct servent *service;
	uint64_t port = 0;

	text += *text == ':';
	if (!v6_slice_uint(v6_slice_of(text), UINT16_MAX, &port)) {
		service = getservbyname(text, NULL);
		port = service ? ntohs((uint16_t)service->s_port) : 0;
	}
	if (!port)
		return v6_command_usage(&v6_command_who, "'%s': %s", text,
			*text && !text[strspn(text, "0123456789")]
				? "a port is a number from 1 to 65535"
				: "neither a port nor the name of a service");
	wanted[ports++] = (unsigned)port;
	return 0;
}

/* The places of the options below. */
enum { PID, ONLY_INET, ONLY_INET6, ONLY_TCP, ONLY_UDP, JSON };

static int run(struct v6_options *o)
{
	const char *process = o->given[PID];
	bool json = o->given[JSON], any;
	int result = 0;

	asked = (o->given[ONLY_INET] ? V6_SERVES_INET : 0) |
		(o->given[ONLY_INET6] ? V6_SERVES_INET6 : 0);
	asked = asked ? asked : BOTH;
	protos = (o->given[ONLY_TCP] ? 1 : 0) | (o->given[ONLY_UDP] ? 2 : 0);
	protos = protos ? protos : 1 | 2 | 4;
	wanted = v6_keep(((size_t)o->count + 1) * sizeof(*wanted));
	for (char **port = o->operands; *port && !result; port++)
		result = read_port(*port);
	if (result)
		return result;
	if (process && (!v6_slice_uint(v6_slice_of(process), INT32_MAX, &pid) || !pid))
		return v6_command_usage(&v6_command_who, "--pid: '%s' is no process id", process);
	result = v6_sockets_find((uint16_t)(ports == 1 ? wanted[0] : 0));
	if (result) {
		v6_complain("who: the sockets cannot be listed: %s", strerror(-result));
		return V6_EXIT_USAGE;
	}
	if (v6_sockets.no_proc)
		v6_complain("who: the processes cannot be listed: /proc cannot be read");
	any = held(0);
	for (size_t i = 0; json && i < v6_sockets.count; i++)
		if (shown(&v6_sockets.list[i]))
			print_json(&v6_sockets.list[i]);
	if (!json)
		print_table();
	print_notes(json ? stderr : stdout, pid && !any);
	for (int i = 0; i < ports; i++)
		any &= held(wanted[i]);
	return (ports || pid) && !any ? V6_EXIT_NO : V6_EXIT_OK;
}

static const struct v6_option options[] = {
	{"pid", "PID", .help = "what this process holds"},
	{"ipv4", .help = "what may serve IPv4: a dual-stack socket does", .letter = '4'},
	{"ipv6", .help = "what may serve IPv6", .letter = '6'},
	{"tcp", .help = "TCP, MPTCP included", .letter = 't'},
	{"udp", .help = "UDP", .letter = 'u'},
	{"json", .help = "one object a line for each socket: proto, family, addr, port, iface, "
			 "v6only, listening, serves, note, uid, user, inode, processes (pid, fd, "
			 "program, via; all of them); what does not apply or is not known is "
			 "absent"},
	{.name = NULL},
};

const struct v6_command v6_command_who = {
	.name = "who",
	.usage = "[--json] [-46tu] [--pid PID] [PORT...]",
	.summary = "show what holds the ports, and which of IPv4 and IPv6 each serves",
	.main = run,
	.about =
		"  v6shim who 8080\n"
		"  v6shim who -4 :http https  what serves IPv4 on these\n"
		"  v6shim who --pid 4711\n"
		"\n"
		"Shows every socket that listens, every datagram socket that is bound and has no\n"
		"peer, and TCP sockets that are bound and do not listen: the families it serves,\n"
		"its address, the processes that hold it, its owner, V6ONLY, and by which way\n"
		"v6shim governs a holder: preload, or supervise. PORT is a number, :NUMBER or the\n"
		"name of a service; then both IPv4 and IPv6 are answered, 'nobody' included.\n",
	.end = "Exit status 0; 1: nobody holds a PORT or what --pid asks for; 2: bad usage, or\n"
	       "the kernel could not be asked.\n"
	       "\n"
	       "This network namespace only: 'nsenter -t PID -n v6shim who' looks into that of a\n"
	       "process. '?' stands for a process that may not be seen: root sees those of all\n"
	       "users. Connections, open or in TIME_WAIT, are not shown. Of an SCTP socket with\n"
	       "several addresses the first is shown.\n",
	.options = options,
};
