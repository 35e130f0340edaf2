/*
 * A system call, made here: libc's syscall(2) is a function that other preloaded
 * libraries interpose (torsocks does, and refuses calls that it does not know).
 *
 * v6_syscall(NUMBER, up to 6 arguments) returns what the kernel returned, or the
 * negated errno. On other machines than these it is libc's; errno is spoilt.
 */
#pragma once

#include <errno.h>
#include <unistd.h>

#define v6_syscall(...) V6_SYSCALL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define V6_SYSCALL(number, a, b, c, d, e, f, ...)                                                  \
	v6_kernel((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* The conventions are those of syscall(2), "Architecture calling conventions". */
static inline long v6_kernel(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__) && defined(__LP64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
#elif defined(__i386__)
	long result;

	/* The sixth goes in ebp, which may be the frame pointer. */
	__asm__ volatile("pushl %7\n\t"
			 "pushl %%ebp\n\t"
			 "movl 4(%%esp), %%ebp\n\t"
			 "int $0x80\n\t"
			 "popl %%ebp\n\t"
			 "addl $4, %%esp"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "g"(f)
			 : "memory");
#elif defined(__aarch64__) && defined(__LP64__)
	register long x8 __asm__("x8") = number;
	register long result __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(result)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
#else
	long result = syscall(number, a, b, c, d, e, f);

	if (result < 0)
		result = -errno;
#endif
	return result;
}
