/*
 * Every sentence for a person that a record carries in `note`: what it means,
 * and what would help.
 */
#pragma once

#include "record.h"

/* The socket was bound where the policy had no hold on it. setsockopt, unenforced */
#define V6_ADVICE_BOUND                                                                            \
	"the socket came bound, or was bound past the library (io_uring, syscall), and "           \
	"IPV6_V6ONLY can be set before that only; whoever bound it (systemd: BindIPv6Only=) has "  \
	"to choose, or to be started by v6shim run"

/* The same, for these reasons. unenforced */
#define V6_ADVICE_FILTERED "IPV6_V6ONLY could not be set: a seccomp filter refuses setsockopt"
#define V6_ADVICE_CLIENT                                                                           \
	"it was bound to port 0 without SO_REUSEADDR, as clients are that connect afterwards; a "  \
	"rule with port=0 that sets policy governs such sockets"

/* ipv4-socket */
#define V6_ADVICE_IPV4                                                                             \
	"an IPv4 socket, on which no policy has a hold: whether IPv4 is served here is for the "   \
	"program's own settings to say"

/* bind, the first whose V6ONLY was 1 and is 0 */
#define V6_ADVICE_MAPPED                                                                           \
	"IPv4 clients come as ::ffff:a.b.c.d now, which lists of IPv4 addresses that the program " \
	"goes by (who may, who may not) do not name"

/* getaddrinfo */
#define V6_ADVICE_NO_REORDER "no IPv6 socket can be made here: order=ipv6-first reorders nothing"

/* Of a supervised process, once. error */
#define V6_ADVICE_UNDUMPABLE                                                                       \
	"the supervisor may not see into this process (PR_SET_DUMPABLE, set-id, a program that "   \
	"cannot be read), so that it may not bind IPv4 and IPv6 sockets; start v6shim as root"
#define V6_ADVICE_LEFT                                                                             \
	"the supervisor may not make calls for this process, which has another user namespace, "   \
	"security label, or Landlock: it makes them itself, V6ONLY is set before, and conflicts "  \
	"are not handled"
#define V6_ADVICE_IO_URING "this process uses io_uring: what it binds by that is not governed"

/* load */
#define V6_ADVICE_NO_COOKIE                                                                        \
	"no SO_COOKIE here (Linux has it since 4.12): sockets are told apart by their inode "      \
	"numbers"
#define V6_ADVICE_NO_ROOM "the settings do not fit into a record"

/* mode=log: why it is undecided what enforce would come to. bind, listen */
#define V6_ADVICE_OTHERS                                                                           \
	"it depends on another process, and on whether that is under the same settings"
#define V6_ADVICE_OTHER_WAY                                                                        \
	"an earlier call would have had another outcome, and the program might have gone another " \
	"way"
#define V6_ADVICE_FORGOTTEN "more sockets would have been otherwise than are remembered"

/*
 * Of a conflict: what holds the port, whether it is dual-stack, and what was
 * done or which setting, that is not on already, would let both live. Without a holder it says
 * that none was found.
 */
V6_COLD void v6_advice_conflict(
	struct v6_text *t, const struct v6_record *r, const struct v6_knobs *knobs);

/* Of a socket that was refused for want of IPv6: what that means under the settings. */
V6_COLD void v6_advice_no_ipv6(struct v6_text *t, const struct v6_knobs *knobs);

/* Of a port bound against the order. */
V6_COLD void v6_advice_disorder(struct v6_text *t, const struct v6_record *r, enum v6_order order);
