#include "terms.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* IANA's protocol numbers, and Linux's own for MPTCP (linux/in.h), which older headers lack. */
enum { UDPLITE = 136, MPTCP = 262 };

#define WORD(id, word) word,
static const char events[][12] = {V6_EVENTS(WORD)};
static const char actions[][12] = {V6_ACTIONS(WORD)};
static const char findings[][12] = {V6_FINDINGS(WORD)};
static const char types[][12] = {V6_TYPES(WORD)};

static unsigned parse(const char words[][12], unsigned count, struct v6_slice word)
{
	unsigned i = 0;

	while (i < count && (strlen(words[i]) != word.len || memcmp(words[i], word.ptr, word.len)))
		i++;
	return i;
}

const char *v6_event_name(enum v6_event event)
{
	return events[event];
}

const char *v6_action_name(enum v6_action action)
{
	return actions[action];
}

const char *v6_finding_name(enum v6_finding finding)
{
	return findings[finding];
}

const char *v6_type_name(enum v6_type type)
{
	return types[type];
}

enum v6_event v6_event_parse(struct v6_slice word)
{
	return parse(events, V6_EVENT_COUNT, word);
}

enum v6_action v6_action_parse(struct v6_slice word)
{
	return parse(actions, V6_ACTION_COUNT, word);
}

enum v6_finding v6_finding_parse(struct v6_slice word)
{
	return parse(findings, V6_FINDING_COUNT, word);
}

enum v6_type v6_type_parse(struct v6_slice word)
{
	return parse(types, V6_TYPE_COUNT, word);
}

enum v6_type v6_type_of(int sock_type)
{
	switch (sock_type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) {
	case SOCK_STREAM:
		return V6_TYPE_STREAM;
	case SOCK_DGRAM:
		return V6_TYPE_DGRAM;
	case SOCK_RAW:
		return V6_TYPE_RAW;
	case SOCK_SEQPACKET:
		return V6_TYPE_SEQPACKET;
	default:
		return V6_TYPE_OTHER;
	}
}

enum v6_type v6_type_of_proto(int proto)
{
	switch (proto) {
	case IPPROTO_TCP:
	case MPTCP:
		return V6_TYPE_STREAM;
	case IPPROTO_UDP:
	case UDPLITE:
		return V6_TYPE_DGRAM;
	default:
		return V6_TYPE_UNKNOWN;
	}
}

static const struct {
	char name[12];
	int number;
} protos[] = {
	{"tcp", 6},
	{"udp", 17},
	{"mptcp", MPTCP},
	{"sctp", 132},
	{"dccp", 33},
	{"udplite", UDPLITE},
	{"icmp", 1},
	{"ipv6-icmp", 58},
	{"l2tp", 115},
	{"smc", 256},
};

enum { PROTOS = sizeof(protos) / sizeof(*protos) };

void v6_proto_text(struct v6_text *t, int proto)
{
	for (unsigned i = 0; i < PROTOS; i++)
		if (protos[i].number == proto) {
			v6_text_str(t, protos[i].name);
			return;
		}
	v6_text_int(t, proto);
}

int v6_proto_parse(struct v6_slice word)
{
	int number = 0;

	for (unsigned i = 0; i < PROTOS; i++)
		if (strlen(protos[i].name) == word.len &&
			!memcmp(protos[i].name, word.ptr, word.len))
			return protos[i].number;
	if (!word.len || word.len > 5)
		return -1;
	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return -1;
		number = 10 * number + word.ptr[i] - '0';
	}
	return number <= 65535 ? number : -1;
}

const char *v6_proto_name_at(unsigned i)
{
	return i < PROTOS ? protos[i].name : NULL;
}
