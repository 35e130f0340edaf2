/*
 * A hint, no truth: which ports this process has bound in each family.
 *
 * It costs no system call to keep, and only says when the kernel is worth
 * asking. Never forgotten, inherited by fork, 16 KiB.
 */
#ifndef V6_PORTS_H
#define V6_PORTS_H

#include "../core/address.h"

void v6_ports_mark(enum v6_family family, uint16_t port);
bool v6_ports_marked(enum v6_family family, uint16_t port);

#endif
