/*
 * The profiles: each a named row of ordinary settings, so that an application
 * meets another system's defaults, errors and order (FACTS.md, section 2).
 */
#ifndef V6_PROFILE_H
#define V6_PROFILE_H

#include "text.h"

/*
 * Identifier, name, what it stands for, its settings as a rule writes them.
 * Where a system's behaviour is not confirmed the setting is left out.
 */
#define V6_PROFILES(X)                                                                             \
	X(LINUX, "linux", "Linux as it comes: dual-stack, IPv4 listed first",                      \
		"policy=default-both order=ipv4-first")                                            \
	X(FREEBSD, "freebsd", "FreeBSD",                                                           \
		"policy=default-ipv6-only order=ipv6-first on-conflict=share-ipv6 "                \
		"on-mapped=deny:EADDRNOTAVAIL")                                                    \
	X(NETBSD, "netbsd", "NetBSD",                                                              \
		"policy=default-ipv6-only order=ipv6-first on-conflict=share")                     \
	X(OPENBSD, "openbsd", "OpenBSD: never dual-stack",                                         \
		"policy=default-ipv6-only on-contrary=deny:EINVAL order=ipv4-first "               \
		"on-mapped=deny:EADDRNOTAVAIL")                                                    \
	X(DRAGONFLY, "dragonfly", "DragonFly BSD: never dual-stack",                               \
		"policy=default-ipv6-only on-contrary=deny:EOPNOTSUPP order=ipv6-first "           \
		"on-mapped=deny:EADDRNOTAVAIL")                                                    \
	X(MACOS, "macos", "macOS",                                                                 \
		"policy=default-both order=ipv4-first on-conflict=share-ipv6 "                     \
		"on-mapped=deny:EADDRNOTAVAIL")                                                    \
	X(ILLUMOS, "illumos", "illumos, OpenIndiana, Solaris",                                     \
		"policy=default-both order=ipv6-first on-conflict=share "                          \
		"on-mapped=deny:EADDRNOTAVAIL on-nonboolean=deny:EINVAL")                          \
	X(WINDOWS, "windows", "Windows Vista and later", "policy=default-ipv6-only")               \
	X(QNX, "qnx", "QNX 6.4 (approximate)", "policy=default-ipv6-only on-conflict=share")       \
	X(IBMI, "ibmi", "IBM i (approximate)", "policy=default-both")                              \
	X(AIX, "aix", "AIX (approximate)", "policy=default-both")                                  \
	X(BINDV6ONLY_0, "bindv6only=0", "the sysctl net.ipv6.bindv6only at 0, for this program",   \
		"policy=default-both")                                                             \
	X(BINDV6ONLY_1, "bindv6only=1", "the sysctl net.ipv6.bindv6only at 1, for this program",   \
		"policy=default-ipv6-only")

#define V6_PROFILE_ENUM(id, name, title, settings) V6_PROFILE_##id,
enum v6_profile { V6_PROFILE_NONE, V6_PROFILES(V6_PROFILE_ENUM) V6_PROFILE_COUNT };

/* Name, title and settings; "" for NONE. */
const char *v6_profile_name(enum v6_profile profile);
const char *v6_profile_title(enum v6_profile profile);
const char *v6_profile_settings(enum v6_profile profile);

/*
 * The profile of a name, openindiana and solaris being illumos; V6_PROFILE_COUNT
 * where there is none.
 */
enum v6_profile v6_profile_by_name(struct v6_slice name);

/* Walks the other names: the i-th and what it stands for, NULL past the last. */
const char *v6_profile_alias(unsigned i, enum v6_profile *profile);

#endif
