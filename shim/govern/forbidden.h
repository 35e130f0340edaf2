/*
 * Turns what must never happen inside the interposed calls into compile errors. Included last,
 * after every system header, by all files of the hot path.
 *
 * socket, setsockopt, bind and listen are async-signal-safe (POSIX.1-2017, 2.4.3) and may be called
 * from signal handlers, after fork in a threaded program, and from a vfork child: no allocation, no
 * stdio, no lock, no dynamic linker, no environment. Nor calls that are cancellation points: the
 * four are none. The shim's own system calls are those of sys.h.
 */
#pragma once

#pragma GCC poison malloc calloc realloc free strdup strndup alloca
#pragma GCC poison printf fprintf sprintf snprintf vsnprintf dprintf puts fopen fclose fwrite
#undef syslog /* a macro where the compiler has no __builtin_va_arg_pack */
#pragma GCC poison syslog openlog perror strerror
#pragma GCC poison dlsym dlopen dladdr dlerror
#pragma GCC poison getenv setenv putenv secure_getenv
#pragma GCC poison pthread_mutex_lock pthread_once pthread_atfork call_once mtx_lock
#pragma GCC poison exit abort localtime gmtime strftime
#pragma GCC poison write writev pwritev2 open openat close fcntl poll nanosleep usleep
