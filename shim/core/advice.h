/*
 * Every sentence for a person that a record carries in `note`: what it means,
 * and what would help.
 */
#ifndef V6_ADVICE_H
#define V6_ADVICE_H

#include "record.h"

/* The socket is bound already, so that V6ONLY was refused. setsockopt */
#define V6_ADVICE_BOUND                                                                            \
	"the socket is bound already, and IPV6_V6ONLY can be set before that only; whoever "       \
	"bound it (systemd: BindIPv6Only=) has to choose"

/* V6ONLY could not be set. error */
#define V6_ADVICE_FILTERED                                                                         \
	"IPV6_V6ONLY could not be set, and the policy is not in force: a seccomp filter "          \
	"refuses setsockopt"

/* load */
#define V6_ADVICE_NO_COOKIE                                                                        \
	"no SO_COOKIE here (Linux has it since 4.12): sockets are told apart by their inode "      \
	"numbers"
#define V6_ADVICE_NO_ROOM "the settings do not fit into a record"

/* mode=log: why it is undecided what enforce would come to. bind, listen */
#define V6_ADVICE_OTHERS                                                                           \
	"it depends on another process, and on whether that is under the same settings"
#define V6_ADVICE_OTHER_WAY                                                                        \
	"an earlier call would have had another outcome, and the program might have gone another way"
#define V6_ADVICE_FORGOTTEN                                                                        \
	"more sockets would have been otherwise than are remembered"

/*
 * Of a conflict: what holds the port, whether it is dual-stack, and what was
 * done or which setting, that is not on already, would let both live. Without a holder it says
 * that none was found.
 */
void v6_advice_conflict(struct v6_text *t, const struct v6_record *r, const struct v6_knobs *knobs);

/* Of a port bound against the order. */
void v6_advice_disorder(struct v6_text *t, const struct v6_record *r, enum v6_order order);

#endif
