/* The way in by preload: the governed calls made from inside the caller's process. */
#pragma once

#include <netdb.h>
#include <stdatomic.h>

#include "../govern/live.h"

/*
 * The next definition of each interposed call: another preloaded library's, or libc's. Never NULL
 * but for getaddrinfo, which is NULL until v6_next_resolve(). A call before that goes straight to
 * the kernel: what is async-signal-safe may not ask the dynamic linker.
 */
extern struct v6_next {
	int (*socket)(int, int, int);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
} v6_next;

/* Asks the dynamic linker; first thing in the constructor, and by a getaddrinfo before it. */
void v6_next_resolve(void);

/* 0: not settled; 1: settled. Anything else: being settled. */
extern atomic_int v6_preload_state;

/*
 * Puts the settings in force by whoever comes first: the constructor, or a call that
 * arrived before it. Bounded; safe in a signal handler and after fork.
 */
void v6_preload_settle(void);

static inline void v6_preload_settled(void)
{
	if (__builtin_expect(atomic_load_explicit(&v6_preload_state, memory_order_acquire) != 1, 0))
		v6_preload_settle();
}

/* A call of this process's, for what is governed or recorded without an interposed call. */
struct v6_call v6_preload_call(int fd);

/*
 * Who calls: this process; filled in once by v6_preload_settle(). And what is said at the
 * first call that a broken configuration refuses.
 */
extern struct v6_caller v6_preload_caller;
void v6_preload_complain(void);
