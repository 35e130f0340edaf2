/*
 * Whatever comes back from the sock_diag socket is walked to its end and not beyond, and what it
 * gives is what the kernel's own macros (linux/netlink.h, linux/rtnetlink.h) find there.
 *
 * Input: one byte for family and protocol, two for the port, and parts of the answer, each with
 * its length before it in two bytes.
 */
#include "fuzz.h"

#include "core/diag.h"
#include "core/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

/* The macros compare an int with what the kernel calls unsigned. */
#pragma GCC diagnostic ignored "-Wsign-compare"

enum { SEQUENCE = 1 };

static const int protos[] = {6, 17, 262, 65535};

static struct v6_diag_query take_query(struct fuzz_input *in)
{
	uint8_t choice = fuzz_byte(in);

	return (struct v6_diag_query){
		.family = choice & 1 ? V6_FAMILY_INET6 : V6_FAMILY_INET,
		.proto = protos[choice >> 1 & 3],
		.states = UINT32_MAX,
		.port = fuzz_word(in),
		.sequence = SEQUENCE,
	};
}

/* ---- the same with the kernel's macros */

/* What has been seen of one part: where the walk through it goes on. */
struct reference {
	const struct nlmsghdr *at;
	int left;
};

static int v6only_at(const struct inet_diag_msg *m, size_t len)
{
	const struct rtattr *a = (const struct rtattr *)(m + 1);
	int left = (int)(len - sizeof(*m));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if ((a->rta_type & NLA_TYPE_MASK) == INET_DIAG_SKV6ONLY && RTA_PAYLOAD(a))
			return *(const uint8_t *)RTA_DATA(a) != 0;
	return V6_UNKNOWN;
}

/* The next message that is a socket as asked for; NULL where the part holds none. */
static const struct nlmsghdr *next_socket(struct reference *r, const struct v6_diag_query *q)
{
	int family = q->family == V6_FAMILY_INET6 ? AF_INET6 : AF_INET;

	while (NLMSG_OK(r->at, r->left)) {
		const struct nlmsghdr *h = r->at;
		const struct inet_diag_msg *m = NLMSG_DATA(h);

		r->at = NLMSG_NEXT(r->at, r->left);
		if (h->nlmsg_seq == q->sequence && h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
			h->nlmsg_len >= NLMSG_LENGTH(sizeof(*m)) && m->idiag_family == family &&
			(!q->port || m->id.idiag_sport == htons(q->port)))
			return h;
	}
	return NULL;
}

static void check_socket(
	const struct v6_diag_socket *s, const struct nlmsghdr *h, const struct v6_diag_query *q)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	bool in6 = q->family == V6_FAMILY_INET6;

	CHECK(s->local.family == q->family);
	CHECK(s->local.port == ntohs(m->id.idiag_sport));
	CHECK(!memcmp(s->local.bytes, m->id.idiag_src, in6 ? 16 : 4));
	CHECK(!s->local.scope || (in6 && s->local.scope == m->id.idiag_if));
	CHECK(s->v6only == (in6 ? v6only_at(m, NLMSG_PAYLOAD(h, 0)) : V6_UNKNOWN));
	CHECK(s->state == m->idiag_state && s->proto == q->proto);
	CHECK(s->uid == m->idiag_uid && s->inode == m->idiag_inode);
	CHECK(s->iface == m->id.idiag_if);
	CHECK((uint32_t)s->cookie == m->id.idiag_cookie[0]);
	CHECK(s->cookie >> 32 == m->id.idiag_cookie[1]);
	CHECK(!m->id.idiag_dport || s->peer);
}

/* ---- the walk */

static bool untouched(const struct v6_diag_socket *s, const struct v6_diag_socket *before)
{
	return !memcmp(s, before, sizeof(*s));
}

/* One part; the macros want it aligned, the walk must not. */
static enum v6_diag_step walk_part(
	struct v6_diag_walk *walk, const struct v6_diag_query *q, struct v6_slice part)
{
	struct v6_slice aligned = fuzz_exact(part, 0), odd = fuzz_exact(part, 1);
	struct reference r = {(const struct nlmsghdr *)aligned.ptr, (int)aligned.len};
	struct v6_diag_socket socket, before;
	enum v6_diag_step step;
	const struct nlmsghdr *h;

	v6_diag_part(walk, odd.ptr, odd.len);
	for (;;) {
		memset(&socket, 0x5a, sizeof(socket));
		before = socket;
		step = v6_diag_next(walk, &socket);
		if (step != V6_DIAG_SOCKET)
			break;
		h = next_socket(&r, q);
		CHECK(h);
		check_socket(&socket, h, q);
	}
	CHECK(untouched(&socket, &before));
	if (step == V6_DIAG_MORE)
		CHECK(!next_socket(&r, q));
	free((char *)(uintptr_t)aligned.ptr);
	free((char *)(uintptr_t)(odd.ptr - 1));
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct v6_diag_query query = take_query(&in);
	struct v6_diag_walk walk = v6_diag_walk_of(&query);
	enum v6_diag_step step = V6_DIAG_MORE;
	struct v6_diag_socket socket;
	char request[V6_DIAG_REQUEST_SIZE];

	CHECK(v6_diag_request(request, &query) <= sizeof(request));
	while (in.left && step == V6_DIAG_MORE) {
		uint16_t len = fuzz_word(&in);

		step = walk_part(&walk, &query, fuzz_bytes(&in, len));
	}
	CHECK(step == V6_DIAG_MORE || step == V6_DIAG_DONE || step == V6_DIAG_ERROR);
	if (step == V6_DIAG_ERROR)
		CHECK(walk.error > 0);
	/* The memory of the last part is gone: an end stays an end without it. */
	if (step != V6_DIAG_MORE)
		CHECK(v6_diag_next(&walk, &socket) == step);
	return 0;
}
