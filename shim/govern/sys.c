#include "sys.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#include "forbidden.h"

/*
 * Machines on which what is handed to the kernel here is not what it takes. That would show at run
 * time only, as a lost log or a signal that is not held, so that they are refused when built.
 */
#if defined(__mips__) || defined(__alpha__) || defined(__sparc__)
#error "v6shim: on MIPS, Alpha and SPARC the kernel's struct stat is not libc's, which sys.c hands over"
#elif defined(__ILP32__) && (defined(__x86_64__) || defined(__aarch64__))
#error "v6shim: the 32-bit ABIs of 64-bit kernels (x32, ILP32) have 64-bit times, sys.c has longs"
#elif UINTPTR_MAX == UINT32_MAX && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "v6shim: on 32-bit big-endian machines the halves of the kernel's signal set change places"
#elif UINTPTR_MAX == UINT32_MAX && defined(__GLIBC__) && defined(_TIME_BITS) && _TIME_BITS == 64
#error "v6shim: with _TIME_BITS=64 glibc's struct stat is not the kernel's: build without it"
#endif

/* Headers may lack them: of Linux 4.14; of Linux 5.1, and newer 32-bit machines have it alone. */
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#ifndef SYS_clock_gettime64
#define SYS_clock_gettime64 403
#endif

struct v6_found v6_found;

/* ---- system calls of several steps. A pair of longs is the kernel's struct timespec. */

bool v6_sys_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	long now[2] = {0, 0};

	return v6_syscall(SYS_ppoll, &p, 1, now, NULL, sizeof(uint64_t)) == 1 &&
	       (p.revents & (POLLOUT | POLLERR | POLLNVAL)) == POLLOUT;
}

/* Zeroed memory of this process, with an madvise(2) that it cannot do without, or 0; or NULL. */
static void *map(size_t size, int advice)
{
	long what[] = {0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
#if defined(__s390__) /* whose call takes the address of these: arch/s390, old_mmap */
	long at = v6_syscall(V6_SYS_MMAP, what);
#else
	long at = v6_syscall(V6_SYS_MMAP, 0, what[1], what[2], what[3], what[4], what[5]);
#endif

	/* The last page of all is never mapped: a number in it is an errno. */
	if ((unsigned long)at > -4096UL)
		return NULL;
	if (advice && v6_syscall(SYS_madvise, at, size, advice) < 0) {
		v6_sys_unmap((void *)at, size);
		return NULL;
	}
	return (void *)at;
}

uint64_t v6_sys_limit(int resource)
{
	uint64_t limit[2] = {0, 0};

	/* Filters allow getrlimit(2) rather than prlimit(2), which sets as well. */
#if defined(SYS_getrlimit) && UINTPTR_MAX == UINT64_MAX
	v6_syscall(SYS_getrlimit, resource, limit);
#else
	v6_syscall(SYS_prlimit64, 0, resource, NULL, limit);
#endif
	return limit[0];
}

void v6_sys_sleep_microseconds(unsigned microseconds)
{
	long pause[2] = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};

	v6_syscall(SYS_nanosleep, pause, NULL);
}

/*
 * The kernel copies the set before it looks at `how`: an unreadable pointer is EFAULT, anything
 * else EINVAL, and nothing changes (kernel/signal.c, rt_sigprocmask). It reads eight bytes, so that
 * it is asked about the aligned eight around each end of the four: memory is mapped in pages.
 */
static bool readable(uintptr_t at)
{
	int how = ~0;

	/* A seccomp filter may refuse the call, and then nothing is known. */
	return v6_syscall(SYS_rt_sigprocmask, how, at & ~(uintptr_t)7, NULL, sizeof(uint64_t)) ==
	       -EINVAL;
}

int v6_sys_peek_int(const void *from, int *value)
{
	uintptr_t first = (uintptr_t)from, last = first + sizeof(*value) - 1;

	/* A set at address 0 is no set, and nothing is read. */
	if (first < sizeof(uint64_t) || !readable(first) || !readable(last))
		return -EFAULT;
	memcpy(value, from, sizeof(*value));
	return 0;
}

int64_t v6_sys_now(void)
{
	struct timespec now = {0, 0};
	int64_t wide[2] = {0, 0};
	long plain[2] = {0, 0};

	if (v6_found.clock_gettime && !v6_found.clock_gettime(CLOCK_REALTIME, &now))
		return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
	if (sizeof(long) < sizeof(int64_t) &&
		v6_syscall(SYS_clock_gettime64, CLOCK_REALTIME, wide) >= 0)
		return wide[0] * 1000000 + wide[1] / 1000;
	v6_syscall(SYS_clock_gettime, CLOCK_REALTIME, plain);
	return plain[0] * INT64_C(1000000) + plain[1] / 1000;
}

/* ---- this process, and memory */

/* What is mapped by the first that comes; `otherwise`, for good, where that cannot be. */
static void *map_once(void *_Atomic *at, size_t size, int advice, void *otherwise)
{
	void *mine = atomic_load_explicit(at, memory_order_acquire), *first = NULL;

	if (mine)
		return mine;
	mine = map(size, advice);
	if (!mine)
		mine = otherwise;
	if (atomic_compare_exchange_strong(at, &first, mine))
		return mine;
	if (mine != otherwise)
		v6_sys_unmap(mine, size);
	return first;
}

static void *_Atomic page, *_Atomic pool;
static struct v6_self plain;

/*
 * Whether a thread of the process `pid` is running, and no child of vfork, which has its memory.
 * libc keeps the thread's id there, clock_getcpuclockid(3) all but three bits of it in the clock's.
 */
static bool is_process(int pid)
{
	clockid_t clock;
	int thread;

	if (!v6_found.pthread_getcpuclockid ||
		v6_found.pthread_getcpuclockid(pthread_self(), &clock))
		return true;
	thread = ~(clock >> 3);
	return thread == pid || thread == v6_sys_gettid();
}

struct v6_self *v6_self(void)
{
	struct v6_self *self = map_once(&page, sizeof(*self), MADV_WIPEONFORK, &plain);
	int pid;

	if (self != &plain && atomic_load_explicit(&self->pid, memory_order_relaxed))
		return self;
	pid = v6_sys_getpid();
	/* The page is the parent's: a child of vfork that comes first has what there is without. */
	if (!is_process(pid))
		self = &plain;
	/* A page is all zero: a thread that came first may be writing the load record by now. */
	if (self == &plain && self->pid != pid) {
		self->load = 0;
		self->lost = 0;
		self->opening = false;
		self->looked = 0;
	}
	self->pid = pid;
	return self;
}

void v6_self_become(struct v6_self *other)
{
	atomic_store(&page, other);
}

/* The second in which each slot was claimed, 0 while it is free. */
static atomic_uint claimed[V6_SCRATCH_SLOTS];

/* The lowest free slot, so that a process that writes little touches little memory. */
char *v6_scratch_claim(void)
{
	enum { TRIES = 100, PAUSE = 50 };
	const unsigned second = (unsigned)(v6_sys_now() / 1000000) | 1;
	char *at = map_once(&pool, (size_t)V6_SCRATCH_SLOTS * V6_SCRATCH_SIZE, 0, NULL);

	for (unsigned i = 0; at && i < TRIES * V6_SCRATCH_SLOTS; i++) {
		unsigned slot = i % V6_SCRATCH_SLOTS;
		unsigned since = atomic_load_explicit(&claimed[slot], memory_order_relaxed);

		if (i && !slot)
			v6_sys_sleep_microseconds(PAUSE);
		/* Signed: another thread may have claimed it in a second later than ours. */
		if ((!since || (int)(second - since) > V6_SCRATCH_STALE) &&
			atomic_compare_exchange_strong_explicit(&claimed[slot], &since, second,
				memory_order_acquire, memory_order_relaxed))
			return at + (size_t)slot * V6_SCRATCH_SIZE;
	}
	return NULL;
}

void v6_scratch_release(char *scratch)
{
	size_t slot = (size_t)(scratch - (char *)atomic_load(&pool)) / V6_SCRATCH_SIZE;

	atomic_store_explicit(&claimed[slot], 0, memory_order_release);
}
