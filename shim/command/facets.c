#include "facets.h"

#include <stddef.h>

/* What is met on Linux instead, and why. */
static const char after_bind[] = "EINVAL: Linux takes the option before bind alone";
static const char no_connect[] = "ENETUNREACH: connect is not interposed";
static const char one_process[] =
	"EADDRINUSE where the two sockets are of two processes: only one's own can be shared";
static const char option_name[] =
	"IPV6_V6ONLY: a program that is compiled on Linux calls it by that name";
static const char every_socket[] = "every IPv6 socket has it, single addresses too";

/* clang-format off */
#define ROW(does, why, known, given, by) \
	{does, why, V6_KNOWN_##known, V6_GIVEN_##given, by}
#define KERNEL(does, known)             ROW(does, NULL, known, KERNEL, 0)
#define BY(setting, does, known)        ROW(does, NULL, known, SETTING, V6_SETTING_##setting)
#define PART(setting, does, known, why) ROW(does, why, known, PART, V6_SETTING_##setting)
#define NOT(does, known, why)           ROW(does, why, known, NOT, 0)
#define OPEN                            ROW("?", NULL, UNCONFIRMED, OPEN, 0)
#define F(id)                           [V6_FACET_##id]

static const struct v6_facet table[V6_PROFILE_COUNT][V6_FACET_COUNT] = {
	[V6_PROFILE_LINUX] = {
		F(INITIAL) = BY(POLICY, "0", MEASURED),
		F(KNOB) = BY(POLICY, "sysctl net.ipv6.bindv6only", MEASURED),
		F(SET_0) = KERNEL("ok", MEASURED),
		F(SET_1) = KERNEL("ok", MEASURED),
		F(SET_2) = KERNEL("ok, reads 1", MEASURED),
		F(AFTER_BIND) = KERNEL("EINVAL", MEASURED),
		F(IPV4_FIRST) = KERNEL("EADDRINUSE", MEASURED),
		F(IPV6_FIRST) = KERNEL("EADDRINUSE", MEASURED),
		F(MAPPED_BIND) = KERNEL("EINVAL", MEASURED),
		F(MAPPED_TCP) = KERNEL("ENETUNREACH", MEASURED),
		F(MAPPED_UDP) = KERNEL("ENETUNREACH", MEASURED),
		F(PASSIVE) = BY(ORDER, "IPv4, IPv6", MEASURED),
	},
	[V6_PROFILE_FREEBSD] = {
		F(INITIAL) = BY(POLICY, "1", SOURCE),
		F(KNOB) = BY(POLICY, "sysctl net.inet6.ip6.v6only", SOURCE),
		F(SET_0) = KERNEL("ok", SOURCE),
		F(SET_1) = KERNEL("ok", SOURCE),
		F(AFTER_BIND) = KERNEL("EINVAL", SOURCE),
		F(IPV4_FIRST) = PART(ON_CONFLICT, "ok, of the same user", SOURCE, one_process),
		F(IPV6_FIRST) = KERNEL("EADDRINUSE", SOURCE),
		F(MAPPED_BIND) = BY(ON_MAPPED, "EADDRNOTAVAIL", INFERRED),
		F(MAPPED_TCP) = NOT("EINVAL", SOURCE, no_connect),
		F(MAPPED_UDP) = NOT("EINVAL", SOURCE, no_connect),
		F(PASSIVE) = BY(ORDER, "IPv6, IPv4", SOURCE),
	},
	[V6_PROFILE_NETBSD] = {
		F(INITIAL) = BY(POLICY, "1", SOURCE),
		F(KNOB) = BY(POLICY, "sysctl net.inet6.ip6.v6only", SOURCE),
		F(SET_0) = KERNEL("ok", SOURCE),
		F(SET_1) = KERNEL("ok", SOURCE),
		F(AFTER_BIND) = KERNEL("EINVAL", SOURCE),
		F(IPV4_FIRST) = PART(ON_CONFLICT, "ok", SOURCE, one_process),
		F(IPV6_FIRST) = PART(ON_CONFLICT, "ok", INFERRED, one_process),
		F(MAPPED_BIND) = KERNEL("EINVAL", SOURCE),
		F(MAPPED_TCP) = NOT("EINVAL", SOURCE, no_connect),
		F(MAPPED_UDP) = NOT("EINVAL", SOURCE, no_connect),
		F(PASSIVE) = BY(ORDER, "IPv6, IPv4", SOURCE),
	},
	[V6_PROFILE_OPENBSD] = {
		F(INITIAL) = BY(POLICY, "1", SOURCE),
		F(KNOB) = BY(POLICY, "nothing", SOURCE),
		F(SET_0) = BY(ON_CONTRARY, "EINVAL", SOURCE),
		F(SET_1) = KERNEL("ok", SOURCE),
		F(AFTER_BIND) = KERNEL("EINVAL", SOURCE),
		F(IPV4_FIRST) = BY(POLICY, "ok: it is never dual-stack", SOURCE),
		F(IPV6_FIRST) = BY(POLICY, "ok: it is never dual-stack", SOURCE),
		F(MAPPED_BIND) = BY(ON_MAPPED, "EADDRNOTAVAIL", SOURCE),
		F(MAPPED_TCP) = NOT("EADDRNOTAVAIL", SOURCE, no_connect),
		F(MAPPED_UDP) = NOT("EADDRNOTAVAIL", SOURCE, no_connect),
		F(PASSIVE) = BY(ORDER, "IPv4, IPv6", INFERRED),
	},
	[V6_PROFILE_DRAGONFLY] = {
		F(INITIAL) = BY(POLICY, "1", SOURCE),
		F(KNOB) = BY(POLICY, "nothing", SOURCE),
		F(SET_0) = BY(ON_CONTRARY, "EOPNOTSUPP", SOURCE),
		F(SET_1) = KERNEL("ok", SOURCE),
		F(AFTER_BIND) = KERNEL("EINVAL, which comes first", SOURCE),
		F(IPV4_FIRST) = BY(POLICY, "ok: it is never dual-stack", SOURCE),
		F(IPV6_FIRST) = BY(POLICY, "ok: it is never dual-stack", SOURCE),
		F(MAPPED_BIND) = BY(ON_MAPPED, "EADDRNOTAVAIL", SOURCE),
		F(MAPPED_TCP) = NOT("EADDRNOTAVAIL", SOURCE, no_connect),
		F(MAPPED_UDP) = NOT("EADDRNOTAVAIL", SOURCE, no_connect),
		F(PASSIVE) = BY(ORDER, "IPv6, IPv4", INFERRED),
	},
	[V6_PROFILE_MACOS] = {
		F(INITIAL) = BY(POLICY, "0", SOURCE),
		F(KNOB) = BY(POLICY, "sysctl net.inet6.ip6.v6only", SOURCE),
		F(SET_0) = KERNEL("ok", SOURCE),
		F(SET_1) = KERNEL("ok", SOURCE),
		F(AFTER_BIND) = KERNEL("EINVAL", SOURCE),
		F(IPV4_FIRST) = PART(ON_CONFLICT, "ok: tcp46 beside tcp4", SOURCE, one_process),
		F(IPV6_FIRST) = KERNEL("EADDRINUSE, since 10.9", DISPUTED),
		F(MAPPED_BIND) = BY(ON_MAPPED, "EADDRNOTAVAIL", INFERRED),
		F(MAPPED_TCP) = NOT("EAFNOSUPPORT", SOURCE, no_connect),
		F(MAPPED_UDP) = NOT("EINVAL", SOURCE, no_connect),
		F(PASSIVE) = BY(ORDER, "IPv4, IPv6", SOURCE),
	},
	[V6_PROFILE_ILLUMOS] = {
		F(INITIAL) = BY(POLICY, "0", SOURCE),
		F(KNOB) = BY(POLICY, "nothing", SOURCE),
		F(SET_0) = KERNEL("ok", SOURCE),
		F(SET_1) = KERNEL("ok", SOURCE),
		F(SET_2) = BY(ON_NONBOOLEAN, "EINVAL", SOURCE),
		F(AFTER_BIND) = NOT("ok, and it takes effect", SOURCE, after_bind),
		F(IPV4_FIRST) = PART(ON_CONFLICT, "ok", SOURCE, one_process),
		F(IPV6_FIRST) = PART(ON_CONFLICT, "ok", SOURCE, one_process),
		F(MAPPED_BIND) = BY(ON_MAPPED, "EADDRNOTAVAIL", SOURCE),
		F(MAPPED_TCP) = NOT("EADDRNOTAVAIL", SOURCE, no_connect),
		F(MAPPED_UDP) = NOT("EADDRNOTAVAIL", SOURCE, no_connect),
		F(PASSIVE) = BY(ORDER, "IPv6, IPv4", SOURCE),
	},
	[V6_PROFILE_WINDOWS] = {
		F(INITIAL) = BY(POLICY, "1", DOCUMENTED),
		F(KNOB) = BY(POLICY, "nothing", DOCUMENTED),
		F(SET_0) = KERNEL("ok", DOCUMENTED),
		F(SET_1) = KERNEL("ok", DOCUMENTED),
		F(AFTER_BIND) = NOT("success", REPORT, after_bind),
		F(IPV4_FIRST) = KERNEL("it fails", DOCUMENTED),
		F(IPV6_FIRST) = KERNEL("it fails", DOCUMENTED),
		F(MAPPED_BIND) = OPEN,
		F(MAPPED_TCP) = OPEN,
		F(MAPPED_UDP) = OPEN,
		F(PASSIVE) = OPEN,
	},
	[V6_PROFILE_QNX] = {
		F(INITIAL) = BY(POLICY, "1, by its NetBSD lineage", UNCONFIRMED),
		F(KNOB) = BY(POLICY, "sysctl net.inet6.ip6.bindv6only", DOCUMENTED),
		F(NAME) = NOT("IPV6_BINDV6ONLY", DOCUMENTED, option_name),
		F(SCOPE) = NOT("wildcard TCP and UDP", DOCUMENTED, every_socket),
		F(SET_0) = OPEN,
		F(SET_1) = OPEN,
		F(AFTER_BIND) = OPEN,
		F(IPV4_FIRST) = PART(ON_CONFLICT, "ok, as on NetBSD", INFERRED, one_process),
		F(IPV6_FIRST) = PART(ON_CONFLICT, "ok, as on NetBSD", INFERRED, one_process),
		F(MAPPED_BIND) = OPEN,
		F(MAPPED_TCP) = OPEN,
		F(MAPPED_UDP) = OPEN,
		F(PASSIVE) = OPEN,
	},
	[V6_PROFILE_IBMI] = {
		F(INITIAL) = BY(POLICY, "0: :: takes both families", DOCUMENTED),
		F(KNOB) = OPEN,
		F(SET_0) = OPEN,
		F(SET_1) = KERNEL("ok", DOCUMENTED),
		F(AFTER_BIND) = OPEN,
		F(IPV4_FIRST) = OPEN,
		F(IPV6_FIRST) = OPEN,
		F(MAPPED_BIND) = OPEN,
		F(MAPPED_TCP) = OPEN,
		F(MAPPED_UDP) = OPEN,
		F(PASSIVE) = OPEN,
	},
	[V6_PROFILE_AIX] = {
		F(INITIAL) = BY(POLICY, "0", INFERRED),
		F(KNOB) = OPEN,
		F(SET_0) = OPEN,
		F(SET_1) = OPEN,
		F(AFTER_BIND) = OPEN,
		F(IPV4_FIRST) = OPEN,
		F(IPV6_FIRST) = OPEN,
		F(MAPPED_BIND) = OPEN,
		F(MAPPED_TCP) = OPEN,
		F(MAPPED_UDP) = OPEN,
		F(PASSIVE) = OPEN,
	},
	/* All else is as the kernel has it that the program runs on. */
	[V6_PROFILE_BINDV6ONLY_0] = {
		F(INITIAL) = BY(POLICY, "0", MEASURED),
	},
	[V6_PROFILE_BINDV6ONLY_1] = {
		F(INITIAL) = BY(POLICY, "1", MEASURED),
	},
};
/* clang-format on */

#define TITLE(id, title) title,
#define WORDS(id, words) words,
static const char *const titles[] = {V6_FACETS(TITLE)};
static const char *const knowledge[] = {V6_KNOWLEDGE(WORDS)};

const struct v6_facet *v6_facet(enum v6_profile profile, enum v6_facet_id id)
{
	return &table[profile][id];
}

const char *v6_facet_title(enum v6_facet_id id)
{
	return titles[id];
}

const char *v6_known_words(enum v6_known known)
{
	return knowledge[known];
}

bool v6_facet_approximate(const struct v6_facet *facet)
{
	return facet->does && facet->known >= V6_KNOWN_INFERRED;
}
