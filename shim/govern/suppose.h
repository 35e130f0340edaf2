/*
 * mode=log: what each call would come to, were the mode enforce from the start. Of each socket is
 * remembered in what it would differ from what the kernel has (facts.h), and of those that would
 * have a port which the kernel refused them, that they have it, until the process ends.
 *
 * Supposed is that the program makes the same calls all the same.
 */
#ifndef V6_SUPPOSE_H
#define V6_SUPPOSE_H

#include "holder.h"

/* How many sockets it is remembered of that they would have a port. */
enum { V6_PHANTOMS_MAX = 12 };

/* V6ONLY as it would be, `real` being what the kernel has. */
int v6_suppose_v6only(int ask, int real);

/* A V6ONLY value that only enforce would set, or, `value` V6_UNKNOWN, that both have. */
void v6_suppose_set(int ask, int value);

/*
 * After v6_port_ask() for all: makes the rivals what they would be. The port of those that would not have it
 * is 0.
 */
void v6_suppose_port(struct v6_port *p);

/*
 * After the call was made with mode=log; facts.address is what it is bound to, or was to be. Fills in
 * verdict, holder and enforce, and remembers what would be left. Makes further system calls where
 * it would differ from what the kernel has, for this call or another on the port. With `describe` a
 * conflict's holder is searched for.
 */
void v6_suppose(struct v6_call *c, bool describe);

#endif
