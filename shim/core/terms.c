#include "terms.h"

#include <sys/socket.h>

/* By list, in the order of the enum; each in the order in which it is shown. */
static const struct v6_word table[] = {
	{V6_LIST_SETTING, "policy", V6_SETTING_POLICY, "V6ONLY of the sockets that bind ::"},
	{V6_LIST_SETTING, "on-contrary", V6_SETTING_ON_CONTRARY,
		"what the application gets when it asks for the opposite of the policy"},
	{V6_LIST_SETTING, "order", V6_SETTING_ORDER,
		"the family listed first, and that must bind a port first"},
	{V6_LIST_SETTING, "on-disorder", V6_SETTING_ON_DISORDER, "a port bound against the order"},
	{V6_LIST_SETTING, "on-conflict", V6_SETTING_ON_CONFLICT, "both families want one port"},
	{V6_LIST_SETTING, "on-mapped", V6_SETTING_ON_MAPPED,
		"what a bind of a v4-mapped address gets where V6ONLY is 1"},
	{V6_LIST_SETTING, "on-nonboolean", V6_SETTING_ON_NONBOOLEAN,
		"what the application gets when it sets V6ONLY to neither 0 nor 1"},
	{V6_LIST_SETTING, "mode", V6_SETTING_MODE, "enforce, or only log"},
	{V6_LIST_SETTING, "profile", V6_SETTING_PROFILE,
		"a named set of settings: another system's rules"},
	{V6_LIST_SETTING, "rules", V6_SETTING_RULES,
		"settings for certain programs, ports and protocols"},
	{V6_LIST_SETTING, "config", V6_SETTING_CONFIG, "a file of settings and rules"},
	{V6_LIST_SETTING, "log", V6_SETTING_LOG, "where records go"},
	{V6_LIST_SETTING, "log-format", V6_SETTING_LOG_FORMAT, "how records are written"},
	{V6_LIST_SETTING, "log-level", V6_SETTING_LOG_LEVEL, "which records are written"},
	{V6_LIST_POLICY, "app", V6_POLICY_APP, "the application and the kernel decide"},
	{V6_LIST_POLICY, "ipv6-only", V6_POLICY_IPV6_ONLY,
		"V6ONLY is set to 1 right before every governed bind"},
	{V6_LIST_POLICY, "both", V6_POLICY_BOTH,
		"V6ONLY is set to 0 right before every governed bind"},
	{V6_LIST_POLICY, "default-ipv6-only", V6_POLICY_DEFAULT_IPV6_ONLY,
		"V6ONLY starts as 1; what the application asks for later wins"},
	{V6_LIST_POLICY, "default-both", V6_POLICY_DEFAULT_BOTH,
		"V6ONLY starts as 0; what the application asks for later wins"},
	/* A reaction: a neutral word, whose value is 0, or deny:ERRNO, whose value is the errno. */
	{V6_LIST_ON_CONTRARY, "allow", 0, "it reaches the kernel as usual"},
	{V6_LIST_ON_CONTRARY, "deny:ERRNO", 1, "it fails with ERRNO and does not reach the kernel"},
	{V6_LIST_ORDER, "app", V6_ORDER_APP, "the application and the resolver decide"},
	{V6_LIST_ORDER, "ipv4-first", V6_ORDER_IPV4_FIRST, "passive getaddrinfo lists IPv4 first"},
	{V6_LIST_ORDER, "ipv6-first", V6_ORDER_IPV6_FIRST, "passive getaddrinfo lists IPv6 first"},
	{V6_LIST_ON_DISORDER, "log", 0, "the second bind of the pair is logged as disorder"},
	{V6_LIST_ON_DISORDER, "deny:ERRNO", 1,
		"the bind of the family whose turn has not come fails with ERRNO"},
	{V6_LIST_ON_CONFLICT, "fail", V6_ON_CONFLICT_FAIL, "EADDRINUSE reaches the application"},
	{V6_LIST_ON_CONFLICT, "resolve", V6_ON_CONFLICT_RESOLVE,
		"split where that is possible, share otherwise"},
	{V6_LIST_ON_CONFLICT, "share", V6_ON_CONFLICT_SHARE,
		"SO_REUSEPORT on both sockets of this process"},
	{V6_LIST_ON_CONFLICT, "share-ipv6", V6_ON_CONFLICT_SHARE_IPV6,
		"share only where the IPv6 socket comes second (FreeBSD, macOS)"},
	{V6_LIST_ON_MAPPED, "allow", 0, "the kernel answers: EINVAL"},
	{V6_LIST_ON_MAPPED, "deny:ERRNO", 1, "it fails with ERRNO"},
	{V6_LIST_ON_NONBOOLEAN, "allow", 0, "the kernel takes any other value for 1"},
	{V6_LIST_ON_NONBOOLEAN, "deny:ERRNO", 1,
		"it fails with ERRNO and does not reach the kernel"},
	{V6_LIST_MODE, "enforce", V6_MODE_ENFORCE, "decide, act and log"},
	{V6_LIST_MODE, "log", V6_MODE_LOG, "decide and log, change nothing at all"},
	/* The last two are read, and never written: other names of an earlier one. */
	{V6_LIST_PROFILE, "none", V6_PROFILE_NONE, "no profile"},
	{V6_LIST_PROFILE, "linux", V6_PROFILE_LINUX,
		"Linux as it comes: dual-stack, IPv4 listed first"},
	{V6_LIST_PROFILE, "freebsd", V6_PROFILE_FREEBSD, "FreeBSD"},
	{V6_LIST_PROFILE, "netbsd", V6_PROFILE_NETBSD, "NetBSD"},
	{V6_LIST_PROFILE, "openbsd", V6_PROFILE_OPENBSD, "OpenBSD: never dual-stack"},
	{V6_LIST_PROFILE, "dragonfly", V6_PROFILE_DRAGONFLY, "DragonFly BSD: never dual-stack"},
	{V6_LIST_PROFILE, "macos", V6_PROFILE_MACOS, "macOS"},
	{V6_LIST_PROFILE, "illumos", V6_PROFILE_ILLUMOS, "illumos, OpenIndiana, Solaris"},
	{V6_LIST_PROFILE, "windows", V6_PROFILE_WINDOWS, "Windows Vista and later"},
	{V6_LIST_PROFILE, "qnx", V6_PROFILE_QNX, "QNX 6.4 (approximate)"},
	{V6_LIST_PROFILE, "ibmi", V6_PROFILE_IBMI, "IBM i (approximate)"},
	{V6_LIST_PROFILE, "aix", V6_PROFILE_AIX, "AIX (approximate)"},
	{V6_LIST_PROFILE, "bindv6only=0", V6_PROFILE_BINDV6ONLY_0,
		"the sysctl net.ipv6.bindv6only at 0, for this program"},
	{V6_LIST_PROFILE, "bindv6only=1", V6_PROFILE_BINDV6ONLY_1,
		"the sysctl net.ipv6.bindv6only at 1, for this program"},
	{V6_LIST_PROFILE, "openindiana", V6_PROFILE_ILLUMOS, "illumos"},
	{V6_LIST_PROFILE, "solaris", V6_PROFILE_ILLUMOS, "illumos"},
	{V6_LIST_LOG, "stderr", V6_LOG_STDERR, "standard error"},
	{V6_LIST_LOG, "off", V6_LOG_OFF, "nowhere"},
	{V6_LIST_LOG, "syslog", V6_LOG_SYSLOG, "the system log, by /dev/log"},
	{V6_LIST_LOG, "fd:N", V6_LOG_FD, "the open descriptor N"},
	{V6_LIST_LOG, "/PATH", V6_LOG_PATH,
		"a file or FIFO; %p the process id, %n the program's name, %%"},
	{V6_LIST_LOG_FORMAT, "text", V6_LOG_FORMAT_TEXT, "one line a record, for a person"},
	{V6_LIST_LOG_FORMAT, "json", V6_LOG_FORMAT_JSON,
		"one object a line; the default of a path"},
	{V6_LIST_LOG_LEVEL, "change", V6_LOG_LEVEL_CHANGE,
		"also what was changed, refused or found"},
	{V6_LIST_LOG_LEVEL, "error", V6_LOG_LEVEL_ERROR, "only what went wrong in the shim"},
	{V6_LIST_LOG_LEVEL, "bind", V6_LOG_LEVEL_BIND,
		"also every bind, listen, passive getaddrinfo, inherited socket; a path's default"},
	{V6_LIST_LOG_LEVEL, "all", V6_LOG_LEVEL_ALL, "also socket, setsockopt and load"},
	{V6_LIST_ORIGIN, "default", V6_ORIGIN_DEFAULT, ""},
	{V6_LIST_ORIGIN, "profile", V6_ORIGIN_PROFILE, ""},
	{V6_LIST_ORIGIN, "file", V6_ORIGIN_FILE, ""},
	{V6_LIST_ORIGIN, "environment", V6_ORIGIN_ENVIRONMENT, ""},
	{V6_LIST_ORIGIN, "option", V6_ORIGIN_OPTION, ""},
	{V6_LIST_MATCHER, "program", V6_MATCHER_PROGRAM, ""},
	{V6_LIST_MATCHER, "port", V6_MATCHER_PORT, ""},
	{V6_LIST_MATCHER, "proto", V6_MATCHER_PROTO, ""},
	{V6_LIST_FAMILY, "inet", V6_FAMILY_INET, ""},
	{V6_LIST_FAMILY, "inet6", V6_FAMILY_INET6, ""},
	{V6_LIST_TYPE, "stream", V6_TYPE_STREAM, ""},
	{V6_LIST_TYPE, "dgram", V6_TYPE_DGRAM, ""},
	{V6_LIST_TYPE, "raw", V6_TYPE_RAW, ""},
	{V6_LIST_TYPE, "seqpacket", V6_TYPE_SEQPACKET, ""},
	{V6_LIST_TYPE, "other", V6_TYPE_OTHER, ""},
	{V6_LIST_PROTO, "tcp", V6_PROTO_TCP, ""},
	{V6_LIST_PROTO, "udp", V6_PROTO_UDP, ""},
	{V6_LIST_PROTO, "mptcp", V6_PROTO_MPTCP, ""},
	{V6_LIST_PROTO, "sctp", 132, ""},
	{V6_LIST_PROTO, "dccp", 33, ""},
	{V6_LIST_PROTO, "udplite", V6_PROTO_UDPLITE, ""},
	{V6_LIST_PROTO, "icmp", 1, ""},
	{V6_LIST_PROTO, "ipv6-icmp", 58, ""},
	{V6_LIST_PROTO, "l2tp", 115, ""},
	{V6_LIST_PROTO, "smc", 256, ""},
	{V6_LIST_VIA, "preload", V6_VIA_PRELOAD, ""},
	{V6_LIST_VIA, "supervise", V6_VIA_SUPERVISE, ""},
	{V6_LIST_EVENT, "load", V6_EVENT_LOAD, ""},
	{V6_LIST_EVENT, "socket", V6_EVENT_SOCKET, ""},
	{V6_LIST_EVENT, "setsockopt", V6_EVENT_SETSOCKOPT, ""},
	{V6_LIST_EVENT, "bind", V6_EVENT_BIND, ""},
	{V6_LIST_EVENT, "listen", V6_EVENT_LISTEN, ""},
	{V6_LIST_EVENT, "getaddrinfo", V6_EVENT_GETADDRINFO, ""},
	{V6_LIST_EVENT, "inherit", V6_EVENT_INHERIT, ""},
	{V6_LIST_EVENT, "lost", V6_EVENT_LOST, ""},
	{V6_LIST_EVENT, "error", V6_EVENT_ERROR, ""},
	{V6_LIST_ACTION, "none", V6_ACTION_NONE, ""},
	{V6_LIST_ACTION, "set", V6_ACTION_SET, ""},
	{V6_LIST_ACTION, "override", V6_ACTION_OVERRIDE, ""},
	{V6_LIST_ACTION, "deny", V6_ACTION_DENY, ""},
	{V6_LIST_ACTION, "split", V6_ACTION_SPLIT, ""},
	{V6_LIST_ACTION, "share", V6_ACTION_SHARE, ""},
	{V6_LIST_ACTION, "yield", V6_ACTION_YIELD, ""},
	{V6_LIST_ACTION, "reorder", V6_ACTION_REORDER, ""},
	{V6_LIST_FINDING, "none", V6_FINDING_NONE, ""},
	{V6_LIST_FINDING, "conflict", V6_FINDING_CONFLICT, ""},
	{V6_LIST_FINDING, "disorder", V6_FINDING_DISORDER, ""},
	{V6_LIST_FINDING, "contrary", V6_FINDING_CONTRARY, ""},
	{V6_LIST_FINDING, "unenforced", V6_FINDING_UNENFORCED, ""},
	{V6_LIST_FINDING, "ipv4-socket", V6_FINDING_IPV4_SOCKET, ""},
	{V6_LIST_END, "", 0, ""},
};

const struct v6_word *v6_words(enum v6_list list)
{
	size_t low = 0, high = sizeof(table) / sizeof(*table) - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table[middle].list < list)
			low = middle + 1;
		else
			high = middle;
	}
	return &table[low];
}

const char *v6_word(enum v6_list list, unsigned value)
{
	for (const struct v6_word *w = v6_words(list); w->list == list; w++)
		if (w->value == value)
			return w->word;
	return NULL;
}

int v6_word_value(enum v6_list list, struct v6_slice word)
{
	for (const struct v6_word *w = v6_words(list); w->list == list; w++)
		if (v6_slice_is(word, w->word))
			return w->value;
	return -1;
}

const char *v6_setting_name(enum v6_setting id)
{
	return v6_word(V6_LIST_SETTING, id);
}

enum v6_setting v6_setting_by_name(struct v6_slice name)
{
	int id = v6_word_value(V6_LIST_SETTING, name);

	return id < 0 ? V6_SETTING_COUNT : (enum v6_setting)id;
}

static const char env_prefix[] = "V6SHIM_";

void v6_setting_env_name(struct v6_text *t, enum v6_setting id)
{
	v6_text_str(t, env_prefix);
	for (const char *c = v6_setting_name(id); *c; c++)
		v6_text_char(t, *c == '-' ? '_' : (char)(*c - 'a' + 'A'));
}

bool v6_setting_env_ours(struct v6_slice name)
{
	return v6_slice_begins(name, env_prefix) && !v6_slice_is(name, V6_LOG_HANDED) &&
	       !v6_slice_is(name, V6_REACH_VARIABLE);
}

enum v6_setting v6_setting_by_env_name(struct v6_slice name)
{
	unsigned id = 0;

	for (; id < V6_SETTING_COUNT; id++) {
		char buf[32];
		struct v6_text t = v6_text_in(buf, sizeof(buf));

		v6_setting_env_name(&t, id);
		if (v6_slice_is(name, buf))
			break;
	}
	return id;
}

const char *v6_setting_help(enum v6_setting id)
{
	return v6_words(V6_LIST_SETTING)[id].meaning;
}

void v6_words_text(struct v6_text *t, enum v6_list list)
{
	const char *comma = "";

	for (const struct v6_word *w = v6_words(list); w->list == list; w++) {
		if (v6_word(list, w->value) != w->word ||
			(list == V6_LIST_PROFILE && w->value == V6_PROFILE_NONE))
			continue;
		v6_text_print(t, "%s%s", comma, w->word);
		comma = ", ";
	}
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
