/*
 * The terms of decisions and records: events, actions, findings, socket types
 * and protocols. One list each, for the enum and for its words.
 */
#ifndef V6_TERMS_H
#define V6_TERMS_H

#include "text.h"

#define V6_EVENTS(X)                                                                               \
	X(LOAD, "load")                                                                            \
	X(SOCKET, "socket")                                                                        \
	X(SETSOCKOPT, "setsockopt")                                                                \
	X(BIND, "bind")                                                                            \
	X(LISTEN, "listen")                                                                        \
	X(GETADDRINFO, "getaddrinfo")                                                              \
	X(INHERIT, "inherit")                                                                      \
	X(LOST, "lost")                                                                            \
	X(ERROR, "error")

#define V6_ACTIONS(X)                                                                              \
	X(NONE, "none")                                                                            \
	X(SET, "set")                                                                              \
	X(OVERRIDE, "override") /* set against what the application asked for */                   \
	X(DENY, "deny")                                                                            \
	X(SPLIT, "split")                                                                          \
	X(SHARE, "share")                                                                          \
	X(YIELD, "yield")                                                                          \
	X(REORDER, "reorder")

#define V6_FINDINGS(X)                                                                             \
	X(NONE, "none")                                                                            \
	X(CONFLICT, "conflict")                                                                    \
	X(DISORDER, "disorder")                                                                    \
	X(CONTRARY, "contrary")

#define V6_TYPES(X)                                                                                \
	X(UNKNOWN, "")                                                                             \
	X(STREAM, "stream")                                                                        \
	X(DGRAM, "dgram")                                                                          \
	X(RAW, "raw")                                                                              \
	X(SEQPACKET, "seqpacket")                                                                  \
	X(OTHER, "other")

#define V6_EVENT_ENUM(id, word)   V6_EVENT_##id,
#define V6_ACTION_ENUM(id, word)  V6_ACTION_##id,
#define V6_FINDING_ENUM(id, word) V6_FINDING_##id,
#define V6_TYPE_ENUM(id, word)    V6_TYPE_##id,
enum v6_event { V6_EVENTS(V6_EVENT_ENUM) V6_EVENT_COUNT };
enum v6_action { V6_ACTIONS(V6_ACTION_ENUM) V6_ACTION_COUNT };
enum v6_finding { V6_FINDINGS(V6_FINDING_ENUM) V6_FINDING_COUNT };
enum v6_type { V6_TYPES(V6_TYPE_ENUM) V6_TYPE_COUNT };

const char *v6_event_name(enum v6_event event);
const char *v6_action_name(enum v6_action action);
const char *v6_finding_name(enum v6_finding finding);
const char *v6_type_name(enum v6_type type);

/* The enum of a word, or the COUNT of that enum where it is nobody's. */
enum v6_event v6_event_parse(struct v6_slice word);
enum v6_action v6_action_parse(struct v6_slice word);
enum v6_finding v6_finding_parse(struct v6_slice word);
enum v6_type v6_type_parse(struct v6_slice word);

/* The enum of a SOCK_* value, SOCK_CLOEXEC and SOCK_NONBLOCK apart. */
enum v6_type v6_type_of(int sock_type);

/* The type of every socket of a protocol but raw ones, UNKNOWN where it has several or none. */
enum v6_type v6_type_of_proto(int proto);

/* An IPPROTO_* number by the name of /etc/protocols, or in digits. */
void v6_proto_text(struct v6_text *t, int proto);

/* The number of such a name or of digits 0..65535; -1 where it is neither. */
int v6_proto_parse(struct v6_slice word);

/* Walks the names: the i-th, NULL past the last. */
const char *v6_proto_name_at(unsigned i);

#endif
