"""edge-calls.py - what socket, setsockopt, bind, listen and getaddrinfo do with every odd input.

usage: edge-calls.py [-n | -r SEED FIFTIES]

  -n  leave out the inputs with pointers to where nothing can be read, which the kernel answers with
      EFAULT, and which crash whoever reads them in the process
  -r  so many times fifty calls at random instead, the same for one SEED; during each fifty a child makes
      such calls too, and is killed in the middle of one

The output is for comparison: it must be the same, byte for byte, with and without a library in between.
One call is one line, a description, what was returned, the error's name, and what the kernel says of the
descriptor afterwards:

    bind tcp6 :: size 24 of 24: 0 v6only 0 port nonzero
    bind tcp6 :: size 23 of 23: -1 EINVAL v6only 0 port 0

"size S of M": S was passed and M bytes can be read; they end where a page ends, and the page behind cannot
be read, so that one byte read too many is a crash. A call that succeeds must not change errno; one that
did has "errno-changed NAME" at its end. getaddrinfo may, and its results follow one a line. The
description is written before the call is made: where the program crashes, the last line says in which.
Nothing that differs from run to run is printed.

RFC 3493; bind(2), listen(2), socket(2), setsockopt(2), getaddrinfo(3), errno(3); in the kernel inet_bind,
inet6_bind (which takes 24 bytes, the size that RFC 2133 gave the address) and do_ipv6_setsockopt (which
takes a NULL value for 0).
"""

import ctypes
import errno
import itertools
import mmap
import os
import random
import signal
import socket
import struct
import sys
import tempfile

SENTINEL = 4095  # in errno before each call; no error has this number
ROOM = 128  # sizeof(struct sockaddr_storage): the most that bind reads
INT_MAX, UINT_MAX = 2**31 - 1, 2**32 - 1
V6, V6ONLY = socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
libc = ctypes.CDLL(None, use_errno=True)
PTR, UINT = ctypes.c_void_p, ctypes.c_uint

KINDS = {
    "tcp4": (socket.AF_INET, socket.SOCK_STREAM, 0), "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
    "udp4": (socket.AF_INET, socket.SOCK_DGRAM, 0), "udp6": (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    "raw4": (socket.AF_INET, socket.SOCK_RAW, 17), "raw6": (socket.AF_INET6, socket.SOCK_RAW, 17),
    "client4": (socket.AF_INET, socket.SOCK_STREAM, 0), "client6": (socket.AF_INET6, socket.SOCK_STREAM, 0),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM, 0), "netlink": (socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "pipe": None, "file": None, "path": None, "closed": None, "minus-one": None,
}
INET = ("tcp6", "udp6", "tcp4", "udp4")
SIZES = (0, 1, 2, 3, 4, 8, 15, 16, 23, 24, 27, 28, 29, 127, 128, 129, 65536, INT_MAX, INT_MAX + 1, UINT_MAX)
# Pointers that nobody can read from.
NOWHERE = {"NULL": 0, "address-1": 1, "address-top": 2**64 - 1}

# Behind the end of a file nobody can read, a supervisor neither.
with tempfile.TemporaryFile() as one_page:
    one_page.truncate(2 * mmap.PAGESIZE)
    memory = mmap.mmap(one_page.fileno(), 2 * mmap.PAGESIZE, mmap.MAP_PRIVATE)
    one_page.truncate(mmap.PAGESIZE)
wall = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + mmap.PAGESIZE


def before_wall(data, readable):
    """The first so many bytes of it, right before what cannot be read; zeros follow where it is shorter."""
    data = data[:readable].ljust(readable, b"\0")
    memory[mmap.PAGESIZE - readable:mmap.PAGESIZE] = data
    return wall - readable


def write(text):
    os.write(1, text.encode())


def name(error):
    return errno.errorcode.get(error, f"errno-{error}")


def open_kind(kind):
    """-1 where that is the point, or where the system does not allow it."""
    if kind == "pipe":
        end, other = os.pipe()
        os.close(other)
        return end
    if kind == "file":
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    if kind == "path":
        return os.open(".", os.O_PATH)
    if kind == "closed":
        return 700  # a high number, so that nothing opened meanwhile is given it
    fd = -1 if kind == "minus-one" else libc.socket(*KINDS[kind])
    if kind in ("tcp4", "tcp6"):  # as listeners do; a bind to port 0 without it is a client's
        libc.setsockopt(fd, socket.SOL_SOCKET, socket.SO_REUSEADDR, struct.pack("i", 1), 4)
    return fd


def state(fd):
    value, size = ctypes.c_int(), UINT(4)
    said = ""
    if libc.getsockopt(fd, V6, V6ONLY, ctypes.byref(value), ctypes.byref(size)) == 0:
        said += f" v6only {value.value}"
    address, size = ctypes.create_string_buffer(ROOM), UINT(ROOM)
    if libc.getsockname(fd, address, ctypes.byref(size)) == 0:
        family, port = struct.unpack("=H2s", address.raw[:4])
        if family in (socket.AF_INET, socket.AF_INET6):
            said += " port " + ("0" if port == b"\0\0" else "nonzero")
    return said


def call(text, function, fd, *args, hide=False):
    """HIDE: what is returned is a descriptor, whose state is told."""
    write(text)
    ctypes.set_errno(SENTINEL)
    returned = function(*(() if hide else (fd,)), *args)
    error = ctypes.get_errno()
    said = f": {'fd' if hide and returned >= 0 else returned}"
    said += f" {name(error)}" if returned < 0 else ""
    said += state(returned if hide else fd)
    said += f" errno-changed {name(error)}" if returned >= 0 and error != SENTINEL else ""
    write(said + "\n")
    return returned


def close_kind(kind, fd):
    if kind != "closed" and fd >= 0:
        os.close(fd)


def once(kind, text, function, *args):
    """On a descriptor of its own."""
    fd = open_kind(kind)
    if fd < 0 and KINDS[kind]:
        write(f"{text}: none to be had\n")
        return
    call(text, function, fd, *args)
    close_kind(kind, fd)


def address_of(text, port=0, flow=0, scope=0):
    if ":" in text:
        return (struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, flow) +
                socket.inet_pton(socket.AF_INET6, text) + struct.pack("=I", scope))
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(text) + bytes(8)


def wildcard(kind):
    return "0.0.0.0" if kind.endswith("4") else "::"


# ---- socket

def try_socket():
    families = {"inet6": socket.AF_INET6, "inet": socket.AF_INET, "unix": socket.AF_UNIX, "unspec": 0,
                "family-9999": 9999, "family-minus-one": -1}
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    types = {"stream": 1, "dgram": 2, "raw": 3, "seqpacket": 5, "type-0": 0, "type-99": 99, "type-minus-one": -1,
             "stream+nonblock+cloexec": 1 | flags, "dgram+cloexec": 2 | socket.SOCK_CLOEXEC,
             "stream+unknown-flag": 1 | 0x10000000}
    # TCP, UDP, SCTP, MPTCP, UDP-Lite, ICMPv6
    protocols = (0, 6, 17, 132, 262, 136, 58, 9999, -1)
    for family, kind, protocol in itertools.product(families, types, protocols):
        fd = call(f"socket {family} {kind} protocol {protocol}", libc.socket, -1, families[family], types[kind],
                  protocol, hide=True)
        if fd >= 0:
            os.close(fd)


# ---- setsockopt

def set_of(kind, value, size, readable):
    once(kind, f"setsockopt {kind} V6ONLY = {value}, size {size} of {readable}", libc.setsockopt, V6, V6ONLY,
         PTR(before_wall(struct.pack("i", value), readable)), UINT(size))


def set_option(fd, text, level, option, value, size):
    call(f"setsockopt {text}, size {size}", libc.setsockopt, fd, level, option, value, UINT(size))


def try_setsockopt():
    for kind, value in itertools.product(KINDS, (0, 1, 2, 3, -1, 256, 65536, INT_MAX, -2**31)):
        set_of(kind, value, 4, 4)
    for kind, size in itertools.product(("tcp6", "udp6", "tcp4", "raw6", "unix", "closed"), SIZES):
        set_of(kind, 1, size, min(size, ROOM))
        set_of(kind, 1, size, 4)
    options = {"level 9999": (9999, 26), "level -1": (-1, 26), "IPv6 9999": (V6, 9999), "IPv6 -1": (V6, -1),
               "IPv6 0": (V6, 0), "TCLASS": (V6, socket.IPV6_TCLASS), "HOPS": (V6, socket.IPV6_UNICAST_HOPS),
               "RECVPKTINFO": (V6, socket.IPV6_RECVPKTINFO), "IPv4 26": (0, 26), "IP_TTL": (0, socket.IP_TTL),
               "SOL_SOCKET 26": (1, 26), "REUSEADDR": (1, socket.SO_REUSEADDR),
               "REUSEPORT": (1, socket.SO_REUSEPORT), "TCP 26": (6, 26), "NODELAY": (6, socket.TCP_NODELAY)}
    for kind, option in itertools.product(("tcp6", "udp6", "tcp4", "unix", "pipe", "closed"), options):
        once(kind, f"setsockopt {kind} {option} = 1", libc.setsockopt, *options[option],
             PTR(before_wall(struct.pack("i", 1), 4)), UINT(4))
    # The kernel takes NULL for 0: after 1 it shows.
    for kind, size in itertools.product(("tcp6", "udp6", "tcp4", "raw6", "unix", "pipe", "closed"),
                                        (0, 1, 3, 4, 8, UINT_MAX)):
        fd = open_kind(kind)
        set_option(fd, f"{kind} V6ONLY = 1", V6, V6ONLY, PTR(before_wall(struct.pack("i", 1), 4)), 4)
        set_option(fd, f"{kind} V6ONLY = NULL", V6, V6ONLY, None, size)
        close_kind(kind, fd)


def try_setsockopt_faults():
    for kind, size in itertools.product(("tcp6", "udp6", "tcp4", "unix", "pipe", "closed"), (0, 1, 3, 4, 8, UINT_MAX)):
        for where in ("address-1", "address-top"):
            once(kind, f"setsockopt {kind} V6ONLY at {where}, size {size}", libc.setsockopt, V6, V6ONLY,
                 PTR(NOWHERE[where]), UINT(size))
        for readable in range(4) if size >= 4 else ():
            set_of(kind, 1, size, readable)


# ---- bind

def bind_of(kind, what, address, size, readable):
    once(kind, f"bind {kind} {what} size {size} of {readable}", libc.bind, PTR(before_wall(address, readable)),
         UINT(size))


def try_bind():
    for kind, size in itertools.product(INET, SIZES):
        address = address_of(wildcard(kind))
        bind_of(kind, wildcard(kind), address, size, min(size, ROOM))
        if size < len(address) or size > ROOM:
            bind_of(kind, wildcard(kind), address, size, len(address))
    others = ("unix", "netlink", "pipe", "file", "path", "closed", "minus-one")
    for kind, size in itertools.product(others, (0, 1, 2, 16, 27, 28, 128, 129, UINT_MAX)):
        bind_of(kind, "::", address_of("::"), size, min(size, ROOM))
    families = {"unspec": 0, "unix": 1, "inet": socket.AF_INET, "inet6": socket.AF_INET6, "netlink": 16, "255": 255,
                "65535": 65535}
    for kind, family, size in itertools.product(INET, families, (16, 28, ROOM)):
        bind_of(kind, f"family-{family}", struct.pack("=H", families[family]), size, size)
    addresses = ("::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::127.0.0.1", "2001:db8::1", "fe80::1", "ff02::1",
                 "0.0.0.0", "127.0.0.1", "127.255.255.254", "192.0.2.1", "224.0.0.1", "255.255.255.255")
    for kind, text in itertools.product(("client4", "client6", *INET, "raw6", "raw4"), addresses):
        address = address_of(text)
        bind_of(kind, text, address, len(address), len(address))
    for kind in ("tcp6", "udp6"):
        bind_of(kind, ":: flowinfo", address_of("::", flow=0x12345), 28, 28)
        bind_of(kind, ":: scope", address_of("::", scope=UINT_MAX), 28, 28)
        bind_of(kind, "fe80::1 scope", address_of("fe80::1", scope=UINT_MAX), 28, 28)
        for text, value in itertools.product(addresses[:4], (0, 1)):
            fd = open_kind(kind)
            set_option(fd, f"{kind} V6ONLY = {value}", V6, V6ONLY, PTR(before_wall(struct.pack("i", value), 4)), 4)
            call(f"bind {kind} {text} with V6ONLY {value}", libc.bind, fd, address_of(text), UINT(28))
            os.close(fd)


def try_bind_faults():
    for kind in (*INET, "unix", "pipe", "closed"):
        sizes = (0, 1, 2, 16, 24, 28, 128, 129, UINT_MAX)
        for size, where in itertools.product(sizes, NOWHERE):
            once(kind, f"bind {kind} at {where} size {size}", libc.bind, PTR(NOWHERE[where]), UINT(size))
        for size, readable in itertools.product(sizes, (0, 1, 2, 4, 8, 15, 16, 23, 24, 27, 28)):
            if readable < size:
                bind_of(kind, "wildcard", address_of(wildcard(kind)), size, readable)


# ---- listen, and calls in an unusual order

def do_step(fd, kind, step):
    """b: bind; l: listen; 0, 1: V6ONLY; m: bind a mapped address; x: connect, which is refused at once."""
    if step == "b":
        call(f"  bind {kind} wildcard", libc.bind, fd, address_of(wildcard(kind)), UINT(28))
    elif step == "l":
        call(f"  listen {kind}", libc.listen, fd, 8)
    elif step == "m":
        call(f"  bind {kind} ::ffff:127.0.0.1", libc.bind, fd, address_of("::ffff:127.0.0.1"), UINT(28))
    elif step == "x":
        loopback = "127.0.0.1" if kind.endswith("4") else "::1"
        call(f"  connect {kind} loopback", libc.connect, fd, address_of(loopback, 1), UINT(28))
    else:
        call(f"  setsockopt {kind} V6ONLY = {step}", libc.setsockopt, fd, V6, V6ONLY, struct.pack("i", int(step)), UINT(4))


def try_listen():
    for kind, backlog in itertools.product([k for k in KINDS if "client" not in k], (0, 1, 128, -1, INT_MAX, -2**31)):
        once(kind, f"listen {kind} unbound backlog {backlog}", libc.listen, backlog)
    sequences = ("bb", "lb", "bll", "ll", "b01", "1b01", "bl01", "l01", "0bl", "1bl", "0l", "1l", "0101bl", "1m0m", "1mb",
                 "1m01bl", "x01", "xb", "xl")
    for kind, steps in itertools.product(INET, sequences):
        write(f"{kind} {steps}\n")
        fd = open_kind(kind)
        for step in steps:
            do_step(fd, kind, step)
        os.close(fd)


# ---- getaddrinfo

class AddrInfo(ctypes.Structure):
    pass


AddrInfo._fields_ = [(field, ctypes.c_int) for field in ("flags", "family", "type", "protocol")] + [
    ("size", UINT), ("address", PTR), ("canon", ctypes.c_char_p), ("next", ctypes.POINTER(AddrInfo))]
EAI = {getattr(socket, word): word for word in dir(socket) if word.startswith("EAI_")}
# An answer of which nothing was written is still this.
UNTOUCHED = AddrInfo()


def look_up(node, service, hints):
    """HINTS: family, type, protocol, flags; or None."""
    write(f"getaddrinfo node {node} service {service} hints {hints}")
    where = None
    if hints:
        family, kind, protocol, flags = hints
        data = struct.pack("iiiiIxxxxPPP", flags, family, kind, protocol, 0, 0, 0, 0)
        where = PTR(before_wall(data, len(data)))
    answer = ctypes.pointer(UNTOUCHED)
    ctypes.set_errno(SENTINEL)
    returned = libc.getaddrinfo(node and node.encode(), service and service.encode(), where, ctypes.byref(answer))
    error = ctypes.get_errno()
    if returned:
        untouched = ctypes.addressof(answer.contents) == ctypes.addressof(UNTOUCHED)
        write(f": {EAI[returned]} {name(error) if EAI[returned] == 'EAI_SYSTEM' else ''} "
              f"answer {'untouched' if untouched else 'written'}\n")
        return
    write(": 0" + (f" errno-changed {name(error)}" if error != SENTINEL else "") + "\n")
    at = answer
    while at:
        e = at.contents
        write(f"  family {e.family} type {e.type} protocol {e.protocol} flags {e.flags:#x} size {e.size} "
              f"{ctypes.string_at(e.address, e.size).hex()} canonname {e.canon}\n")
        at = e.next
    libc.freeaddrinfo(answer)


def try_getaddrinfo():
    """Addresses as numbers only: a name would ask whatever resolver the host has."""
    for node, service in ((None, None), (None, "4321"), ("::1", None), ("127.0.0.1", "4321")):
        look_up(node, service, None)
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    for node, service, family, flags in itertools.product(
            (None, "::", "::1", "::ffff:127.0.0.1", "0.0.0.0", "127.0.0.1", "no.number", ""),
            (None, "0", "80", "65535", "65536", "-1", "no-number"), (0, socket.AF_INET, socket.AF_INET6),
            (0, socket.AI_PASSIVE, socket.AI_CANONNAME)):
        look_up(node, service, (family, 1, 0, flags | numeric))
    passive = socket.AI_PASSIVE
    for family, kind, flags in itertools.product(
            (0, socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 9999, -1), (0, 1, 2, 3, 5, 99),
            (0, passive, socket.AI_CANONNAME, passive | socket.AI_CANONNAME, socket.AI_NUMERICHOST,
             passive | socket.AI_V4MAPPED | socket.AI_ALL, passive | socket.AI_ADDRCONFIG, 0x40000000, -1)):
        look_up(None, "4321", (family, kind, 0, flags))
        look_up("::1", "4321", (family, kind, 0, flags))
    for kind, protocol in itertools.product((0, 1), (0, 6, 17, 132, 9999, -1)):
        look_up(None, "4321", (0, kind, protocol, passive))


# ---- at random

def random_call():
    kind, size, pick = random.choice(list(KINDS)), random.choice(SIZES), random.choice
    data = pick((bytes(26), bytes(6) + socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1"), random.randbytes(26)))
    family = pick((0, socket.AF_INET, socket.AF_INET6, socket.AF_INET6, 255, 65535))
    # No port: whose it is depends on who else is there.
    address = struct.pack("=HH", family, 0) + data[2:]
    readable = pick((0, 1, 4, 16, 24, 28, ROOM))
    where, at = pick((*NOWHERE.items(), *[(f"wall-{readable}", before_wall(address, readable))] * 6))
    level, option = pick((V6, V6, 0, 9999)), pick((V6ONLY, V6ONLY, socket.IPV6_TCLASS, -1))
    what = pick(("bind", "bind", "listen", "setsockopt", "getsockopt"))
    args = {"bind": (PTR(at), UINT(size)), "listen": (size - INT_MAX // 2,)}.get(what, (level, option, PTR(at)))
    if what == "setsockopt":
        args += (UINT(size),)
    elif what == "getsockopt":
        args += (pick((None, PTR(1), ctypes.byref(UINT(size)))),)
    once(kind, f"{what} {kind} {family} {data.hex()} at {where} size {size} {level} {option}", getattr(libc, what), *args)


def try_random(seed, fifties):
    null = os.open(os.devnull, os.O_WRONLY)
    random.seed(seed)
    for _ in range(fifties):
        child = os.fork()
        signal.alarm(60 if child else 10)
        if child == 0:
            os.dup2(null, 1)
            while True:
                random_call()
        for _ in range(50):
            random_call()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main():
    if sys.argv[1:2] == ["-r"] and len(sys.argv) == 4:
        try_random(int(sys.argv[2]), int(sys.argv[3]))
        return
    if sys.argv[1:] not in ([], ["-n"]):
        sys.exit(__doc__.splitlines()[2])
    # Nothing here waits; should something under test do so, it ends.
    signal.alarm(60)
    try_socket()
    try_setsockopt()
    try_bind()
    try_listen()
    try_getaddrinfo()
    if not sys.argv[1:]:
        try_setsockopt_faults()
        try_bind_faults()


main()
