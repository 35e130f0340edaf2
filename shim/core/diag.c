#include "diag.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/*
 * The kernel's structures and numbers, under its names: musl brings no headers
 * of the kernel's. They are its binary interface and never change.
 */

/* linux/netlink.h */
enum {
	NLM_F_REQUEST = 1,
	NLM_F_DUMP_INTR = 0x10,
	NLM_F_DUMP = 0x300, /* NLM_F_ROOT | NLM_F_MATCH */
	NLMSG_ERROR = 2,
	NLMSG_DONE = 3,
	NLA_TYPE_MASK = 0x3fff, /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
};

struct nlmsghdr {
	uint32_t nlmsg_len; /* this header included */
	uint16_t nlmsg_type, nlmsg_flags;
	uint32_t nlmsg_seq, nlmsg_pid;
};

struct nlattr {
	uint16_t nla_len; /* this header included */
	uint16_t nla_type;
};

/* linux/sock_diag.h */
enum { SOCK_DIAG_BY_FAMILY = 20 };

/* linux/inet_diag.h; idiag_sport, _dport, _src and _dst are in network order. */
enum { INET_DIAG_REQ_PROTOCOL = 3, INET_DIAG_SKV6ONLY = 11 };

struct inet_diag_sockid {
	uint16_t idiag_sport, idiag_dport;
	uint8_t idiag_src[16], idiag_dst[16];
	uint32_t idiag_if;
	uint32_t idiag_cookie[2]; /* low, high */
};

struct inet_diag_req_v2 {
	uint8_t sdiag_family, sdiag_protocol, idiag_ext, pad;
	uint32_t idiag_states;
	struct inet_diag_sockid id;
};

struct inet_diag_msg {
	uint8_t idiag_family, idiag_state, idiag_timer, idiag_retrans;
	struct inet_diag_sockid id;
	uint32_t idiag_expires, idiag_rqueue, idiag_wqueue, idiag_uid, idiag_inode;
};

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
	struct nlattr attribute;
	uint32_t protocol;
};

_Static_assert(sizeof(struct nlmsghdr) == 16, "linux/netlink.h");
_Static_assert(sizeof(struct inet_diag_req_v2) == 56, "linux/inet_diag.h");
_Static_assert(sizeof(struct inet_diag_msg) == 72, "linux/inet_diag.h");
_Static_assert(sizeof(struct request) == V6_DIAG_REQUEST_SIZE, "no padding");

static uint8_t family_number(unsigned family)
{
	return family == V6_FAMILY_INET ? AF_INET : family == V6_FAMILY_INET6 ? AF_INET6 : 0;
}

size_t v6_diag_request(void *buf, const struct v6_diag_query *query)
{
	/* A protocol that does not fit its field is said in an attribute. */
	bool wide = query->proto > UINT8_MAX;
	size_t len = wide ? sizeof(struct request) : offsetof(struct request, attribute);
	struct request r;

	if (!family_number(query->family) || query->proto < 1 || query->proto > UINT16_MAX)
		return 0;
	memset(&r, 0, sizeof(r));
	r.head.nlmsg_len = (uint32_t)len;
	r.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	r.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	r.head.nlmsg_seq = query->sequence;
	r.body.sdiag_family = family_number(query->family);
	/* 0 has no diagnostics: a kernel that skips the attribute answers ENOENT. */
	r.body.sdiag_protocol = wide ? 0 : (uint8_t)query->proto;
	r.body.idiag_states = query->states;
	r.body.id.idiag_sport = htons(query->port);
	r.attribute.nla_len = sizeof(r.attribute) + sizeof(r.protocol);
	r.attribute.nla_type = INET_DIAG_REQ_PROTOCOL;
	r.protocol = (uint32_t)query->proto;
	memcpy(buf, &r, len);
	return len;
}

/* What needs a scope: net/ipv6/addrconf_core.c, ipv6_iface_scope_id. */
static bool scoped(const uint8_t addr[16])
{
	return (addr[0] == 0xff && ((addr[1] & 15) == 1 || (addr[1] & 15) == 2)) ||
	       (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80);
}

/* Passes over so many bytes. Netlink aligns to four; the last of all may lack its padding. */
static void pass(const uint8_t **at, size_t *left, size_t len)
{
	size_t whole = (len + 3) & ~(size_t)3;

	whole = whole < *left ? whole : *left;
	*at += whole;
	*left -= whole;
}

static int8_t v6only_of(const uint8_t *at, size_t left)
{
	struct nlattr a;

	for (; left >= sizeof(a); pass(&at, &left, a.nla_len)) {
		memcpy(&a, at, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > left)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == INET_DIAG_SKV6ONLY && a.nla_len > sizeof(a))
			return at[sizeof(a)] != 0;
	}
	return V6_UNKNOWN;
}

static enum v6_diag_step end(struct v6_diag_walk *walk, int error)
{
	walk->error = error;
	walk->over = error ? V6_DIAG_ERROR : V6_DIAG_DONE;
	return walk->over;
}

/*
 * The errno at the start of a DONE or ERROR message, 0 for none. A dump that the
 * kernel refuses ends in a DONE with a negative number (netlink_dump_done).
 */
static int error_of(const uint8_t *body, size_t len)
{
	int32_t number = 0;

	if (len >= sizeof(number))
		memcpy(&number, body, sizeof(number));
	return number >= 0 ? 0 : number == INT32_MIN ? EBADMSG : -number;
}

/* false: it was not asked for. */
static bool take_socket(const struct v6_diag_query *query, const uint8_t *body, size_t len,
	struct v6_diag_socket *s)
{
	struct inet_diag_msg m;

	memcpy(&m, body, sizeof(m));
	if (m.idiag_family != family_number(query->family) ||
		(query->port && m.id.idiag_sport != htons(query->port)))
		return false;
	*s = (struct v6_diag_socket){
		.local = {.family = query->family, .port = ntohs(m.id.idiag_sport)},
		.peer = m.id.idiag_dport != 0,
		.state = m.idiag_state,
		.v6only = V6_UNKNOWN,
		.proto = query->proto,
		.uid = m.idiag_uid,
		.inode = m.idiag_inode,
		.iface = m.id.idiag_if,
		.cookie = m.id.idiag_cookie[0] | (uint64_t)m.id.idiag_cookie[1] << 32,
	};
	memcpy(s->local.bytes, m.id.idiag_src, m.idiag_family == AF_INET ? 4 : 16);
	if (m.idiag_family == AF_INET6) {
		s->v6only = v6only_of(body + sizeof(m), len - sizeof(m));
		s->local.scope = scoped(s->local.bytes) ? m.id.idiag_if : 0;
	}
	return true;
}

void v6_diag_part(struct v6_diag_walk *walk, const void *bytes, size_t len)
{
	walk->at = bytes;
	walk->left = len;
}

enum v6_diag_step v6_diag_next(struct v6_diag_walk *walk, struct v6_diag_socket *socket)
{
	while (walk->over == V6_DIAG_MORE && walk->left) {
		struct nlmsghdr head = {.nlmsg_len = 0};
		const uint8_t *body = walk->at + sizeof(head);
		size_t len;
		int error;

		if (walk->left >= sizeof(head))
			memcpy(&head, walk->at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > walk->left)
			return end(walk, EBADMSG);
		pass(&walk->at, &walk->left, head.nlmsg_len);
		len = head.nlmsg_len - sizeof(head);
		if (head.nlmsg_seq != walk->query.sequence)
			continue;
		walk->interrupted |= (head.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
			if (len < sizeof(struct inet_diag_msg))
				return end(walk, EBADMSG);
			if (take_socket(&walk->query, body, len, socket))
				return V6_DIAG_SOCKET;
		} else if (head.nlmsg_type == NLMSG_DONE) {
			return end(walk, error_of(body, len));
		} else if (head.nlmsg_type == NLMSG_ERROR) {
			error = len < sizeof(int32_t) ? EBADMSG : error_of(body, len);
			if (error) /* without one it acknowledges */
				return end(walk, error);
		}
	}
	return walk->over;
}
