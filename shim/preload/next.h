/*
 * The next definition of each interposed call: another preloaded library's, or libc's.
 */
#ifndef V6_NEXT_H
#define V6_NEXT_H

#include <netdb.h>
#include <sys/socket.h>

#include "../govern/self.h"
#include "../govern/sys.h"

struct v6_next {
	int (*socket)(int, int, int);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	v6_self_clock *getcpuclockid;
};

/*
 * Never NULL but for getaddrinfo, which is NULL until v6_next_resolve(). A call that comes before that
 * goes straight to the kernel: the dynamic linker may not be asked from inside a call that is
 * async-signal-safe.
 */
extern struct v6_next v6_next;

/* Asks the dynamic linker; first thing in the constructor, and by a getaddrinfo before it. */
void v6_next_resolve(void);

/* The kernel's own clock_gettime (vdso(7)), or NULL. Asks the dynamic linker: for the constructor. */
v6_sys_clock *v6_next_clock(void);

#endif
