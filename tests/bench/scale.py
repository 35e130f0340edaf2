"""scale.py - calls in a large process, on a large system.

usage: python3 scale.py listeners NUMBER
       python3 scale.py conflict DESCRIPTORS SOCKETS own|other REPEATS

listeners binds NUMBER sockets to [::], each to a port of the kernel's choice, and listens. conflict opens
DESCRIPTORS sockets, or as many as the limit lets it, has SOCKETS more listen in processes beside it, lets itself or
another process hold 0.0.0.0:PORT, and then binds a dual-stack socket to [::]:PORT, which the kernel refuses; REPEATS
times. To be run in a network namespace of its own, with the loopback interface up.

Output, "WORD VALUE" a line: us, the time of all listeners or of each last bind; v6only of the last listener;
descriptors, and what came of the last bind as second.
"""

import contextlib
import errno
import os
import resource
import signal
import sys
import time
from socket import AF_INET, AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SOCK_DGRAM, socket

PORT, FIRST, PORTS, SPARE = 10999, 20000, 12000, 64


def allowed(wanted):
    """How many descriptors there may be, after asking for as many as may be."""
    with contextlib.suppress(ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + SPARE, wanted + SPARE))
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE)


def listener(family, address, port):
    made = socket(family)
    made.bind((address, port))
    made.listen(16)
    return made


def beside(family, addresses):
    """Another process that listens there, and ends with this one."""
    ready, told = os.pipe()
    if os.fork() == 0:
        os.close(ready)
        os.close(kept)
        held = [listener(family, *address) for address in addresses]
        os.write(told, b'x')
        os.close(told)
        # Until nobody holds the other end, however that ends.
        os.read(alive, len(held))
        os._exit(0)
    os.close(told)
    if os.read(ready, 1) != b'x':
        sys.exit('scale: a process beside could not open its sockets')
    os.close(ready)


def conflict(number, sockets, own, repeats):
    each = allowed(sockets)
    # Addresses of 127.0.0.0/8 of which each has so many ports.
    where = [(f'127.{1 + i // PORTS}.0.1', FIRST + i % PORTS) for i in range(sockets)]
    for first in range(0, sockets, each):
        beside(AF_INET, where[first:first + each])
    if not own:
        beside(AF_INET, [('0.0.0.0', PORT)])
    held = [socket(AF_INET6 if i % 2 else AF_INET, SOCK_DGRAM) for i in range(allowed(number))]
    print(f'descriptors {len(held)}')
    for _ in range(repeats):
        first = listener(AF_INET, '0.0.0.0', PORT) if own else None
        second, outcome = socket(AF_INET6), 'ok'
        began = time.perf_counter_ns()
        try:
            second.bind(('::', PORT))
        except OSError as error:
            outcome = errno.errorcode[error.errno]
        print(f'us {(time.perf_counter_ns() - began) / 1000:.1f}')
        second.close()
        if first:
            first.close()
    print(f'second {outcome}')


def listeners(number):
    if allowed(number) < number:
        sys.exit('scale: not so many descriptors')
    began = time.perf_counter_ns()
    held = [listener(AF_INET6, '::', 0) for _ in range(number)]
    print(f'us {(time.perf_counter_ns() - began) / 1000:.1f}')
    print(f'v6only {held[-1].getsockopt(IPPROTO_IPV6, IPV6_V6ONLY)}')


signal.alarm(300)
alive, kept = os.pipe()
if sys.argv[1] == 'listeners':
    listeners(int(sys.argv[2]))
else:
    conflict(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == 'own', int(sys.argv[5]))
