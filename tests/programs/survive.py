"""survive.py - a server that does to its log and to itself what servers do, and goes on binding.

usage: survive.py [-o FILE] STEP... [-- COMMAND [ARG...]]

A step is one argument, its words parted by blanks; the table STEPS at the end has those of one line:

    bind [N]         N times (once): a socket is made, bound to [::]:0 and closed
    both [N]         a child of fork and its parent both do that, at the same time
    fork ... join    a child takes the steps between, the parent waits for it and goes on after
    daemon           into the background: fork, setsid, /dev/null on 0, 1 and 2
    exec [WORD...]   becomes that command, or itself anew for the steps that follow
    open PATH MODE N      what is there is then the server's own file; MODE is rw, write or append
    pipe N, got      the writing end of a pipe of its own at N; how many bytes came through it
    files DIRECTORY  files of its own at every number that is free, each with its name in it
    steal LOG FILE   a file of its own at just the number that LOG is open at
    held PATH        how many descriptors are open on it
    fill, release    no descriptor is left free; they are free again
    rename FROM TO   and so long passes that a log must have noticed
    await PATH       to meet with the test
    wipe             arguments and environment are overwritten, as by servers that write a title there
    filter STRAIT... from here on
    listener         a seccomp listener, which nobody asks, for a call that nobody makes
    landlock         no bind of TCP to any port; status 77 where there is no such thing
    scene NAME [STRAIT...]    see `scene`

Each prints a line, to standard output or with -o to FILE, which is out of the way at a high number:
the step, and "ok", the name of the error, or what was asked for. "bind: slow" took longer than a
server would put up with. Exit status: 0 whatever came of the steps; 2 for one that is none.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import socket
import struct
import sys
import termios
import time

FIRST, HIGH, MOST = 3, 20, 65536
SLOW_S, PATIENCE_S, MOMENT_S = 3, 20, 1.1
libc = ctypes.CDLL(None, use_errno=True)
rest = sys.argv[1:]
out = 1
kept = {"fill": [], "caught": 0}


def name(error):
    return errno.errorcode.get(error.errno, str(error.errno))


def bind(times=1):
    start = time.monotonic()
    for _ in range(times):
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("::", 0))
    return "slow" if time.monotonic() - start > SLOW_S else "ok"


def ended_well(child):
    return "ok" if os.waitpid(child, 0)[1] == 0 else "failed"


def both(times=1):
    child = os.fork()
    if child == 0:
        os._exit(bind(times) != "ok")
    said = bind(times)
    return said if ended_well(child) == "ok" else "failed"


def fork():
    child = os.fork()
    if child == 0:
        return "ok"
    while rest and rest.pop(0) != "join":
        pass
    return ended_well(child)


def put_at(fd, wanted):
    if fd != wanted:
        os.dup2(fd, wanted)
        os.close(fd)


def daemon():
    if os.fork():
        os._exit(0)
    os.setsid()
    for fd in range(FIRST):
        put_at(os.open("/dev/null", os.O_RDWR), fd)


def execute(*words):
    say("exec", "ok")
    words = words or (sys.executable, "-ISB", __file__, *rest)
    os.execvp(words[0], words)


def close_loop(_=None):
    for fd in range(FIRST, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], MOST)):
        try:
            os.close(fd)
        except OSError:
            pass


def own(path, wanted=None, flags=os.O_RDWR, text=None):
    """A file of the server's, with its name in it, which nobody else may add to."""
    fd = os.open(path, flags | os.O_CREAT, 0o644)
    if wanted is not None:
        put_at(fd, wanted)
        fd = wanted
    os.write(fd, f"{text or path}\n".encode())


def open_as(path, mode, wanted):
    own(path, wanted, {"rw": os.O_RDWR, "write": os.O_WRONLY, "append": os.O_WRONLY | os.O_APPEND}[mode])


def pipe(wanted):
    end, other = os.pipe()
    kept["pipe"] = fcntl.fcntl(end, fcntl.F_DUPFD, HIGH)
    os.close(end)
    os.set_blocking(kept["pipe"], False)
    put_at(other, wanted)


def got():
    try:
        return f"{len(os.read(kept['pipe'], 4096))} bytes"
    except BlockingIOError:
        return "0 bytes"


def files(directory):
    os.makedirs(directory, exist_ok=True)
    i = 0
    try:
        while True:
            own(f"{directory}/{i}", text=str(i))
            i += 1
    except OSError as error:
        return "ok" if error.errno == errno.EMFILE else name(error)


def open_on(path):
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += [int(fd)] * (os.readlink(f"/proc/self/fd/{fd}") == path)
        except OSError:
            pass
    return found


def steal(log, path):
    (fd,) = open_on(log)
    own(path, fd)


def is_open(fd):
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
        return "open"
    except OSError:
        return "closed"


def fill():
    try:
        while True:
            kept["fill"].append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass


def release():
    while kept["fill"]:
        fd = kept["fill"].pop()
        os.closerange(fd, fd + 1)


def rename(old, new):
    os.rename(old, new)
    time.sleep(MOMENT_S)


def link(target, path, user):
    os.symlink(target, path)
    os.lchown(path, user, user)


def chroot(directory):
    os.chroot(directory)
    os.chdir("/")


def drop_to(user):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def limit(which, value):
    which = {"fsize": resource.RLIMIT_FSIZE, "nofile": resource.RLIMIT_NOFILE}[which]
    resource.setrlimit(which, (value, resource.getrlimit(which)[1]))


def catch():
    def count(*_):
        kept["caught"] += 1

    signal.signal(signal.SIGPIPE, count)


def mask(how):
    signal.pthread_sigmask(how, [signal.SIGPIPE])


def break_pipe():
    """Its own write to a pipe that nobody reads."""
    end, other = os.pipe()
    os.close(end)
    try:
        os.write(other, b"x")
    finally:
        os.close(other)


def await_file(path):
    end = time.monotonic() + PATIENCE_S
    while not os.path.exists(path):
        if time.monotonic() > end:
            return "nobody came"
        time.sleep(0.01)


def wipe():
    # proc(5): arg_start, arg_end, env_start, env_end are fields 48 to 51, the second may have blanks.
    with open("/proc/self/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[48])
    ctypes.memset(start, ord("x"), end - start - 1)
    ctypes.c_void_p.in_dll(libc, "environ").value = None


# ---- straits: where the kernel gives a server nothing any more

def install(program, flags=0):
    code = ctypes.create_string_buffer(program)
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc.prctl(38, 1, 0, 0, 0)
    result = libc.syscall(317 if os.uname().machine == "x86_64" else 277, 1, flags, head)
    if result < 0:
        sys.exit("survive.py: no leave to filter system calls")
    return result


def op(code, k, unless=0):
    return struct.pack("HBBI", code, 0, unless, k)


def listener():
    os.set_inheritable(install(op(0x20, 0) + op(0x15, 400, 1) + op(0x06, 0x7fc00000) + op(0x06, 0x7fff0000), 8), True)


def landlock():
    if libc.syscall(444, None, 0, 1) < 4:
        os._exit(77)
    rules = libc.syscall(444, struct.pack("QQ", 0, 1), 16, 0)
    libc.prctl(38, 1, 0, 0, 0)
    return None if libc.syscall(446, rules, 0) == 0 else "failed"


def add_filter(calls, netlink, error):
    """seccomp(2): system calls by number, and sockets of AF_NETLINK and AF_UNIX, are refused; they kill without an error."""
    def refuse(value):
        return op(0x15, value, 1) + op(0x06, 0x80000000 if error is None else 0x50000 | error)

    program = op(0x20, 0) + b"".join(map(refuse, calls))
    if netlink:
        program += op(0x15, netlink, 5) + op(0x20, 16) + refuse(socket.AF_NETLINK) + refuse(socket.AF_UNIX)
    install(program + op(0x06, 0x7fff0000))


def narrow(*straits):
    """What proves that they are there: `descriptor EMFILE`, `memory ENOMEM`, `refused EPERM`.

    descriptors      RLIMIT_NOFILE is the lowest number that is free
    memory           RLIMIT_AS is 0
    calls=N[,N...]   these system calls are refused
    netlink=N        sockets of AF_NETLINK and AF_UNIX are, N being the number of socket(2)
    errno=N          with that error (1, EPERM)
    kill             they end the process (SIGSYS)
    """
    said = []
    words = dict((s.partition("=")[0], s.partition("=")[2]) for s in straits)
    if "descriptors" in words:
        fd = os.open("/dev/null", os.O_RDONLY)
        os.close(fd)
        limit("nofile", fd)
        try:
            os.open("/dev/null", os.O_RDONLY)
        except OSError as error:
            said.append("descriptor " + name(error))
    if "memory" in words:
        resource.setrlimit(resource.RLIMIT_AS, (0, resource.getrlimit(resource.RLIMIT_AS)[1]))
        try:
            mmap.mmap(-1, 4096)
        except OSError as error:
            said.append("memory " + name(error))
    calls = [int(n) for n in words.get("calls", "").split(",") if n]
    if "kill" in words:
        add_filter(calls, 0, None)
    elif calls or "netlink" in words:
        add_filter(calls, int(words.get("netlink", 0)), int(words.get("errno", 1)))
        args = (calls[0], -1, -1, -1) if calls else (int(words["netlink"]), socket.AF_NETLINK, 3, 0)
        libc.syscall(*args)
        said.append("refused " + errno.errorcode[ctypes.get_errno()])
    return said


def scene(what, *straits):
    """Calls of a child that has the sockets of this process, and the straits that it does not have.

    plain         an IPv6 socket binds [::]:0 and listens
    udp           an IPv6 datagram socket binds [::] and a port
    refused       an IPv6 socket binds a port that another one of the process listens on
    6-after-4     an IPv4 socket listens; an IPv6 one binds its port and listens
    4-after-6     the other way round
    6-after:PORT  an IPv6 socket binds that PORT and listens; alone:PORT: of ::1
    datagrams     a datagram socket of each family binds one port, with SO_REUSEADDR, IPv4 first

    What proves the straits, what came of the calls, and V6ONLY: `calls ok ok v6only 1`.
    """
    kind = socket.SOCK_DGRAM if what in ("udp", "datagrams") else socket.SOCK_STREAM
    any_of = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::1" if what.startswith("alone") else "::"}

    def new(family):
        s = socket.socket(family, kind)
        if kind == socket.SOCK_DGRAM or what == "plain":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return s

    def hold(s):
        s.bind((any_of[s.family], 0))
        if kind == socket.SOCK_STREAM:
            s.listen(8)
        return s.getsockname()[1]

    six, four = new(socket.AF_INET6), new(socket.AF_INET)
    port = int(what.partition(":")[2] or 0)
    acts = four if what == "4-after-6" else six
    if what == "refused":
        other = new(socket.AF_INET6)
        port = hold(other)
    elif what in ("6-after-4", "udp", "datagrams"):
        port = hold(four)
    elif what == "4-after-6":
        port = hold(six)
    if what == "udp":
        four.close()
    # What refuses to write refuses a pipe too.
    shared = mmap.mmap(-1, 4096)
    child = os.fork()
    if child == 0:
        said = narrow(*straits) + ["calls"]
        calls = [lambda: acts.bind((any_of[acts.family], port))]
        if kind == socket.SOCK_STREAM and what != "refused":
            calls.append(lambda: acts.listen(8))
        for call in calls:
            try:
                call()
                said.append("ok")
            except OSError as error:
                said.append(name(error))
        shared[:4096] = " ".join(said).encode().ljust(4096)
        os._exit(0)
    ended = ended_well(child)
    said = shared[:4096].rstrip().decode() if ended == "ok" else ended
    return f"{said} v6only {six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)}"


STEPS = {
    "bind": bind, "both": both, "fork": fork, "join": lambda: os._exit(0), "daemon": daemon,
    "exec": execute, "close": os.close, "close-loop": close_loop, "steal": steal, "is": is_open,
    "closefrom": lambda: getattr(libc, "closefrom", close_loop)(FIRST) or None,
    "close_range": lambda: os.closerange(FIRST, 1 << 30), "open": open_as, "pipe": pipe, "got": got,
    "null": lambda fd: put_at(os.open("/dev/null", os.O_RDWR), fd), "files": files,
    "save": lambda: kept.update(saved=os.dup(2)), "restore": lambda: os.dup2(kept["saved"], 2) and None,
    "held": lambda path: len(open_on(path)), "fill": fill, "release": release, "unlink": os.unlink,
    "truncate": lambda path: os.truncate(path, 0), "mkfifo": os.mkfifo, "rename-at-once": os.rename,
    "rename": rename, "moment": lambda: time.sleep(MOMENT_S), "link": link, "chroot": chroot,
    "user": drop_to, "limit": limit, "catch": catch, "caught": lambda: kept["caught"],
    "ignore": lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN) and None,
    "block": lambda: mask(signal.SIG_BLOCK), "unblock": lambda: mask(signal.SIG_UNBLOCK),
    "raise": lambda: signal.raise_signal(signal.SIGPIPE), "break": break_pipe,
    "kill": lambda: os.kill(os.getpid(), signal.SIGPIPE), "say": lambda word: word,
    "pending": lambda: "yes" if signal.SIGPIPE in signal.sigpending() else "no",
    "stop-output": lambda: termios.tcflow(2, termios.TCOOFF),
    "start-output": lambda: termios.tcflow(2, termios.TCOON),
    "touch": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)),
    "await": await_file, "wipe": wipe, "listener": listener, "landlock": landlock, "filter": lambda *straits: narrow(*straits) and None or None, "scene": scene,
}


def say(step, said):
    os.write(out, f"{step}: {said}\n".encode())


def main():
    global out
    # Python's own ways with these two are not a server's.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.alarm(120)
    if rest[:1] == ["-o"]:
        fd = os.open(rest[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        out = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
        os.close(fd)
        del rest[:2]
    while rest:
        if rest[0] == "--":
            os.execvp(rest[1], rest[1:])
        step, *words = rest.pop(0).split(" ")
        if step not in STEPS:
            sys.stderr.write(f"survive.py: not a step: {step}\n")
            sys.exit(2)
        try:
            said = STEPS[step](*(int(w) if w.isdigit() else w for w in words))
        except OSError as error:
            said = name(error)
        say(step, "ok" if said is None else said)
    # Without a word about descriptors that are no more.
    os._exit(0)


main()
