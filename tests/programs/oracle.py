#!/usr/bin/env python3
"""oracle.py - random programs of sockets, bare and under the library: no bind or listen lost, none gained.

usage: oracle.py [-n PROGRAMS] [-s SEED] [-o INDEX] [-m MOST] LIBRARY

LIBRARY is libv6shim.so, or "bare". -o tries the program of that index alone, and -m ends after that many kinds of
failing programs (10). To be run as root of a network namespace; it makes others as ports run out.

A program is up to 24 steps of up to three processes, two of them forked, and of a stranger, which the library does not
govern. One step is made at a time, so that each run is the same. It is made under the library first. What its calls gave
there, and the V6ONLY and SO_REUSEPORT that they left, is the state in which the kernel is then asked, bare, about each
call: calls that failed under the library are left out of what follows, and where one succeeded that fails bare, the two
options are set as the library left them, and it is made again; then, from the start, with V6ONLY=1 on the sockets where
the library had it. If that does not help either the replay says nothing of what follows. There are three replays:

  bare    nothing else is changed
  policy  V6ONLY is set where and as the policy says (DESIGN.md 1.2, 1.3), but for what was split or yielded
  apart   V6ONLY is 1 on every `::`: what fails here is in conflict with a socket of its own family

The rules, of bind and listen alone (DESIGN.md 1.5, 1.8):

  lost      it fails, and succeeds bare. E0: but where it fails alike with the policy, which sets V6ONLY to 1 (a mapped
            address; a port whose sockets the kernel does not look at one by one). E1: but where the policy cleared V6ONLY
            of one of two sockets, the other wants IPv4 of the port, and is not held by the process that calls, or is another
            user's
  unserved  it fails, and succeeds with the policy; but for an IPv6 bind beside an own IPv4 socket, to which it yields
  gained    it succeeds, fails bare and with the policy, and no record says split, share or yield. E2: but for a socket
            with SO_REUSEPORT of its own, beside one that was shared
  let-in    it succeeds with such a record, and fails apart; but for E2
  unasked   it succeeds with such a record that on-conflict does not allow, bare EADDRINUSE: with `fail`, a split without
            `resolve`, an IPv4 socket with `share-ipv6`, a yield; but for
            E2, and beside a mapped address that the policy made good. E3: but for a yield to connections alone, accepted, or
            made by a dup or by what another process bound: what was asked of the listener, which is gone, or of that
            socket, nobody knows
  needless  a yield where no socket of the other family has the port
  errno     it fails with another errno than bare and with the policy
  value     it succeeds without such a record, and V6ONLY is not as with the policy
  remains   it fails, and V6ONLY or SO_REUSEPORT is not as before

A program that breaks one is made again alone, loses the steps that do not matter, and is printed with what each run gave;
where it breaks none alone, the programs before it in the same process are made too. Exit status: 0, 1 where a rule was broken.
"""

import errno
import gc
import json
import os
import socket
import struct
import sys

TCP, UDP, MPTCP = socket.SOCK_STREAM, socket.SOCK_DGRAM, 262
KINDS = {'tcp6': (socket.AF_INET6, TCP, 0), 'tcp4': (socket.AF_INET, TCP, 0), 'udp6': (socket.AF_INET6, UDP, 0),
         'udp4': (socket.AF_INET, UDP, 0), 'mptcp6': (socket.AF_INET6, TCP, MPTCP), 'mptcp4': (socket.AF_INET, TCP, MPTCP)}
OPTIONS = {'v6only': (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY), 'reuseaddr': (socket.SOL_SOCKET, socket.SO_REUSEADDR),
           'reuseport': (socket.SOL_SOCKET, socket.SO_REUSEPORT)}
POLICIES = {'app': None, 'ipv6-only': 1, 'both': 0, 'default-ipv6-only': 1, 'default-both': 0}
ON_CONFLICTS = ['fail', 'resolve', 'share', 'share-ipv6']
PROCESSES, STRANGER, NOBODY, BATCH, PATIENCE, FIRST_PORT, LAST_PORT = 3, 3, 4, 50, 60, 2000, 30000


# ---- what makes the steps: a process of its own, and what it forks; one message a step

class Maker:
    def __init__(self, log, *channels):
        self.channels, self.mine, self.sockets, self.peers = channels, channels[0], {}, {}
        # Of its own, and of all that it forks; of bare ones there are no records.
        self.log = os.open(f'/proc/self/fd/{log}' if 'LD_PRELOAD' in os.environ else '/dev/null', os.O_RDONLY)
        if 'LD_PRELOAD' in os.environ:
            os.lseek(self.log, 0, os.SEEK_END)

    def serve(self):
        while message := self.mine.recv(65536):
            self.mine.send(json.dumps([self.make(*step) for step in json.loads(message)]).encode())

    def make(self, name, *words):
        try:
            return getattr(self, 'do_' + name)(*words)
        except OSError as e:
            return e.errno
        except KeyError:
            return None  # there is no such socket

    @staticmethod
    def close_at_once(s):
        """Resets a connection: nothing is left for the next program."""
        if s is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            s.close()

    def put(self, slot, s):
        self.close_at_once(self.peers.pop(slot, None))
        self.close_at_once(self.sockets.pop(slot, None))
        if s is not None:
            self.sockets[slot] = s

    def get(self, s, option):
        try:
            return s.getsockopt(*OPTIONS[option])
        except OSError:
            return None

    def do_end(self):
        for slot in [*self.sockets, *self.peers]:
            self.put(slot, None)
        if self.mine is not self.channels[0]:
            os._exit(0)
        try:
            while os.wait():
                pass
        except ChildProcessError:
            return 0

    def do_fork(self, _, number, character):
        if os.fork() == 0:
            self.mine = self.channels[number]
            self.peers = {}
            if character == 'other-user':
                os.seteuid(1)
            self.serve()
            os._exit(0)
        return 0

    def do_socket(self, slot, kind, v6only=None):
        self.put(slot, socket.socket(*KINDS[kind]))
        if v6only is not None and kind[-1] == '6':
            self.do_option(slot, 'v6only', v6only)
        return 0

    def do_option(self, slot, option, value):
        self.sockets[slot].setsockopt(*OPTIONS[option], value)
        return 0

    def do_device(self, slot, name):
        self.sockets[slot].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        return 0

    def do_dup(self, slot, to):
        old = self.sockets[slot]
        s = socket.socket(old.family, old.type, old.proto, os.dup(old.fileno()))
        if to in self.sockets:
            self.sockets.pop(to).close()  # not reset: the duplicate of a connection lives
        self.sockets[to] = s
        return 0

    def do_close(self, slot):
        self.sockets[slot].fileno()
        self.put(slot, None)
        return 0

    def do_connect(self, slot):
        """To a port where nobody is."""
        s = self.sockets[slot]
        s.setblocking(False)
        try:
            return s.connect_ex(('127.0.0.1' if s.family == socket.AF_INET else '::1', 9))
        finally:
            s.setblocking(True)

    def do_accept(self, slot, to):
        """A client of the same family; where another listener gets it, or none, nothing was accepted."""
        s = self.sockets[slot]
        if not s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return errno.EINVAL
        client = socket.socket(s.family, TCP)
        try:
            client.settimeout(0.1)
            s.settimeout(0.02)
            client.connect(s.getsockname())
            self.put(to, s.accept()[0])
            self.sockets[to].setblocking(True)
            self.peers[to] = client
            return 0
        except OSError as e:
            self.close_at_once(client)
            return e.errno or errno.EAGAIN
        finally:
            s.setblocking(True)

    def do_reset(self, slot):
        self.close_at_once(self.peers.pop(slot))
        return 0

    def do_timewait(self, slot):
        peer = self.peers.pop(slot)
        self.sockets.pop(slot).close()
        peer.close()
        return 0

    def call(self, s, words):
        if not words:
            s.listen(8)
            return
        address, port = words
        s.bind((address, self.sockets[port].getsockname()[1] if isinstance(port, str) else port))

    def is_governed(self, s, words):
        """DESIGN.md 1.2: `::` with a port; a stream with SO_REUSEADDR without one; a listen without a bind."""
        port = words and (self.sockets[words[1]].getsockname()[1] if isinstance(words[1], str) else words[1])
        return not words or (words[0] == '::' and (
            port != 0 or (s.type == TCP and self.get(s, 'reuseaddr') == 1)))

    def state(self, s):
        return (self.get(s, 'v6only') if s.family == socket.AF_INET6 else None,
                ''.join(i for i in sorted(self.sockets) if self.get(self.sockets[i], 'reuseport')))

    def attempt(self, s, words):
        try:
            self.call(s, words)
        except OSError as e:
            return e.errno
        return 0

    def do_call(self, slot, words, v6only, where_governed, again):
        """A bind, or a listen where there are no WORDS. Where V6ONLY is not None it is set before. Where AGAIN is not and the
        call fails, its V6ONLY is set, and SO_REUSEPORT of its slots, and it is made again. Returns the error, that of the first
        attempt, both before and after, and which action the library's records tell of."""
        s = self.sockets[slot]
        left = self.state(s)[0]
        if v6only is not None and s.family == socket.AF_INET6 and (
                not where_governed or self.is_governed(s, words)):
            self.make('option', slot, 'v6only', v6only)  # what is bound refuses it
        before = self.state(s)
        first = error = self.attempt(s, words)
        if first and again:
            if again[0] is not None:
                self.make('option', slot, 'v6only', again[0])
            for other in again[1]:
                self.make('option', other, 'reuseport', 1)
            error = self.attempt(s, words)
        elif error and left is not None:
            self.make('option', slot, 'v6only', left)
        log = os.read(self.log, 1 << 20)
        found = [w for w in ('split', 'share', 'yield') if f'"action":"{w}"'.encode() in log]
        return [error, first, before, self.state(s), *found[:1]]


if sys.argv[1:2] == ['-w']:
    gc.disable()  # or a fork would copy what it looks at
    Maker(int(sys.argv[2]), *(socket.socket(fileno=int(fd)) for fd in sys.argv[3:])).serve()
    sys.exit(0)


# ---- one program, in one run

import argparse  # noqa: E402 - what makes the steps is started often, and needs none of these
import ctypes  # noqa: E402
import random  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402


class Died(Exception):
    pass


class Result:
    """What a step gave: error is None where it was not made, first what the first attempt gave."""

    def __init__(self, answer):
        if not isinstance(answer, list):
            answer = [answer, answer, (None, ''), (None, '')]
        self.error, self.first, self.before, self.after, self.action = (*answer, None)[:5]

    def __str__(self):
        v6only = f' v6only={self.after[0]}' if self.after[0] is not None else ''
        return '-' if self.first is None else (
            (errno.errorcode[self.first] if self.first else 'ok') + v6only + f' {self.action or ""}')


class Worker:
    def __init__(self, environment=None):
        ours, theirs = zip(*(socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(PROCESSES)))
        fds = [s.fileno() for s in theirs]
        self.process = subprocess.Popen(
            [sys.executable, '-IS', os.path.realpath(__file__), '-w', str(LOG), *map(str, fds)], pass_fds=[LOG, *fds],
            env={**os.environ, **(environment or {})})
        self.channels, self.alive, self.ends = ours, {0}, []
        for s in ours:
            s.settimeout(PATIENCE)
        for s in theirs:
            s.close()

    def ask(self, process, steps):
        """Processes that it forked end without an answer, and process 0 with its next message, when it has waited for them."""
        if process == 0:
            steps = [*self.ends, *steps]
        try:
            self.channels[process].send(json.dumps(steps).encode())
            answer = self.channels[process].recv(65536)
        except OSError:
            answer = b''
        if not answer:
            raise Died
        answers = json.loads(answer)
        if process == 0 and self.ends:
            self.ends = []
            return answers[1:]
        return answers

    def end(self):
        for process in self.alive - {0}:
            self.channels[process].send(b'[["end"]]')
        self.alive, self.ends = {0}, [['end']]

    def stop(self):
        for s in self.channels:
            s.close()
        self.process.kill()
        self.process.wait()


class Runs:
    """The runs of programs under one setting: (policy, on-conflict, bindv6only)."""

    port = LAST_PORT
    bare = stranger = None

    def __init__(self, library, setting):
        self.policy, self.on_conflict, bindv6only = self.setting = setting
        if Runs.port + 40 * BATCH > LAST_PORT:
            self.make_network()
        with open('/proc/sys/net/ipv6/bindv6only', 'w') as f:
            f.write(str(bindv6only))
        self.under = Worker(library != 'bare' and {
            'LD_PRELOAD': library, 'V6SHIM_POLICY': self.policy, 'V6SHIM_ON_CONFLICT': self.on_conflict,
            'V6SHIM_LOG': f'fd:{LOG}', 'V6SHIM_LOG_FORMAT': 'json'})

    @staticmethod
    def make_network():
        """lo and two devices that lead nowhere; where there can be none they are missing in every run."""
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0:
            sys.exit('oracle: no leave to make a network namespace')
        for command in ['link set lo up', *(f'{c} t{i} {d}' for i in (0, 1) for c, d in (
                ('tuntap add', 'mode tun'), ('link set', 'up')))]:
            subprocess.run(['ip', *command.split()], check=command.endswith('lo up'), stderr=subprocess.DEVNULL)
        for worker in (Runs.bare, Runs.stranger):
            if worker:
                worker.stop()
        Runs.port, Runs.bare, Runs.stranger = FIRST_PORT, Worker(), Worker()

    def stop(self):
        self.under.stop()

    def run(self, worker, program, way=None, shim=None, skip=(), loosen=0):
        """Steps that one process makes in a row are one message."""
        Runs.port += 2
        results = [Result(None) for _ in program]
        to, numbers, messages = None, [], []

        def send():
            for i, answer in zip(numbers, to[0].ask(to[1], messages) if to else ()):
                results[i] = Result(answer)
        for i, step in enumerate(program):
            message = None if i in skip else self.message(step, way, shim and shim[i], i < loosen)
            target = (Runs.stranger, 0) if step[0] == STRANGER else (worker, step[0])
            if message is None or target[1] not in target[0].alive:
                continue
            if target != to:
                send()
                to, numbers, messages = target, [], []
            if step[2] == 'fork':
                worker.alive.add(step[3])
            numbers.append(i)
            messages.append(message)
        send()
        worker.end()
        Runs.stranger.end()
        return results

    def message(self, step, way, shim, loosen):
        who, slot, op, *args = step
        governed = who != STRANGER
        forced = not self.policy.startswith('default-')
        value = POLICIES[self.policy]
        if op == 'socket' and way == 'policy' and governed and not forced:
            return [op, slot, *args, value]
        if op in OPTIONS:
            return ['option', slot, op, *args]
        if op not in ('bind', 'listen'):
            return [op, slot, *args]
        words = args and [args[0], {'P': Runs.port, 'Q': Runs.port + 1, '0': 0}.get(args[1], args[1])]
        want, only = None, False
        if way == 'apart':
            want = 1 if not args or args[0] == '::' else 0 if '.' in args[0] else None
        elif way and shim.error == 0 and shim.after[0] == 1 and loosen and args[:1] == ['::']:
            want = 1
        elif way == 'policy' and governed:
            want, only = value if forced else None, True
            if shim.error == 0 and shim.action in ('split', 'yield'):
                want = shim.after[0]
        return ['call', slot, words, want, only, shim.after if way in ('bare', 'policy') and shim.error == 0 else None]

    def replay(self, program, way, shim):
        """Until it is in the state that the library left before each step, or cannot be."""
        skip = {i for i, r in enumerate(shim) if r.error != 0 and program[i][2] != 'connect'} if way == 'apart' else set()
        loosen, seen = 0, []
        while True:
            results = self.run(Runs.bare, program, way, shim, skip, loosen)
            for i, r in enumerate(results):
                if i >= len(seen):
                    seen.append(r)
                if i in skip or (r.error == 0) == (shim[i].error == 0):
                    continue
                if shim[i].error != 0:
                    skip.add(i)
                elif way != 'apart' and program[i][2] in ('bind', 'listen') and loosen < i:
                    loosen = i
                else:
                    COUNTS['replays cut'] += 1
                    return seen + [Result(None)] * (len(program) - len(seen))
                break
            else:
                return seen


# ---- the judgement

COUNTS = dict.fromkeys(('calls judged', 'replays cut', 'not repeated', 'E0', 'E1', 'E2', 'E3'), 0)


class Known:
    """What the sockets of a program are before each step: KNOWN.held[process][slot], and the one that the step takes."""

    def __init__(self):
        self.held = {p: {} for p in range(NOBODY + 1)}
        self.others = set()

    def port_of(self, mine, port):
        return (mine.get(port) or {}).get('port') if len(port) == 1 and port.islower() else port if port != '0' else None

    def learn(self, step, shim, bare):
        who, slot, op, *args = step
        mine = self.held[who]
        s = mine.get(slot)
        if op == 'connect' and s:
            s['connected'] = True
        if shim.error != 0:
            return
        if op == 'fork':
            self.held[args[0]] = dict(mine)
            if args[1] == 'other-user':
                self.others.add(args[0])
        elif op == 'socket':
            mine[slot] = {'six': args[0][-1] == '6', 'stream': 'tcp' in args[0], 'bound': False, 'own': 0, 'shared': 0,
                          'user': who in self.others}
        elif op == 'accept':
            mine[args[0]] = {**s, 'connected': True, 'unknown': True}
        elif op == 'dup':
            mine[args[0]] = s
            s['unknown'] = True
        elif op in ('close', 'timewait'):
            mine.pop(slot, None)
            if op == 'timewait':
                self.held[NOBODY][len(self.held[NOBODY])] = s
        elif op == 'reuseport':
            s['own'] = args[0]
        elif op in ('bind', 'listen'):
            if not s['bound']:
                s.update(self.place(mine, op, args, s), bound=True, binder=who, asked=bare.after[0],
                         made_good=bare.first == errno.EINVAL)
            s['v6only'] = shim.after[0]
            for i, other in mine.items():
                other['shared'] = i in shim.after[1] and not other['own']

    def place(self, mine, op, args, s):
        port = self.port_of(mine, args[1]) if op == 'bind' else None
        return {'address': args[0] if op == 'bind' else '::' if s['six'] else '0.0.0.0', 'port': port or object()}

    def beside(self, step, bare):
        """The socket of the step as it will be, and each other one of the port, with whether the process holds it."""
        who, slot, op, *args = step
        mine = self.held[who]
        me = mine[slot]
        if not me['bound']:
            me = {**me, **self.place(mine, op, args, me), 'asked': bare.before[0], 'v6only': None}
        others = {id(s): s for held in self.held.values() for s in held.values()
                  if s is not mine[slot] and s['bound'] and s['port'] == me['port'] and s['stream'] == me['stream']}
        me = {**me, 'who': who}
        return me, [(s, any(s is t for t in mine.values())) for s in others.values()]


def is_wild(s):
    return s['six'] and s['address'] == '::'


def is_inet6(s):
    return s['six'] and '.' not in s['address']


def policy_made_it(step, me, other, own):
    def wants4(s):
        return not is_inet6(s) or (is_wild(s) and s['asked'] == 0)
    if own and step[0] != STRANGER and me['user'] == other['user']:
        return False
    return any(is_wild(a) and a['asked'] == 1 and a['v6only'] == 0 and wants4(b) for a, b in ((other, me), (me, other)))


def judge_failure(step, r, plain, policy, value, beside):
    me, others = beside
    if r.before != r.after:
        return 'remains'
    if plain == 0 and policy == r.error and value == 1:
        COUNTS['E0'] += 1
    elif plain == 0 and r.error == errno.EADDRINUSE and any(policy_made_it(step, me, *o) for o in others):
        COUNTS['E1'] += 1
    elif plain == 0:
        return 'lost'
    elif policy == 0:
        return None if is_wild(me) and any(own and not o['six'] for o, own in others) else 'unserved'
    elif plain and policy and r.error not in (plain, policy):
        return 'errno'
    return None


def judge_success(r, plain, policy, ways, on_conflict, beside):
    me, others = beside
    opened = False
    if (ways['apart'].error if r.action else plain and policy):
        opened = me['own'] and any(o['shared'] for o, _ in others)
        if not opened:
            return 'let-in' if r.action else 'gained'
        COUNTS['E2'] += 1
    if not r.action:
        return 'value' if policy == 0 and ways['policy'].after[0] != r.after[0] else None
    in_the_way = [o for o, own in others if own and o['six'] and not o['v6only']]
    if plain == errno.EADDRINUSE and r.action == 'yield' and not me['six'] and in_the_way and all(
            o.get('connected') and (o.get('unknown') or o['binder'] != me['who']) for o in in_the_way):
        COUNTS['E3'] += 1
    elif not opened and not any(o['made_good'] for o, _ in others) and plain == errno.EADDRINUSE and (
            on_conflict == 'fail' or r.action == 'yield' or (r.action == 'split' and on_conflict != 'resolve') or
            (on_conflict == 'share-ipv6' and not me['six'])):
        return 'unasked'
    return 'needless' if r.action == 'yield' and all(is_inet6(o) == is_inet6(me) for o, _ in others) else None


def judge(runs, program):
    """The rule that is broken first, the number of the step, and all the results; or None."""
    try:
        shim = runs.run(runs.under, program)
    except Died:
        return 'died', 0, {'under the library': [Result(None)] * len(program)}
    ways = {'under the library': shim, 'bare': runs.replay(program, 'bare', shim)}
    ways['policy'] = ways['bare'] if runs.policy == 'app' else runs.replay(program, 'policy', shim)
    ways['apart'] = (runs.replay(program, 'apart', shim) if any(r.action for r in shim) else
                     [Result(None)] * len(program))
    known = Known()
    for i, step in enumerate(program):
        r, now = shim[i], {way: results[i] for way, results in ways.items()}
        if step[2] in ('bind', 'listen') and r.error is not None:
            COUNTS['calls judged'] += 1
            beside = known.beside(step, now['bare'])
            plain, policy = now['bare'].first, now['policy'].first
            broken = judge_failure(step, r, plain, policy, POLICIES[runs.policy], beside) if r.error else judge_success(
                r, plain, policy, now, runs.on_conflict, beside)
            if broken:
                return broken, i, ways
        known.learn(step, r, now['bare'])
    return None


# ---- programs

def make_program(seed, index):
    """What is pointless is rare in it, and what is wrong is there too."""
    rng = random.Random(f'{seed} {index}')
    chance = {'reuseaddr': rng.choice((0, .5, 1, 1)), 'reuseport': rng.choice((0, 0, 0, .1, .4, 1)),
              'stream': rng.choice((.5, 1, 1, 1, 1, 0))}
    processes, most = [0], rng.choice((1, 1, 1, 1, 2, 2, 3))
    if rng.random() < .15:
        processes.append(STRANGER)
    held = {p: {} for p in range(PROCESSES + 1)}  # slot: [kind, stage]
    slots = 'abcdef'[:rng.randint(2, 6)]
    program, want = [], rng.randint(6, 24)

    def add_socket(who, slot):
        stream = rng.random() < chance['stream']
        kind = rng.choice(('tcp6',) * 6 + ('tcp4',) * 6 + ('mptcp6', 'mptcp4') if stream else ('udp6', 'udp4'))
        program.append((who, slot, 'socket', kind))
        held[who][slot] = [kind, 'fresh']
        if kind[-1] == '6' and rng.random() < .5:
            program.append((who, slot, 'v6only', rng.choice((0, 1, 1, 1))))
        for option in ('reuseaddr', 'reuseport'):
            if rng.random() < chance[option]:
                program.append((who, slot, option, 1))
        if rng.random() < .08:
            program.append((who, slot, 'device', rng.choice(('t0', 't1', 'lo'))))

    while len(program) < want:
        who = rng.choice(processes)
        if STRANGER + most > len(processes) + STRANGER and rng.random() < .15:
            child = len([p for p in processes if p != STRANGER])
            if child < most:
                processes.append(child)
                program.append((0, '-', 'fork', child, rng.choice(('sibling', 'sibling', 'sibling', 'other-user'))))
                held[child] = {slot: list(s) for slot, s in held[0].items()}
            continue
        slot, to = rng.choice(slots), rng.choice(slots)
        kind, stage = held[who].get(slot, (None, 'empty'))
        op = rng.choice({'empty': ['socket'],
                         'fresh': ['bind'] * 12 + ['listen', 'v6only', 'close', 'dup', 'reuseaddr', 'reuseport'],
                         'bound': ['listen'] * 8 + ['close'] * 3 + ['dup', 'dup', 'reuseaddr', 'reuseport', 'connect'],
                         'listens': ['accept'] * 4 + ['close'] * 3 + ['dup', 'dup', 'reuseport', 'listen'],
                         'joined': ['reset', 'reset', 'timewait', 'close', 'close', 'dup']}[stage])
        if op == 'socket':
            add_socket(who, slot)
            continue
        if (op == 'listen' and kind[:3] == 'udp' and rng.random() < .9) or (op == 'v6only' and kind[-1] == '4') or (
                op == 'accept' and to == slot):
            continue
        args = ()
        if op == 'bind':
            six = ['::'] * 10 + ['::1', '127.0.0.1', '127.0.0.1', '0.0.0.0']
            address = rng.choice(six if kind[-1] == '6' else ['0.0.0.0'] * 6 + ['127.0.0.1'] * 3 + ['127.0.0.2'])
            address = '::ffff:' + address if kind[-1] == '6' and '.' in address else address
            args = (address, rng.choice(['P'] * 14 + ['Q', '0', '0', rng.choice(slots)]))
        elif op in OPTIONS:
            args = (rng.choice((0, 1, 1)),)
        elif op in ('accept', 'dup'):
            args = (to,)
            held[who][to] = [kind, 'joined' if op == 'accept' else stage]
        if op in ('close', 'timewait'):
            del held[who][slot]
        elif op in ('bind', 'listen'):
            held[who][slot][1] = 'bound' if op == 'bind' else 'listens'
        program.append((who, slot, op, *args))
    return program


def plainer(program):
    """Programs that are a little less than this one."""
    for i in reversed(range(len(program))):
        yield program[:i] + program[i + 1:]
    for i, (who, slot, op, *args) in enumerate(program):
        less = {'socket': [str(args[0]).replace('mptcp', 'tcp')], 'fork': [*args[:1], 'sibling'],
                'bind': [*args[:1], 'P']}.get(op, args) if args else args
        for changed in ([less] if op != 'bind' else [less, [args[0], '0']]):
            if changed != args and args[-1] != 'P':
                yield program[:i] + [(who, slot, op, *changed)] + program[i + 1:]
    names = {}
    for _, slot, op, *args in program:
        for word in (slot, *args):
            if isinstance(word, str) and word in 'abcdef':
                names.setdefault(word, 'abcdef'[len(names)])
    named = [(who, *(names.get(w, w) for w in words)) for who, *words in program]
    if named != program:
        yield named


def judge_alone(library, setting, *programs):
    """In a process of its own; the judgement of the last."""
    runs = Runs(library, setting)
    try:
        return [judge(runs, p) for p in programs][-1]
    finally:
        runs.stop()


def look_closer(library, setting, programs, broken):
    """The programs as few and plain as they break the same rule; None where they do not break it each time."""
    def still(these):
        found = judge_alone(library, setting, *these)
        return found and found[0] == broken
    if all(still(programs[-1:]) for _ in range(3)):
        programs = programs[-1:]
    elif not all(still(programs) for _ in range(3)):
        return None
    while True:
        less = next((p for p in plainer(programs[-1]) if still([*programs[:-1], p])), None)
        if less is None:
            return programs
        programs[-1] = less


def print_program(program, setting, found, title):
    broken, at, ways = found
    print(f'\n{title}: {broken} at step {at + 1}: policy={setting[0]} on-conflict={setting[1]} bindv6only={setting[2]}')
    print(f'  {"":32}', *(f'{way:22}' for way in ways))
    for i, (who, *words) in enumerate(program):
        who = 'stranger' if who == STRANGER else who
        print(f'  {f"{who}: " + " ".join(map(str, words)):32}', *(f'{results[i]!s:22}' for results in ways.values()))


def main():
    global LOG
    sys.stdout.reconfigure(line_buffering=True)
    os.sched_setaffinity(0, {random.choice([*os.sched_getaffinity(0)])})  # one acts at a time: it is there at once
    parser = argparse.ArgumentParser(usage=__doc__.split('\n')[2][7:])
    parser.add_argument('-n', type=int, default=1000)
    parser.add_argument('-s', type=int, default=int(time.time()))
    parser.add_argument('-o', type=int)
    parser.add_argument('-m', type=int, default=10)
    parser.add_argument('library')
    args = parser.parse_args()
    LOG = os.memfd_create('log')
    import fcntl
    fcntl.fcntl(LOG, fcntl.F_SETFL, os.O_APPEND)
    seen, broken_ones, runs, batch = set(), 0, None, []
    indexes = range(args.n) if args.o is None else [args.o]
    for index in indexes:
        n = index // BATCH
        setting = ([*POLICIES][n % 5], ON_CONFLICTS[n // 5 % 4], int(n // 20 % 4 == 3))
        if args.library == 'bare':
            setting = ('app', 'fail', n % 2)
        if runs is None or index % BATCH == 0:
            if runs:
                runs.stop()
            runs, batch = Runs(args.library, setting), []
        batch.append(make_program(args.s, index))
        found = judge(runs, batch[-1])
        if not found:
            continue
        runs.stop()
        runs = None
        closer = look_closer(args.library, setting, batch[-BATCH:], found[0])
        if closer is None:
            COUNTS['not repeated'] += 1
            continue
        broken_ones += 1
        if (found[0], str(closer[-1])) in seen:
            continue
        seen.add((found[0], str(closer[-1])))
        print_program(closer[-1], setting, judge_alone(args.library, setting, *closer) or found,
                      f'program {index}' + (f' after {len(closer) - 1} others' if len(closer) > 1 else ''))
        if len(seen) == args.m:
            break
    print(f'seed {args.s}, {index + 1 if args.o is None else 1} programs, {broken_ones} broke a rule;',
          ', '.join(f'{name} {count}' for name, count in COUNTS.items()))
    return 1 if broken_ones else 0


if __name__ == '__main__':
    sys.exit(main())
