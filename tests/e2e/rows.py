#!/usr/bin/env python3
"""rows.py - runs tables of socket calls under settings; a row that comes out otherwise is named.

usage: rows.py [--fields NAME,...] [--events EVENT,...] [--once] [--each] [--no-control]
               [--under PROGRAM,WORD] <TABLE

A table is made of these lines; # begins a comment:

    STEP; STEP; ...             what programs/drive does in the rows that follow; `nobody: STEP; ...`
                                as another user
    holder [WORD...]: STEP; ... what another process has done before, and stays: without the library,
                                or with it under WORDs that are settings; the WORD nobody: another
                                user's. `holder` without steps ends all of them
    SETTINGS[, SETTINGS]... -> OUTCOMES [| RECORD; RECORD...]

SETTINGS are NAME=VALUE words, or `bare`: without the library. Each is run twice, with the log off
and with all of it on (--once: with it on alone). OUTCOMES are what the steps print but for "ok", in
their order; a failure is SOCKET.CALL=ERROR. P and Q are free ports.

RECORDs are compared where there is a bar (`none`: there are none): those of --events, by default all
that have an action or a finding; ipv4-socket counts with --each alone, for a process tells it once. Each is its --fields, a blank between them, but for those that are
"none"; what is absent is "-", a result "ok". holder.pid is "holder", "self" or "other". Behind " ~ "
stands a pattern that the note has to match.

Rows of the same settings are run by one process after another `reset`, where their steps allow it (--each: each
by its own), and in so few that no datagram sockets are thinned; but with mode=log, which remembers what enforce
would have left on a port until the process ends.
--under: by a program of tests/programs. Steps without a bare row are an error: they would show nothing (--no-control: it stands elsewhere).
TESTS_UNDER=PROGRAM,WORD is the same for every table.
TESTS_REACH (preload, supervise) says how the library, or what stands for it, gets its hold; TESTS_EVERY=N takes
every Nth of the STEPs alone, with the log on: a short form of a long table.
"""

import collections
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ["TESTS_BUILD"]
REACH = os.environ.get("TESTS_REACH", "preload")
EVERY = int(os.environ.get("TESTS_EVERY", 1))
PROGRAMS = f"{BUILD}/tests/programs"
DRIVE = f"{PROGRAMS}/drive" if REACH == "preload" else f"{PROGRAMS}/static/drive"
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
# A row that hangs fails; a driver ends by itself after a minute.
LIMIT = 70
FIELDS = "event family action finding result"
# Parts the rows of one process, in its output and in its log.
MARK = ["z socket tcp4", "z bind 127.0.0.9 0", "reset"]
ALONE = re.compile(r"\b(uid|fork|exec|thread|reset|others|accept)\b")

Row = collections.namedtuple("Row", "steps words outcome records")


def under(settings, log, steps):
    """The command and the environment that run the steps under these settings."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    if settings is None:
        return [DRIVE, *steps], env
    settings = {"log": log, "log-format": "json", "log-level": "all", **settings}
    if REACH == "supervise":
        options = [word for name in settings for word in (f"--{name}", settings[name])]
        return [f"{BUILD}/v6shim", "run", "--reach", REACH, *options, "--", DRIVE, *steps], env
    env["LD_PRELOAD"] = f"{BUILD}/libv6shim.so"
    for name, value in settings.items():
        env["V6SHIM_" + name.upper().replace("-", "_")] = value
    return [DRIVE, *steps], env


def outcomes(lines):
    """What drive printed, as a row has it."""
    told, name = [], ""
    for line in lines:
        step, _, came = line.rpartition(": ")
        words = step.split(" ")
        if re.fullmatch("[a-z]", words[0]):
            name = words.pop(0) + "."
        if re.fullmatch("E[A-Z0-9]+|-", came):
            told.append(f"{name}{words[0]}={came}")
        elif not re.fullmatch(r"ok|fd \d+|ended", came):
            told.append(came)
    return " ".join(told)


def parts(items, is_mark, before):
    """The items of each row: up to its mark, of which so many come before."""
    found = [[]]
    for item in items:
        if is_mark(item):
            del found[-1][len(found[-1]) - before:]
            found.append([])
        else:
            found[-1].append(item)
    return found


class Table:
    """What has been read of the table so far, and what came of it."""

    def __init__(self, options):
        self.fields = FIELDS.split()
        self.events = None
        self.control = True
        self.each = False
        self.under = [word for word in os.environ.get("TESTS_UNDER", "").split(",") if word]
        self.logs = (False, True) if EVERY == 1 else (True,)
        self.number, self.skips = 0, False
        while options:
            option = options.pop(0)
            if option == "--no-control":
                self.control = False
            elif option == "--each":
                self.each = True
            elif option == "--once":
                self.logs = (True,)
            else:
                setattr(self, option[2:], options.pop(0).split(","))
        self.dir = tempfile.mkdtemp()
        os.chmod(self.dir, 0o777)
        self.holders, self.pending = [], []
        self.steps, self.user = "", {}
        self.ports = {}
        self.rows = []
        self.had_bare = True
        self.count = 0
        self.failures = []

    # --- Reading

    def expand(self, text):
        for name in re.findall(r"\b[PQ]\b", text):
            if name not in self.ports:
                self.ports[name] = subprocess.check_output([f"{PROGRAMS}/freeport"], text=True).strip()
        return re.sub(r"\b[PQ]\b", lambda match: self.ports[match[0]], text)

    def check_control(self):
        if not self.had_bare:
            self.failures.append(f"no control: {self.steps}")

    def add_steps(self, line):
        self.check_control()
        user, self.steps = re.fullmatch(r"(nobody: )?(.*)", line).groups()
        if bool(user) != bool(self.user):
            self.flush()
        self.user = NOBODY if user else {}
        self.number += 1
        self.skips = self.number % EVERY > 0 or "mptcp" in self.steps and not os.path.exists("/proc/sys/net/mptcp")
        self.had_bare = not self.control or self.skips

    def add_holder(self, words, steps):
        self.flush()
        if steps:
            self.pending.append((words, steps))
        else:
            self.end_holders()

    def start_holder(self, words, steps):
        settings = dict(word.split("=", 1) for word in words.split() if "=" in word) or None
        command, env = under(settings, "off", [*self.expand(steps).split("; "), "wait"])
        holder = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True,
                                  **(NOBODY if "nobody" in words.split() else {}))
        self.holders.append(holder)
        told = []
        while (line := holder.stdout.readline()) and line != "wait: ready\n":
            told.append(line.rstrip())
        if not line or outcomes(told):
            self.failures.append(f"holder {steps}: {outcomes(told)}")

    def end_holders(self):
        for holder in self.holders:
            holder.terminate()
            holder.wait()
            holder.stdout.close()
        self.holders, self.pending = [], []
        self.ports = {}

    def add_rows(self, line):
        for holder in self.pending:
            self.start_holder(*holder)
        self.pending = []
        given, _, expected = line.partition("->")
        outcome, bar, records = expected.partition("|")
        records = None if not bar else [] if records.strip() == "none" else records.strip().split("; ")
        for words in given.strip().split(", "):
            self.had_bare |= words == "bare"
            self.rows.append(Row(self.steps, words, outcome.strip(), records))

    def read(self, lines):
        for line in lines:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if holder := re.fullmatch(r"holder((?: [\w=-]+)*)(?:: (.*))?", line):
                self.check_control()
                self.had_bare = True
                self.add_holder(holder[1], holder[2])
            elif "->" in line:
                if not self.skips:
                    self.add_rows(line)
            else:
                self.add_steps(line)
        self.check_control()
        self.flush()

    # --- Running

    def flush(self):
        """Runs what has been read: one process for each setting, and one for each row of its own."""
        groups, datagrams = {}, collections.Counter()
        for number, row in enumerate(self.rows):
            alone = self.each or ALONE.search(row.steps) or "mode=log" in row.words
            datagrams[row.words] += row.steps.count("socket udp")
            part = number if alone else f"part {datagrams[row.words] // 6}"
            groups.setdefault((row.words, part), []).append(row)
        self.rows = []
        for (words, _), rows in groups.items():
            for log in (False,) if words == "bare" else self.logs:
                self.run(words, log, rows)

    def run(self, words, log, rows):
        path = f"{self.dir}/log"
        if os.path.exists(path):
            os.unlink(path)
        steps = []
        for row in rows:
            steps += [*self.expand(row.steps).split("; "), *(MARK if len(rows) > 1 else [])]
        settings = None if words == "bare" else \
            dict(word.split("=", 1) for word in shlex.split(self.expand(words)))
        command, env = under(settings, path if log else "off", steps)
        if self.under:
            command = [f"{PROGRAMS}/{self.under[0]}", self.under[1], *command]
        with open(f"{self.dir}/stderr", "w+", encoding="utf-8") as stderr:
            done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, timeout=LIMIT,
                                  stdout=subprocess.PIPE, stderr=stderr, text=True, check=False,
                                  **self.user)
            stderr.seek(0)
            said = stderr.read().strip()
        said += f" status {done.returncode}" if done.returncode else ""
        told = parts(done.stdout.splitlines(), lambda line: line == "reset: ok", 2)
        records = self.records(path) if log else []
        for i, row in enumerate(rows):
            self.count += 1
            came = outcomes(told[i]) if i < len(told) else "nothing"
            what = f"{words} (log {'on' if log else 'off'})"
            self.compare(row, what, row.outcome, f"{came} [{said}]" if said else came)
            if log and row.records is not None:
                self.compare_records(row, what, records[i] if i < len(records) else [])

    def compare(self, row, what, expected, came):
        if expected != came:
            self.failures.append(f"{row.steps}\n  {what}\n    expected: {expected}\n    actual:   {came}")

    def compare_records(self, row, what, told):
        wanted = [record.partition(" ~ ")[::2] for record in row.records]
        self.compare(row, what + ", records", "; ".join(fields for fields, _ in wanted),
                     "; ".join(fields for fields, _ in told))
        for (_, pattern), (_, note) in zip(wanted, told):
            if not re.search(self.expand(pattern), note):
                self.compare(row, what + ", note", pattern, note)

    # --- Records

    def records(self, path):
        """Of each row the records that are compared, each with its note."""
        records = []
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as log:
                records = [json.loads(line) for line in log]
        if not records or records[0]["event"] != "load":
            self.failures.append("a log without a load record")
        return [[self.shown(record) for record in part if self.is_chosen(record)]
                for part in parts(records[1:], lambda record: record.get("addr") == "127.0.0.9", 1)]

    def is_chosen(self, record):
        if self.events:
            return record["event"] in self.events
        return (record.get("action"), self.finding(record)) != ("none", "none")

    def finding(self, record):
        finding = record.get("finding")
        return "none" if finding == "ipv4-socket" and not self.each else finding

    def shown(self, record):
        words = [self.field(record, name) for name in self.fields]
        return " ".join(word for word in words if word != "none"), record.get("note", "")

    def field(self, record, name):
        if name == "result":
            return record.get("errno", "ok")
        if name == "finding":
            return self.finding(record) or "-"
        value = record
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if name == "holder.pid" and value is not None:
            pids = [holder.pid for holder in self.holders]
            return "self" if value == record["pid"] else "holder" if value in pids else "other"
        for port in self.ports:
            if str(value) == self.ports[port]:
                return port
        if isinstance(value, list):
            return ",".join(value)
        return "-" if value is None else str(value)


def main():
    table = Table(sys.argv[1:])
    try:
        table.read(sys.stdin)
    finally:
        table.end_holders()
        shutil.rmtree(table.dir)
    for failure in table.failures[:20]:
        print(failure, file=sys.stderr)
    print(f"rows: {table.count}, failures: {len(table.failures)}", file=sys.stderr)
    return 1 if table.failures or not table.count else 0


sys.exit(main())
