/*
 * What linux/seccomp.h, linux/filter.h and linux/audit.h have, which not every libc comes
 * with, and numbers that are the same on every machine.
 */
#ifndef V6_ABI_H
#define V6_ABI_H

#include <stdint.h>
#include <sys/syscall.h>

/* struct seccomp_data, seccomp_notif and seccomp_notif_resp. seccomp_unotify(2). */
struct v6_abi_call {
	int32_t nr;
	uint32_t arch;
	uint64_t ip;
	uint64_t arg[6];
};

struct v6_abi_notification {
	uint64_t id;
	uint32_t tid; /* in the pid namespace of who receives */
	uint32_t flags;
	struct v6_abi_call call;
};

struct v6_abi_answer {
	uint64_t id;
	int64_t value;
	int32_t error; /* negated */
	uint32_t flags;
};

_Static_assert(sizeof(struct v6_abi_notification) == 80, "as the kernel has it");
_Static_assert(sizeof(struct v6_abi_answer) == 24, "as the kernel has it");

/* ioctl(2) of a listener; the sizes above are in them. */
#define V6_NOTIF_RECV      0xc0502100UL
#define V6_NOTIF_SEND      0xc0182101UL
#define V6_NOTIF_ID_VALID  0x40082102UL
#define V6_NOTIF_SET_FLAGS 0x40082104UL

enum { V6_NOTIF_CONTINUE = 1, V6_NOTIF_SYNC_WAKE_UP = 1 };

/* Since Linux 5.0; see syscalls(2). Older headers lack some of them. */
enum {
	V6_SYS_PIDFD_SEND_SIGNAL = 424,
	V6_SYS_IO_URING_SETUP = 425,
	V6_SYS_PIDFD_OPEN = 434,
	V6_SYS_CLOSE_RANGE = 436,
	V6_SYS_PIDFD_GETFD = 438,
	V6_SYS_LANDLOCK_RESTRICT_SELF = 446,
};

#endif
