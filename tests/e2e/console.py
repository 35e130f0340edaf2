#!/usr/bin/env python3
"""console.py [--write] DOCUMENT [REAL=SHOWN]... - runs the sessions of a document and compares what they show.

A session is a block that is fenced with ```console. Each of its lines that begins with `$ ` is typed into a shell of
the session's own, and the lines up to the next one are what it must print, standard error included. With --write they
are put into the document instead.

REAL=SHOWN: where a session prints REAL, a path of this machine, the document has SHOWN.

What is wider than a document is wrapped. What differs from run to run does not count: process ids in brackets, times,
and how many blanks and line ends part two words.

A command that ends in ` &` is taken to be a server: the next one is typed when something listens on a port and has fallen
silent. After `kill` it is typed when the process is gone. When the session is over, whatever it left running is ended.

Run it where that is nobody else's: in a network and a process namespace of its own, in a folder of its own.

Exit status: 0 where all is as the document says; 1 where it is not, with the differences; 2 for bad usage.
"""

import difflib
import os
import re
import select
import signal
import subprocess
import sys
import textwrap
import time

LIMIT = 60  # seconds that one command may take
SILENT = 0.4  # seconds without output after which a server is taken to have said what it has to say
MARK = "===== the end of a command ====="


def listening():
    """Whether any TCP socket listens."""
    rows = []
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(name) as table:
            rows += table.readlines()[1:]
    return any(row.split()[3] == "0A" for row in rows)


class Session:
    def __init__(self):
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.text = ""

    def read(self, seconds):
        """What comes within the time; None at the end."""
        if not select.select([self.shell.stdout], [], [], max(seconds, 0))[0]:
            return ""
        data = os.read(self.shell.stdout.fileno(), 65536)
        return data.decode(errors="replace") if data else None

    def processes(self):
        """Of the shell: a server that does not start leaves none."""
        with open(f"/proc/{self.shell.pid}/task/{self.shell.pid}/children") as children:
            return len(children.read().split())

    def settle(self, deadline):
        while not listening() and self.processes() and time.monotonic() < deadline:
            self.text += self.read(0.05) or ""
        while time.monotonic() < deadline:
            more = self.read(SILENT)
            if not more:
                return
            self.text += more

    def type(self, command):
        """The lines that it printed."""
        deadline = time.monotonic() + LIMIT
        before = self.processes()
        self.shell.stdin.write(f"{command}\necho '{MARK}'\n".encode())
        self.shell.stdin.flush()
        self.text = ""
        while MARK not in self.text:
            more = self.read(deadline - time.monotonic())
            if not more:
                raise SystemExit(f"console.py: no end of `{command}': {self.text}")
            self.text += more
        if command.endswith(" &"):
            self.settle(deadline)
        while command.startswith("kill ") and self.processes() >= before and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.text.replace(MARK + "\n", "").splitlines()

    def end(self):
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        deadline = time.monotonic() + 10
        while listening() and time.monotonic() < deadline:
            time.sleep(0.05)


def steady(lines):
    line = re.sub(r"\[\d+\]", "[PID]", "\n".join(lines))
    line = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", line)
    return line.split()


def play(lines, shown):
    """The session anew: its commands with what they print now."""
    session = Session()
    played = []
    try:
        for line in lines:
            if line.startswith("$ "):
                played.append(line)
                for said in session.type(line[2:]):
                    for real, instead in shown:
                        said = said.replace(real, instead)
                    played += textwrap.wrap(said, 98, subsequent_indent="    ") if len(said) > 98 else [said]
    finally:
        session.end()
    return played


def main():
    write = sys.argv[1:2] == ["--write"]
    words = sys.argv[1 + write :]
    if not words or not all("=" in word for word in words[1:]):
        print("usage: console.py [--write] DOCUMENT [REAL=SHOWN]...", file=sys.stderr)
        return 2
    shown = [word.split("=", 1) for word in words[1:]]
    with open(words[0]) as document:
        parts = re.split(r"(?m)^(```console\n.*?\n```)$", document.read(), flags=re.S)
    differ = sessions = 0
    for i, part in enumerate(parts):
        if not part.startswith("```console\n"):
            continue
        sessions += 1
        lines = part.split("\n")[1:-1]
        played = play(lines, shown)
        if write:
            parts[i] = "\n".join(["```console", *played, "```"])
        elif steady(played) != steady(lines):
            differ += 1
            print("\n".join(difflib.unified_diff(lines, played, "document", "now", lineterm="")))
    if write:
        with open(words[0], "w") as document:
            document.write("".join(parts))
    print(f"{sessions} sessions, {differ} differ")
    return 1 if differ or not sessions else 0


if __name__ == "__main__":
    sys.exit(main())
