#include "terms.h"

#include <sys/socket.h>

#define END                                                                                        \
	{                                                                                          \
		"", 0, ""                                                                          \
	}

static const struct v6_word policy[] = {
	{"app", V6_POLICY_APP, "the application and the kernel decide"},
	{"ipv6-only", V6_POLICY_IPV6_ONLY, "V6ONLY is set to 1 right before every governed bind"},
	{"both", V6_POLICY_BOTH, "V6ONLY is set to 0 right before every governed bind"},
	{"default-ipv6-only", V6_POLICY_DEFAULT_IPV6_ONLY,
		"V6ONLY starts as 1; what the application asks for later wins"},
	{"default-both", V6_POLICY_DEFAULT_BOTH,
		"V6ONLY starts as 0; what the application asks for later wins"},
	END,
};

/* A reaction: a neutral word, whose value is 0, or deny:ERRNO, whose value is the errno. */
static const struct v6_word on_contrary[] = {
	{"allow", 0, "it reaches the kernel as usual"},
	{"deny:ERRNO", 1, "it fails with ERRNO and does not reach the kernel"},
	END,
};
static const struct v6_word order[] = {
	{"app", V6_ORDER_APP, "the application and the resolver decide"},
	{"ipv4-first", V6_ORDER_IPV4_FIRST, "passive getaddrinfo lists IPv4 first"},
	{"ipv6-first", V6_ORDER_IPV6_FIRST, "passive getaddrinfo lists IPv6 first"},
	END,
};
static const struct v6_word on_disorder[] = {
	{"log", 0, "the second bind of the pair is logged as disorder"},
	{"deny:ERRNO", 1, "the bind of the family whose turn has not come fails with ERRNO"},
	END,
};
static const struct v6_word on_conflict[] = {
	{"fail", V6_ON_CONFLICT_FAIL, "EADDRINUSE reaches the application"},
	{"resolve", V6_ON_CONFLICT_RESOLVE, "split where that is possible, share otherwise"},
	{"share", V6_ON_CONFLICT_SHARE, "SO_REUSEPORT on both sockets of this process"},
	{"share-ipv6", V6_ON_CONFLICT_SHARE_IPV6,
		"share only where the IPv6 socket comes second (FreeBSD, macOS)"},
	END,
};
static const struct v6_word on_mapped[] = {
	{"allow", 0, "the kernel answers: EINVAL"},
	{"deny:ERRNO", 1, "it fails with ERRNO"},
	END,
};
static const struct v6_word on_nonboolean[] = {
	{"allow", 0, "the kernel takes any other value for 1"},
	{"deny:ERRNO", 1, "it fails with ERRNO and does not reach the kernel"},
	END,
};
static const struct v6_word mode[] = {
	{"enforce", V6_MODE_ENFORCE, "decide, act and log"},
	{"log", V6_MODE_LOG, "decide and log, change nothing at all"},
	END,
};

/* The names of another system's descendants come last: they are read, and never written. */
static const struct v6_word profile[] = {
	{"none", V6_PROFILE_NONE, "no profile"},
	{"linux", V6_PROFILE_LINUX, "Linux as it comes: dual-stack, IPv4 listed first"},
	{"freebsd", V6_PROFILE_FREEBSD, "FreeBSD"},
	{"netbsd", V6_PROFILE_NETBSD, "NetBSD"},
	{"openbsd", V6_PROFILE_OPENBSD, "OpenBSD: never dual-stack"},
	{"dragonfly", V6_PROFILE_DRAGONFLY, "DragonFly BSD: never dual-stack"},
	{"macos", V6_PROFILE_MACOS, "macOS"},
	{"illumos", V6_PROFILE_ILLUMOS, "illumos, OpenIndiana, Solaris"},
	{"windows", V6_PROFILE_WINDOWS, "Windows Vista and later"},
	{"qnx", V6_PROFILE_QNX, "QNX 6.4 (approximate)"},
	{"ibmi", V6_PROFILE_IBMI, "IBM i (approximate)"},
	{"aix", V6_PROFILE_AIX, "AIX (approximate)"},
	{"bindv6only=0", V6_PROFILE_BINDV6ONLY_0,
		"the sysctl net.ipv6.bindv6only at 0, for this program"},
	{"bindv6only=1", V6_PROFILE_BINDV6ONLY_1,
		"the sysctl net.ipv6.bindv6only at 1, for this program"},
	{"openindiana", V6_PROFILE_ILLUMOS, "illumos"},
	{"solaris", V6_PROFILE_ILLUMOS, "illumos"},
	END,
};
static const struct v6_word log_words[] = {
	{"stderr", V6_LOG_STDERR, "standard error"},
	{"off", V6_LOG_OFF, "nowhere"},
	{"syslog", V6_LOG_SYSLOG, "the system log, by /dev/log"},
	{"fd:N", V6_LOG_FD, "the open descriptor N"},
	{"/PATH", V6_LOG_PATH, "a file or FIFO; %p the process id, %n the program's name, %%"},
	END,
};
static const struct v6_word log_format[] = {
	{"text", V6_LOG_FORMAT_TEXT, "one line a record, for a person"},
	{"json", V6_LOG_FORMAT_JSON, "one object a line; the default of a path"},
	END,
};
static const struct v6_word log_level[] = {
	{"change", V6_LOG_LEVEL_CHANGE, "also what was changed, refused or found"},
	{"error", V6_LOG_LEVEL_ERROR, "only what went wrong in the shim"},
	{"bind", V6_LOG_LEVEL_BIND,
		"also every bind, listen, passive getaddrinfo, inherited socket; a path's default"},
	{"all", V6_LOG_LEVEL_ALL, "also socket, setsockopt and load"},
	END,
};
static const struct v6_word origin[] = {
	{"default", V6_ORIGIN_DEFAULT, ""},
	{"profile", V6_ORIGIN_PROFILE, ""},
	{"file", V6_ORIGIN_FILE, ""},
	{"environment", V6_ORIGIN_ENVIRONMENT, ""},
	{"option", V6_ORIGIN_OPTION, ""},
	END,
};
static const struct v6_word matcher[] = {
	{"program", V6_MATCHER_PROGRAM, ""},
	{"port", V6_MATCHER_PORT, ""},
	{"proto", V6_MATCHER_PROTO, ""},
	END,
};
static const struct v6_word family[] = {
	{"inet", V6_FAMILY_INET, ""},
	{"inet6", V6_FAMILY_INET6, ""},
	END,
};
static const struct v6_word type[] = {
	{"stream", V6_TYPE_STREAM, ""},
	{"dgram", V6_TYPE_DGRAM, ""},
	{"raw", V6_TYPE_RAW, ""},
	{"seqpacket", V6_TYPE_SEQPACKET, ""},
	{"other", V6_TYPE_OTHER, ""},
	END,
};
static const struct v6_word proto[] = {
	{"tcp", V6_PROTO_TCP, ""},
	{"udp", V6_PROTO_UDP, ""},
	{"mptcp", V6_PROTO_MPTCP, ""},
	{"sctp", 132, ""},
	{"dccp", 33, ""},
	{"udplite", V6_PROTO_UDPLITE, ""},
	{"icmp", 1, ""},
	{"ipv6-icmp", 58, ""},
	{"l2tp", 115, ""},
	{"smc", 256, ""},
	END,
};
static const struct v6_word via[] = {
	{"preload", V6_VIA_PRELOAD, ""},
	{"supervise", V6_VIA_SUPERVISE, ""},
	END,
};
static const struct v6_word event[] = {
	{"load", V6_EVENT_LOAD, ""},
	{"socket", V6_EVENT_SOCKET, ""},
	{"setsockopt", V6_EVENT_SETSOCKOPT, ""},
	{"bind", V6_EVENT_BIND, ""},
	{"listen", V6_EVENT_LISTEN, ""},
	{"getaddrinfo", V6_EVENT_GETADDRINFO, ""},
	{"inherit", V6_EVENT_INHERIT, ""},
	{"lost", V6_EVENT_LOST, ""},
	{"error", V6_EVENT_ERROR, ""},
	END,
};
static const struct v6_word action[] = {
	{"none", V6_ACTION_NONE, ""},
	{"set", V6_ACTION_SET, ""},
	{"override", V6_ACTION_OVERRIDE, ""},
	{"deny", V6_ACTION_DENY, ""},
	{"split", V6_ACTION_SPLIT, ""},
	{"share", V6_ACTION_SHARE, ""},
	{"yield", V6_ACTION_YIELD, ""},
	{"reorder", V6_ACTION_REORDER, ""},
	END,
};
static const struct v6_word finding[] = {
	{"none", V6_FINDING_NONE, ""},
	{"conflict", V6_FINDING_CONFLICT, ""},
	{"disorder", V6_FINDING_DISORDER, ""},
	{"contrary", V6_FINDING_CONTRARY, ""},
	END,
};
static const struct v6_word none[] = {END};

const struct v6_word *v6_words(enum v6_list list)
{
	switch (list) {
	case V6_LIST_POLICY:
		return policy;
	case V6_LIST_ON_CONTRARY:
		return on_contrary;
	case V6_LIST_ORDER:
		return order;
	case V6_LIST_ON_DISORDER:
		return on_disorder;
	case V6_LIST_ON_CONFLICT:
		return on_conflict;
	case V6_LIST_ON_MAPPED:
		return on_mapped;
	case V6_LIST_ON_NONBOOLEAN:
		return on_nonboolean;
	case V6_LIST_MODE:
		return mode;
	case V6_LIST_PROFILE:
		return profile;
	case V6_LIST_LOG:
		return log_words;
	case V6_LIST_LOG_FORMAT:
		return log_format;
	case V6_LIST_LOG_LEVEL:
		return log_level;
	case V6_LIST_ORIGIN:
		return origin;
	case V6_LIST_MATCHER:
		return matcher;
	case V6_LIST_FAMILY:
		return family;
	case V6_LIST_TYPE:
		return type;
	case V6_LIST_PROTO:
		return proto;
	case V6_LIST_VIA:
		return via;
	case V6_LIST_EVENT:
		return event;
	case V6_LIST_ACTION:
		return action;
	case V6_LIST_FINDING:
		return finding;
	default:
		return none;
	}
}

const char *v6_word(enum v6_list list, unsigned value)
{
	for (const struct v6_word *w = v6_words(list); *w->word; w++)
		if (w->value == value)
			return w->word;
	return NULL;
}

int v6_word_value(enum v6_list list, struct v6_slice word)
{
	for (const struct v6_word *w = v6_words(list); *w->word; w++)
		if (v6_slice_is(word, w->word))
			return w->value;
	return -1;
}

enum v6_family v6_family_other(enum v6_family f)
{
	return f == V6_FAMILY_INET    ? V6_FAMILY_INET6
	       : f == V6_FAMILY_INET6 ? V6_FAMILY_INET
				      : V6_FAMILY_OTHER;
}

const char *v6_family_title(enum v6_family f)
{
	return f == V6_FAMILY_INET ? "IPv4" : f == V6_FAMILY_INET6 ? "IPv6" : NULL;
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

enum v6_type v6_type_of_proto(int number)
{
	switch (number) {
	case V6_PROTO_TCP:
	case V6_PROTO_MPTCP:
		return V6_TYPE_STREAM;
	case V6_PROTO_UDP:
	case V6_PROTO_UDPLITE:
		return V6_TYPE_DGRAM;
	default:
		return V6_TYPE_UNKNOWN;
	}
}

void v6_proto_text(struct v6_text *t, int number)
{
	const char *name = number >= 0 ? v6_word(V6_LIST_PROTO, (unsigned)number) : NULL;

	if (name)
		v6_text_str(t, name);
	else
		v6_text_int(t, number);
}

int v6_proto_parse(struct v6_slice word)
{
	int number = v6_word_value(V6_LIST_PROTO, word);
	uint64_t digits;

	if (number < 0 && v6_slice_uint(word, UINT16_MAX, &digits))
		number = (int)digits;
	return number;
}
