/*
 * What each system that a profile stands for does, how that is known, and what
 * of it a program meets on Linux under the shim: for people to read. None of it
 * decides anything, so that it has no place in the library.
 *
 * From FACTS.md, section 2 and, for Linux, section 1.
 */
#ifndef V6_FACETS_H
#define V6_FACETS_H

#include "../core/profile.h"
#include "../core/settings.h"

/*
 * Identifier, title. "mapped" is ::ffff:127.0.0.1 on a socket whose V6ONLY is 1;
 * "IPv4 before dual-stack" is 0.0.0.0 and then `::` with V6ONLY 0 on one port.
 */
#define V6_FACETS(X)                                                                               \
	X(INITIAL, "a new socket's V6ONLY")                                                        \
	X(KNOB, "what changes that")                                                               \
	X(NAME, "name of the option")                                                              \
	X(SCOPE, "what it acts on")                                                                \
	X(SET_0, "set to 0")                                                                       \
	X(SET_1, "set to 1")                                                                       \
	X(SET_2, "set to 2")                                                                       \
	X(AFTER_BIND, "set after bind")                                                            \
	X(IPV4_FIRST, "IPv4 before dual-stack")                                                    \
	X(IPV6_FIRST, "dual-stack before IPv4")                                                    \
	X(MAPPED_BIND, "mapped bind")                                                              \
	X(MAPPED_TCP, "mapped TCP connect")                                                        \
	X(MAPPED_UDP, "mapped UDP connect")                                                        \
	X(PASSIVE, "passive getaddrinfo")

/* How it is known; the last two make a facet approximate. */
#define V6_KNOWLEDGE(X)                                                                            \
	X(MEASURED, "measured")                                                                    \
	X(SOURCE, "source")                                                                        \
	X(DOCUMENTED, "documented")                                                                \
	X(DISPUTED, "source; reports differ")                                                      \
	X(REPORT, "user's report")                                                                 \
	X(INFERRED, "approximate: inferred")                                                       \
	X(UNCONFIRMED, "approximate: not known")

#define V6_FACET_ENUM(id, title) V6_FACET_##id,
#define V6_KNOWN_ENUM(id, words) V6_KNOWN_##id,
enum v6_facet_id { V6_FACETS(V6_FACET_ENUM) V6_FACET_COUNT };
enum v6_known { V6_KNOWLEDGE(V6_KNOWN_ENUM) V6_KNOWN_COUNT };

enum v6_given {
	V6_GIVEN_KERNEL,  /* Linux does the same of itself */
	V6_GIVEN_SETTING, /* by a setting of the profile */
	V6_GIVEN_PART,    /* by a setting, but for what `why` says */
	V6_GIVEN_NOT,     /* `why` says what is met instead */
	V6_GIVEN_OPEN,    /* not known, so that it is left to Linux */
};

struct v6_facet {
	const char *does; /* NULL: nothing is said of it */
	const char *why;  /* PART and NOT; NULL otherwise */
	uint8_t known;    /* enum v6_known */
	uint8_t given;    /* enum v6_given */
	uint8_t by;       /* enum v6_setting: SETTING and PART */
};

const struct v6_facet *v6_facet(enum v6_profile profile, enum v6_facet_id id);
const char *v6_facet_title(enum v6_facet_id id);
const char *v6_known_words(enum v6_known known);

/* Whether what is said of a facet is inferred or not known. */
bool v6_facet_approximate(const struct v6_facet *facet);

#endif
