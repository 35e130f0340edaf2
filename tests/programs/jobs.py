#!/usr/bin/env python3
"""jobs.py [WORD...]: starts a program, by these words, in an interactive shell on a terminal of its own, types ^Z, fg, ^C,
^C and prints what came of each. The program prints "ready" when it waits, "INT" for each SIGINT, and ends with the second."""
import os
import pty
import re
import select
import shlex
import signal
import sys
import time


def count(number, frame):
    global caught
    caught += 1
    os.write(1, b"INT\n")
    if caught == 2:
        os._exit(7)


if sys.argv[1:] == ["--count"]:
    caught = 0
    signal.signal(signal.SIGINT, count)
    signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"continues\n"))
    os.write(1, b"ready\n")
    while True:
        time.sleep(0.05)

pid, terminal = pty.fork()
if pid == 0:
    # Whoever runs this in the background has it ignored, and what is ignored cannot be trapped.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "PS1": "<prompt>", "HISTFILE": ""})
seen = ""


def until(pattern, seconds=20):
    """What came until the pattern did, which is taken away."""
    global seen
    end = time.monotonic() + seconds
    while not (found := re.search(pattern, seen, re.S)):
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit(f"no {pattern!r} in {seen!r}")
        seen += os.read(terminal, 4096).decode(errors="replace")
    before, seen = seen[: found.end()], seen[found.end():]
    return before


def type_in(text):
    os.write(terminal, text.encode())


until("<prompt>")
type_in(shlex.join([*sys.argv[1:], sys.executable, "-I", os.path.abspath(__file__), "--count"]) + "\n")
until("ready\r\n")
type_in("\x1a")
print("stopped" if "Stopped" in until("<prompt>") else "not stopped")
type_in("fg\n")
until("continues\r\n")
type_in("\x03")
until("INT\r\n")
type_in("\x03")
print("INT", 1 + until("<prompt>").count("INT\r\n"))
type_in("echo status=$?\n")
print(re.search(r"status=(\d+)", until(r"status=\d+\r\n")).group())
type_in("exit\n")
os.waitpid(pid, 0)
