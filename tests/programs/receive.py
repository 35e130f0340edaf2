"""receive.py - stands in for a syslog daemon, or for the journal.

usage: receive.py log|full PATH
       receive.py journal|other COMMAND [ARG...]

log      takes datagrams at the UNIX socket PATH and prints each on a line of its own, control characters
         as \\NNN (octal), so that a newline at the end of one is seen
full     the same socket, from which nobody ever takes anything
journal  runs COMMAND with standard error on a stream socket and JOURNAL_STREAM saying so
         (systemd.exec(5)), and prints what comes there
other    the same, but JOURNAL_STREAM names another socket

log and full print "ready" first and go on until a signal ends them; a PATH that is left from one that was
ended is removed. Exit status: COMMAND's own.
"""

import os
import signal
import socket
import subprocess
import sys

what, path, *_ = sys.argv[1:]
signal.alarm(60)
if what in ("log", "full"):
    daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if os.path.lexists(path):
        os.unlink(path)
    daemon.bind(path)
    # A server that is no longer root writes there too.
    os.chmod(path, 0o666)
    print("ready", flush=True)
    while what == "full":
        signal.pause()
    while True:
        text = daemon.recv(65536).decode("latin-1")
        text = "".join(c if c >= " " and c != "\x7f" else f"\\{ord(c):03o}" for c in text)
        sys.stdout.buffer.write(text.encode("latin-1") + b"\n")
        sys.stdout.flush()
ours, theirs = socket.socketpair()
st = os.fstat(theirs.fileno())
child = subprocess.Popen(sys.argv[2:], stderr=theirs, restore_signals=True, env=dict(
    os.environ, JOURNAL_STREAM=f"{st.st_dev}:{st.st_ino + (what == 'other')}"))
theirs.close()
while data := ours.recv(4096):
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
sys.exit(child.wait())
