#!/usr/bin/env python3
"""systems.py - what each system does with the two families, from FACTS.md, as profiles.bats needs it.

usage: systems.py names             the profiles
       systems.py probe PROFILE     what examples/probe is to print under it, but for the system's name
       systems.py told PROFILE      what `v6shim profiles PROFILE` is to say of approximations
       systems.py met PROFILE COLUMN
"""

import sys

# FACTS.md, section 2, row by row. A cell is what the system does; `does!met` where Linux cannot give it
# and something else is met; behind a colon how it is known: M measured, S source, D documentation, T a
# user's report, R source while reports differ, I inferred, ? not confirmed. `?:?` is not known, and `.`
# nothing is said: Linux's own is met then. two-processes is IPv4 and then dual-stack, by two processes.
COLUMNS = """initial knob name scope set-0 set-1 set-2 after-bind ipv4-first ipv6-first two-processes
    mapped-bind connect-tcp connect-udp passive""".split()
FACTS = """
linux        0:M net.ipv6.bindv6only:M . . ok:M ok:M ok:M EINVAL:M EADDRINUSE:M EADDRINUSE:M . EINVAL:M ENETUNREACH:M ENETUNREACH:M IPv4,IPv6:M
freebsd      1:S net.inet6.ip6.v6only:S . . ok:S ok:S . EINVAL:S ok:S EADDRINUSE:S ok!EADDRINUSE:S EADDRNOTAVAIL:I EINVAL!ENETUNREACH:S EINVAL!ENETUNREACH:S IPv6,IPv4:S
netbsd       1:S net.inet6.ip6.v6only:S . . ok:S ok:S . EINVAL:S ok:S ok:I ok!EADDRINUSE:S EINVAL:S EINVAL!ENETUNREACH:S EINVAL!ENETUNREACH:S IPv6,IPv4:S
openbsd      1:S nothing:S . . EINVAL:S ok:S . EINVAL:S ok:S ok:S ok:S EADDRNOTAVAIL:S EADDRNOTAVAIL!ENETUNREACH:S EADDRNOTAVAIL!ENETUNREACH:S IPv4,IPv6:I
dragonfly    1:S nothing:S . . EOPNOTSUPP:S ok:S . EINVAL:S ok:S ok:S ok:S EADDRNOTAVAIL:S EADDRNOTAVAIL!ENETUNREACH:S EADDRNOTAVAIL!ENETUNREACH:S IPv6,IPv4:I
macos        0:S net.inet6.ip6.v6only:S . . ok:S ok:S . EINVAL:S ok:S EADDRINUSE:R ok!EADDRINUSE:S EADDRNOTAVAIL:I EAFNOSUPPORT!ENETUNREACH:S EINVAL!ENETUNREACH:S IPv4,IPv6:S
illumos      0:S nothing:S . . ok:S ok:S EINVAL:S ok!EINVAL:S ok:S ok:S ok!EADDRINUSE:S EADDRNOTAVAIL:S EADDRNOTAVAIL!ENETUNREACH:S EADDRNOTAVAIL!ENETUNREACH:S IPv6,IPv4:S
windows      1:D nothing:D . . ok:D ok:D . success!EINVAL:T fails:D fails:D . ?:? ?:? ?:? ?:?
qnx          1:? net.inet6.ip6.bindv6only:D IPV6_BINDV6ONLY!IPV6_V6ONLY:D wildcard!every:D ?:? ?:? . ?:? ok:I ok:I ok!EADDRINUSE:I ?:? ?:? ?:? ?:?
ibmi         0:D ?:? . . ?:? ok:D . ?:? ?:? ?:? . ?:? ?:? ?:? ?:?
aix          0:I ?:? . . ?:? ?:? . ?:? ?:? ?:? . ?:? ?:? ?:? ?:?
bindv6only=0 0:M . . . . . . . . . . . . . .
bindv6only=1 1:M . . . . . . . . . . . . . .
"""
# What stands for a cell with I or ?.
APPROXIMATE = {
    "ipv6-first": "dual-stack before IPv4", "mapped-bind": "mapped bind", "connect-tcp": "mapped connect",
    "passive": "passive getaddrinfo",
}
WHOLE = ("qnx", "ibmi", "aix")


def systems():
    rows = [line.split() for line in FACTS.strip().splitlines()]
    return {row[0]: dict(zip(COLUMNS, row[1:])) for row in rows}


def met(profile, column):
    """What a program meets on Linux; empty where that is Linux's own."""
    does = systems()[profile][column].partition(":")[0].split("!")[-1]
    return "" if does in (".", "?", "fails") else does


def linux():
    """What probe finds on Linux: FACTS.md, section 1."""
    found = {"initial": "0"}
    for value, reads in (("0", "0"), ("1", "1"), ("2", "1")):
        found |= {f"set-{value}": "ok", f"set-{value}-reads": reads}
    found |= {"set-after-bind": "EINVAL", "set-after-bind-reads": "0", "dual-stack-reads": "0"}
    for proto in ("tcp", "udp"):
        for option in ("plain", "reuseaddr", "reuseport"):
            for first in ("ipv4", "ipv6"):
                key = f"{proto}-{option}-{first}-first-"
                at_bind = option == "plain"
                at_listen = option == "reuseaddr" and proto == "tcp"
                found[key + "bind"] = "EADDRINUSE" if at_bind else "ok"
                if proto == "tcp":
                    found[key + "listen"] = "-" if at_bind else "EADDRINUSE" if at_listen else "ok"
                found[key + "ipv4-client"] = first if at_bind or at_listen else "ipv4"
                if proto == "tcp":
                    found[key + "bind-beside-listener"] = "EADDRINUSE" if at_bind or at_listen else "ok"
    return found | {
        "mapped-bind-v6only-1": "EINVAL", "mapped-bind-v6only-0": "ok",
        "mapped-connect-tcp-v6only-1": "ENETUNREACH", "mapped-connect-udp-v6only-1": "ENETUNREACH",
        "passive-order": "ipv4 ipv6"}


def probe(profile):
    found = linux()
    found["initial"] = found["set-after-bind-reads"] = met(profile, "initial")
    found["set-after-bind"] = met(profile, "after-bind") or "EINVAL"
    if (refused := met(profile, "set-0")) not in ("", "ok"):
        # There is no socket with V6ONLY 0 to try.
        found |= {"set-0": refused, "set-0-reads": "1", "dual-stack-reads": "1", "mapped-bind-v6only-0": "-"}
    if (refused := met(profile, "set-2")) not in ("", "ok"):
        found |= {"set-2": refused, "set-2-reads": "0"}
    for key in found:
        for first in ("ipv4-first", "ipv6-first"):
            if f"-{first}-" in key and met(profile, first) == "ok":
                found[key] = "ipv4" if key.endswith("client") else "ok"
    found["mapped-bind-v6only-1"] = met(profile, "mapped-bind") or "EINVAL"
    found["passive-order"] = (met(profile, "passive") or "IPv4,IPv6").lower().replace(",", " ")
    return [f"{key}: {value}" for key, value in found.items()]


def told(profile):
    cells = systems()[profile]
    guessed = [title for column, title in APPROXIMATE.items() if cells[column][-1] in "I?"]
    if profile in WHOLE:
        yield "(approximate)"
    elif guessed:
        yield f"approximate: {', '.join(guessed)}"


def main(what, *words):
    if what == "names":
        lines = systems()
    elif what == "met":
        lines = [met(*words)]
    else:
        lines = {"probe": probe, "told": told}[what](*words)
    print("\n".join(lines))


main(*sys.argv[1:])
