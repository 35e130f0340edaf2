#!/usr/bin/env python3
"""confine.py - puts something on itself, then executes a command

usage: confine.py WHAT... -- COMMAND [ARG...]

    NAME=ERRNO   a seccomp filter that answers the system call of that name with the error
    listener     a seccomp listener, which nobody asks (for a call that nobody makes)
    landlock     Landlock: no bind of TCP to any port
"""

import ctypes
import errno
import os
import platform
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
SECCOMP = 317 if X86 else 277
NUMBERS = {"pidfd_open": 434, "pidfd_getfd": 438, "seccomp": SECCOMP}
ALLOW, NOTIFY, ERROR = 0x7fff0000, 0x7fc00000, 0x00050000


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        sys.exit(f"confine.py: {number}: {os.strerror(error)}")
    return result


def install(number, answer, flags):
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, answer), (0x06, 0, 0, ALLOW)))
    buffer = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer)))
    return call(SECCOMP, 1, flags, program)


def landlock():
    if libc.syscall(444, None, 0, 1) < 4:
        print("no Landlock with ports")
        sys.exit(77)
    rules = call(444, struct.pack("QQ", 0, 1), 16, 0)
    libc.prctl(38, 1, 0, 0, 0)
    call(446, rules, 0)


def main():
    words = sys.argv[1:]
    what, command = words[:words.index("--")], words[words.index("--") + 1:]
    if os.geteuid():
        libc.prctl(38, 1, 0, 0, 0)
    for word in what:
        name, _, error = word.partition("=")
        if word == "listener":
            os.set_inheritable(install(400, NOTIFY, 8), True)
        elif word == "landlock":
            landlock()
        else:
            install(NUMBERS[name], ERROR | getattr(errno, error), 0)
    os.execvp(command[0], command)


main()
