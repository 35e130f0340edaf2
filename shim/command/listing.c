#include "listing.h"

#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "../core/conflict.h"
#include "../core/policy.h"
#include "../core/record.h"
#include "../core/terms.h"

enum { BOTH = V6_SERVES_INET6 | V6_SERVES_INET };

/* ---- what is known of a socket */

/* V6_SERVES_* bits; 0 for one that is bound and does not listen. */
static unsigned serves(const struct v6_diag_socket *s)
{
	return v6_socket_serving(s) ? v6_serves(&s->local, s->v6only) : 0;
}

/* A socket on `::` of which the kernel did not tell V6ONLY may serve IPv4 or not. */
static bool perhaps_inet(const struct v6_diag_socket *s)
{
	return v6_socket_serving(s) && s->local.family == V6_FAMILY_INET6 &&
	       s->v6only == V6_UNKNOWN && v6_address_wildcard(&s->local);
}

/* Sockets of one protocol's port, next to each other in the list. */
struct group {
	const struct v6_diag_socket *first, *end;
};

static bool together(const struct v6_diag_socket *a, const struct v6_diag_socket *b)
{
	return v6_port_space(a->proto) == v6_port_space(b->proto) && a->local.port == b->local.port;
}

/* Behind the last socket. Where nothing listens there is no list, and to add to NULL is undefined. */
static const struct v6_diag_socket *end_of(const struct v6_listing *l)
{
	return l->sockets.count ? l->sockets.list + l->sockets.count : l->sockets.list;
}

/* The group after `at`; an empty one after the last. */
static struct group next_group(const struct v6_listing *l, const struct v6_diag_socket *at)
{
	const struct v6_diag_socket *end = end_of(l);
	struct group g = {at, at};

	while (g.end < end && together(at, g.end))
		g.end++;
	return g;
}

/* ::ffff:0.0.0.0 competes with `::` for the same packets, and which wins is not said. */
static bool mapped_wildcard(const struct v6_address *a)
{
	static const uint8_t zero[4];

	return v6_address_mapped(a) && !memcmp(a->bytes + 12, zero, sizeof(zero));
}

/*
 * Whether IPv4 that a dual-stack socket would serve goes to the other one: the
 * kernel prefers the socket whose family, address and interface say more
 * (net/ipv4/udp.c and inet_hashtables.c, compute_score).
 */
static bool takes_ipv4_of(const struct v6_diag_socket *dual, const struct v6_diag_socket *other)
{
	return serves(other) == V6_SERVES_INET && !mapped_wildcard(&other->local) &&
	       (!dual->iface || dual->iface == other->iface);
}

static void address_text(struct v6_text *t, const struct v6_diag_socket *s)
{
	bool in6 = s->local.family == V6_FAMILY_INET6;
	struct v6_address bare = s->local;
	char name[IF_NAMESIZE];

	bare.scope = 0;
	if (in6)
		v6_text_char(t, '[');
	v6_address_text(t, &bare);
	if (s->iface) {
		v6_text_char(t, '%');
		if (if_indextoname(s->iface, name))
			v6_text_safe(t, name, strlen(name));
		else
			v6_text_uint(t, s->iface);
	}
	v6_text_str(t, in6 ? "]:" : ":");
	v6_text_uint(t, s->local.port);
}

/* Where the IPv4 goes that a dual-stack socket could serve; nothing where it serves it all. */
static void diversion_text(struct v6_text *t, struct group g, const struct v6_diag_socket *dual)
{
	const struct v6_diag_socket *some = NULL;
	unsigned count = 0;

	if (serves(dual) != BOTH)
		return;
	for (const struct v6_diag_socket *s = g.first; s < g.end; s++) {
		if (!takes_ipv4_of(dual, s))
			continue;
		if (v6_address_wildcard(&s->local) && s->iface == dual->iface) {
			v6_text_str(t, "IPv4 goes to ");
			address_text(t, s);
			return;
		}
		some = some ? some : s;
		count++;
	}
	if (!some)
		return;
	v6_text_str(t, "IPv4 to ");
	address_text(t, some);
	v6_text_str(t, count > 1 ? " and others goes to those sockets" : " goes to that socket");
}

/* The name of a user in memory of libc's; NULL where there is none. */
static const char *user_name(uint32_t uid)
{
	struct passwd *user = getpwuid((uid_t)uid);

	return user ? user->pw_name : NULL;
}

/* ---- for a person */

enum column { PROTO, FAMILY, ADDRESS, PROCESSES, USER, REMARK, COLUMNS };

static const unsigned gap_after[COLUMNS] = {3, 2, 3, 3, 3, 0};

enum { CELL_SIZE = 256 };

struct row {
	char cell[COLUMNS][CELL_SIZE];
};

/* A listing goes over it twice: to find the widths, and to print. */
struct page {
	size_t width[COLUMNS];
	bool measured;
};

/* Characters of valid UTF-8, which v6_text_safe leaves. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void measure(struct page *page, const struct row *row)
{
	for (unsigned i = 0; i < COLUMNS; i++) {
		size_t width = width_of(row->cell[i]);

		if (page->width[i] < width)
			page->width[i] = width;
	}
}

/* The padding of a cell comes with the next one that has text: no line ends in spaces. */
static void print(const struct page *page, const struct row *row)
{
	size_t pending = 0;

	for (unsigned i = 0; i < COLUMNS; i++) {
		if (*row->cell[i]) {
			printf("%*s%s", (int)pending, "", row->cell[i]);
			pending = 0;
		}
		if (page->width[i])
			pending += page->width[i] - width_of(row->cell[i]) + gap_after[i];
	}
	putchar('\n');
}

/* The row is empty again afterwards. */
static void put(struct page *page, struct row *row)
{
	if (page->measured)
		print(page, row);
	else
		measure(page, row);
	*row = (struct row){0};
}

static struct v6_text cell(struct row *row, enum column column)
{
	return v6_text_in(row->cell[column], CELL_SIZE);
}

static void port_cell(struct row *row, int proto, uint16_t port)
{
	struct v6_text t = cell(row, PROTO);

	v6_proto_text(&t, proto);
	v6_text_char(&t, ' ');
	v6_text_uint(&t, port);
}

static void family_cell(struct row *row, const struct v6_diag_socket *s)
{
	static const char *const titles[] = {"-", "IPv6", "IPv4", "IPv6+IPv4"};
	struct v6_text t = cell(row, FAMILY);

	v6_text_str(&t, perhaps_inet(s) ? "IPv6+IPv4?" : titles[serves(s) & BOTH]);
}

/* "nginx[4242] fd 6,9": the holdings of the process of the first. The one after them. */
static const struct v6_holding *process_text(
	struct v6_text *t, const struct v6_holding *h, const struct v6_holding *end)
{
	enum { FDS_TOLD = 4 };
	unsigned told = 0;
	int pid = h->pid;

	v6_text_safe(t, h->program, strlen(h->program));
	v6_text_char(t, '[');
	v6_text_int(t, pid);
	v6_text_str(t, "] fd ");
	for (; h < end && h->pid == pid; h++, told++) {
		if (told)
			v6_text_str(t, told < FDS_TOLD ? "," : told == FDS_TOLD ? "..." : "");
		if (told < FDS_TOLD)
			v6_text_int(t, h->fd);
	}
	return h;
}

static unsigned count_processes(const struct v6_holding *h, const struct v6_holding *end)
{
	unsigned count = 0;

	for (const struct v6_holding *at = h; at < end; at++)
		count += at == h || at->pid != at[-1].pid;
	return count;
}

/* Up to three processes; of more, two and how many more there are. */
static void process_cell(
	struct row *row, const struct v6_listing *l, const struct v6_diag_socket *s)
{
	struct v6_text t = cell(row, PROCESSES);
	unsigned processes, told;
	size_t count;
	const struct v6_holding *h = v6_processes_of(&l->processes, s->inode, &count), *end;

	if (!h) {
		v6_text_char(&t, '?');
		return;
	}
	end = h + count;
	processes = count_processes(h, end);
	told = processes > 3 ? 2 : processes;
	for (unsigned i = 0; i < told; i++) {
		if (i)
			v6_text_str(&t, ", ");
		h = process_text(&t, h, end);
	}
	if (told < processes) {
		v6_text_str(&t, " and ");
		v6_text_uint(&t, processes - told);
		v6_text_str(&t, " more");
	}
}

static void user_cell(struct row *row, const struct v6_diag_socket *s)
{
	struct v6_text t = cell(row, USER);
	const char *name = user_name(s->uid);

	if (name)
		v6_text_safe(&t, name, strlen(name));
	else
		v6_text_uint(&t, s->uid);
}

static void remark(struct v6_text *t, const char *text)
{
	if (!*text)
		return;
	if (t->len)
		v6_text_str(t, ", ");
	v6_text_str(t, text);
}

static void remark_cell(struct row *row, struct group g, const struct v6_diag_socket *s)
{
	static const char *const v6only[] = {"V6ONLY ?", "V6ONLY 0", "V6ONLY 1"};
	struct v6_text t = cell(row, REMARK);
	char buf[CELL_SIZE];
	struct v6_text diversion = v6_text_in(buf, sizeof(buf));

	if (s->local.family == V6_FAMILY_INET6)
		remark(&t, v6only[s->v6only - V6_UNKNOWN]);
	diversion_text(&diversion, g, s);
	remark(&t, buf);
	if (s->proto != v6_port_space(s->proto))
		remark(&t, "MPTCP");
	if (!v6_socket_serving(s))
		remark(&t, "bound, not listening");
}

static void put_socket(struct page *page, const struct v6_listing *l, struct group g,
	const struct v6_diag_socket *s, struct row *row)
{
	struct v6_text t = cell(row, ADDRESS);

	family_cell(row, s);
	address_text(&t, s);
	process_cell(row, l, s);
	user_cell(row, s);
	remark_cell(row, g, s);
	put(page, row);
}

static void put_nobody(struct page *page, struct row *row, const char *family)
{
	struct v6_text t = cell(row, FAMILY);

	v6_text_str(&t, family);
	t = cell(row, ADDRESS);
	v6_text_str(&t, "nobody");
	put(page, row);
}

/* V6_SERVES_* bits of the families that a socket of the group serves, or may serve. */
static unsigned answered(struct group g)
{
	unsigned bits = 0;

	for (const struct v6_diag_socket *s = g.first; s < g.end; s++)
		bits |= perhaps_inet(s) ? BOTH : serves(s);
	return bits;
}

static void put_group(struct page *page, const struct v6_listing *l, struct group g)
{
	unsigned missing = l->port ? BOTH & ~answered(g) : 0;
	struct row row = {0};

	port_cell(&row, v6_port_space(g.first->proto), g.first->local.port);
	if (missing & V6_SERVES_INET)
		put_nobody(page, &row, "IPv4");
	for (const struct v6_diag_socket *s = g.first; s < g.end; s++)
		put_socket(page, l, g, s, &row);
	if (missing & V6_SERVES_INET6)
		put_nobody(page, &row, "IPv6");
}

static void put_unused(struct page *page, const struct v6_listing *l)
{
	static const int protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct row row = {0};

	for (unsigned i = 0; i < sizeof(protos) / sizeof(*protos); i++) {
		struct v6_text t = cell(&row, FAMILY);

		port_cell(&row, protos[i], l->port);
		v6_text_str(&t, "nobody");
		put(page, &row);
	}
}

static void put_all(struct page *page, const struct v6_listing *l)
{
	const struct v6_diag_socket *end = end_of(l);
	struct group g;

	for (const struct v6_diag_socket *at = l->sockets.list; at < end; at = g.end) {
		g = next_group(l, at);
		put_group(page, l, g);
	}
	if (!l->sockets.count && l->port)
		put_unused(page, l);
}

void v6_listing_text(const struct v6_listing *l)
{
	struct page page = {.measured = false};

	put_all(&page, l);
	page.measured = true;
	put_all(&page, l);
}

/* ---- for a machine */

enum { NAME_MAX_TOLD = 255, JSON_SIZE = 8192 };

static void json_string(struct v6_text *t, const char *key, const char *value)
{
	v6_text_str(t, key);
	v6_text_json(t, value, strnlen(value, NAME_MAX_TOLD));
}

static void json_place(struct v6_text *t, const struct v6_diag_socket *s)
{
	char name[IF_NAMESIZE];

	v6_text_str(t, "{\"proto\":\"");
	v6_proto_text(t, s->proto);
	v6_text_str(t, "\",\"family\":\"");
	v6_text_str(t, v6_family_name(s->local.family));
	v6_text_str(t, "\",\"addr\":\"");
	v6_address_text(t, &s->local);
	v6_text_str(t, "\",\"port\":");
	v6_text_uint(t, s->local.port);
	if (s->iface && if_indextoname(s->iface, name))
		json_string(t, ",\"iface\":", name);
}

static void json_service(struct v6_text *t, struct group g, const struct v6_diag_socket *s)
{
	static const char *const values[] = {
		"[]", "[\"inet6\"]", "[\"inet\"]", "[\"inet6\",\"inet\"]"};
	char buf[CELL_SIZE];
	struct v6_text note = v6_text_in(buf, sizeof(buf));

	if (s->local.family == V6_FAMILY_INET6 && s->v6only != V6_UNKNOWN) {
		v6_text_str(t, ",\"v6only\":");
		v6_text_int(t, s->v6only);
	}
	v6_text_str(t, v6_socket_serving(s) ? ",\"listening\":true" : ",\"listening\":false");
	if (!perhaps_inet(s)) {
		v6_text_str(t, ",\"serves\":");
		v6_text_str(t, values[serves(s) & BOTH]);
	}
	diversion_text(&note, g, s);
	if (note.len)
		json_string(t, ",\"note\":", buf);
}

static void json_owner(struct v6_text *t, const struct v6_diag_socket *s)
{
	const char *name = user_name(s->uid);

	v6_text_str(t, ",\"uid\":");
	v6_text_uint(t, s->uid);
	if (name)
		json_string(t, ",\"user\":", name);
	v6_text_str(t, ",\"inode\":");
	v6_text_uint(t, s->inode);
}

static void json_process(struct v6_text *t, const struct v6_holding *h)
{
	v6_text_str(t, "{\"pid\":");
	v6_text_int(t, h->pid);
	v6_text_str(t, ",\"fd\":");
	v6_text_int(t, h->fd);
	json_string(t, ",\"program\":", h->program);
	v6_text_char(t, '}');
}

/* Written piece by piece: there is no limit to how many processes share a socket. */
static void put_json(const struct v6_listing *l, struct group g, const struct v6_diag_socket *s)
{
	char buf[JSON_SIZE];
	struct v6_text t = v6_text_in(buf, sizeof(buf));
	size_t count;
	const struct v6_holding *h = v6_processes_of(&l->processes, s->inode, &count);

	json_place(&t, s);
	json_service(&t, g, s);
	json_owner(&t, s);
	v6_text_str(&t, ",\"processes\":[");
	for (size_t i = 0; i < count; i++) {
		fputs(buf, stdout);
		t = v6_text_in(buf, sizeof(buf));
		if (i)
			v6_text_char(&t, ',');
		json_process(&t, &h[i]);
	}
	v6_text_str(&t, "]}");
	puts(buf);
}

void v6_listing_json(const struct v6_listing *l)
{
	const struct v6_diag_socket *end = end_of(l);
	struct group g;

	for (const struct v6_diag_socket *at = l->sockets.list; at < end; at = g.end) {
		g = next_group(l, at);
		for (const struct v6_diag_socket *s = g.first; s < g.end; s++)
			put_json(l, g, s);
	}
}

bool v6_listing_incomplete(const struct v6_listing *l)
{
	size_t count;

	for (size_t i = 0; i < l->sockets.count; i++)
		if (!v6_processes_of(&l->processes, l->sockets.list[i].inode, &count))
			return true;
	return false;
}
