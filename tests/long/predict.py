#!/usr/bin/env python3
"""predict.py - what mode=log says enforce would do, beside what enforce then does.

usage: predict.py [--shown] [--first] [--every N] [--blind] V6SHIM LIBRARY DRIVE

Every combination of a server's two sockets (which family comes first, TCP or UDP, when it listens,
V6ONLY asked, SO_REUSEADDR, nobody or another process that has the other family) and of settings
(policies and on-conflict, profiles) is run three times, each on a port of its own: bare, with
mode=log, and enforced. Who serves a family is told by clients over it. Held against it is the verdict
that `v6shim report --json` reads from the log: of the bare run and of the run with mode=log the plain
one, of the enforced run the one of mode=log "with enforce". --shown prints what is wrong, and
--first stops there; --every takes one of N combinations. --blind is the control: the records lose what
enforce would do, and the plain verdict stands for it.

It runs in a network namespace of its own, whose ports are all free. The last line is
"N of N wrong, N undecided"; exit status 1 where any is wrong, or undecided without another process.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

POLICIES = ["ipv6-only", "both", "default-ipv6-only", "default-both"]
SETTINGS = [{"policy": policy, "on-conflict": answer}
            for policy in POLICIES for answer in ("fail", "resolve", "share")]
SETTINGS += [{"profile": name} for name in ("openbsd", "freebsd", "dragonfly", "macos")]
WILDCARD = {"4": "0.0.0.0", "6": "::", "m": "::ffff:0.0.0.0"}
CLIENT = {"4": "127.0.0.1", "6": "::1"}
KEY = {"4": "inet", "6": "inet6"}
PORTS = itertools.count(2000)


def server(first, proto, late, asked, reuse, other, port):
    """The steps of drive, and the family of each socket by its name: one where another process has the other.

    first: the family that is bound first, or "m" for a v4-mapped address; late: both listen in the end; asked:
    V6ONLY, or None; reuse: SO_REUSEADDR; other: the family that another process has, or None.
    """
    second = "4" if first != "4" else "6"
    pair = {"a": first} if other else {"a": first, "b": second}
    steps, listens = [], []
    for name, family in pair.items():
        steps.append(f"{name} socket {proto}{'4' if family == '4' else '6'}")
        if reuse:
            steps.append(f"{name} reuseaddr")
        if asked is not None and family != "4":
            steps.append(f"{name} v6only {asked}")
        steps.append(f"{name} bind {WILDCARD[family]} {port}")
        if proto == "tcp":
            (listens if late else steps).append(f"{name} listen")
    return steps + listens, pair


def environment(settings):
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    if settings:
        env["LD_PRELOAD"] = OPTIONS.library
        env.update(("V6SHIM_" + name.upper().replace("-", "_"), value)
                   for name, value in settings.items())
    return env


def hold(family, proto, reuse, port):
    """Another process that has the wildcard of a family, alone."""
    steps = [f"socket {proto}{family}", *(["reuseaddr"] if reuse else []),
             *(["v6only 1"] if family == "6" else []), f"bind {WILDCARD[family]} {port}",
             *(["listen"] if proto == "tcp" else []), "wait"]
    holder = subprocess.Popen([OPTIONS.drive, *steps], env=environment({}), stdout=subprocess.PIPE, text=True)
    while (line := holder.stdout.readline()) != "wait: ready\n":
        assert line.endswith(": ok\n") or ": fd " in line, line
    return holder


def run(row, settings):
    """Who serves each family: the words of a verdict. And what was printed, for a person."""
    _, proto, _, _, reuse, other = row
    port = next(PORTS)
    holder = hold(other, proto, reuse, port) if other else None
    steps, pair = server(*row, port)
    # Of two sockets that have a family the one of that family alone gets its clients: another process'.
    steps += ["show"] + [f"who {proto} {CLIENT[family]} {port}" for family in "46" if family != other]
    done = subprocess.run([OPTIONS.drive, *steps], env=environment(settings), capture_output=True, text=True,
                          timeout=60, check=True)
    if holder:
        holder.terminate()
        holder.wait()
        holder.stdout.close()
    served = {KEY[other]: "another process"} if other else {}
    for line in done.stdout.splitlines():
        if not line.startswith("who "):
            continue
        family = "6" if "::1" in line else "4"
        name = line.rpartition(": ")[2]
        served[KEY[family]] = name if name == "nobody" else \
            "dual-stack socket" if pair[name] == "6" and f"{name}=0/" in done.stdout else "own socket"
    return served, done.stdout


def report(log):
    """The verdict of the only port: what the log says is, and what it says enforce would make of it."""
    if OPTIONS.blind:
        with open(log, encoding="utf-8") as records:
            lines = [json.loads(line) for line in records]
        with open(log, "w", encoding="utf-8") as records:
            for record in lines:
                record.pop("enforce", None)
                print(json.dumps(record), file=records)
    done = subprocess.run([OPTIONS.v6shim, "report", "--json", log], capture_output=True, text=True, check=True)
    verdicts = [verdict for process in json.loads(done.stdout)["processes"]
                for verdict in process["verdicts"]]
    assert len(verdicts) <= 1, verdicts
    told = verdicts[0] if verdicts else {"inet": "nobody", "inet6": "nobody"}
    now = {key: told[key] for key in KEY.values() if key in told}
    return now, told.get("enforce", now)


def rows():
    for proto, first, asked, reuse in itertools.product(("tcp", "udp"), "46", (None, 0, 1), (False, True)):
        yield first, proto, False, asked, reuse, None
        yield first, proto, False, asked, reuse, "6" if first == "4" else "4"
        if proto == "tcp":
            yield first, proto, True, asked, reuse, None
    for proto in ("tcp", "udp"):
        yield "m", proto, False, 1, False, None


def wrong_families(row, said, is_so):
    """Of another process a log knows what a conflict told. SO_REUSEADDR lets datagram sockets overlap without one."""
    unknown = [("nobody", "another process")]
    if row[1] == "udp" and row[4]:
        unknown.append(("dual-stack socket", "another process"))
    return [key for key in KEY.values()
            if key in said and said[key] != is_so[key] and (said[key], is_so[key]) not in unknown]


def main():
    wrong = undecided = count = 0
    for row, settings in itertools.islice(itertools.product(rows(), SETTINGS), 0, None, OPTIONS.every):
        log = f"{OPTIONS.folder}/{count}.jsonl"
        bare, _ = run(row, {})
        logged, _ = run(row, {**settings, "mode": "log", "log": log})
        enforced, printed = run(row, {**settings, "log": "off"})
        now, said = report(log)
        missing = [key for key in KEY.values() if key not in said]
        fault = logged != bare or wrong_families(row, now, bare) or wrong_families(row, said, enforced) or \
            (missing and not row[-1])
        count += 1
        undecided += bool(missing)
        wrong += bool(fault)
        if fault and OPTIONS.shown:
            print(f"{row} {settings}\n  bare {bare}\n  told {now}\n  enforced {enforced}\n"
                  f"  told {said}\n  log {log}\n{printed}")
        os.unlink(log)
        if fault and OPTIONS.first:
            break
    print(f"{wrong} of {count} wrong, {undecided} undecided")
    return 1 if wrong or not count else 0


def options():
    parser = argparse.ArgumentParser()
    for name in ("shown", "first", "blind"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    for name in ("v6shim", "library", "drive"):
        parser.add_argument(name)
    return parser.parse_args()


OPTIONS = options()
with tempfile.TemporaryDirectory() as OPTIONS.folder:
    sys.exit(main())
