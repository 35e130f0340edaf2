"""measure.py - running one program for one figure, who takes part, and what many figures come to.

A figure is taken by one process. Medians and quartiles are of rounds; a ratio is the median of the ratios of each
round to the bare run of the same round, so that a machine that is slower for a while does not show in it. A
contestant is a name, what it is for a reader, the variables that its programs get, and the library that must then be
found in them: a preload that did not happen would measure as none.
"""

import contextlib
import glob
import os
import signal
import statistics
import subprocess
from dataclasses import dataclass, field

TIMEOUT_S = 600

# The second is bare once more: what its ratio differs from 1.00 by is noise.
BARE, AGAIN = 'bare', 'bare-again'
RULES = (1, 10, 100, 256)


class Refused(Exception):
    """A call that a contestant did not let through: the program's `refused CALL ERRNO`."""


@dataclass
class Contestant:
    name: str
    title: str
    settings: dict = field(default_factory=dict)
    library: str = ''
    fresh: str = ''  # a file to remove after each process
    absent: str = ''

    @property
    def is_shim(self):
        return self.library == 'libv6shim.so'

    def run(self, command, **more):
        try:
            return run(command, self.settings, **more)
        finally:
            self.clear()

    def clear(self):
        if self.fresh and os.path.exists(self.fresh):
            os.remove(self.fresh)


class Bench:
    """What every group needs: where things are, how often, and a folder that goes with it."""

    def __init__(self, build, folder, rounds, quick):
        self.build, self.folder, self.rounds, self.quick = build, folder, rounds, quick
        self.library, self.command = f'{build}/libv6shim.so', f'{build}/v6shim'

    def program(self, name):
        return f'{self.build}/tests/bench/{name}'

    def tool(self, name):
        return f'{self.build}/tests/programs/{name}'

    def file(self, name):
        return f'{self.folder}/{name}'

    def often(self, default):
        """How many rounds: what was asked for, or the group's own number."""
        return self.rounds or (1 if self.quick else default)

    def bares(self):
        return [Contestant(BARE, 'nothing preloaded'), Contestant(AGAIN, 'nothing preloaded, once more: the noise')]

    def shim(self, name, title, **settings):
        """The shim with SETTING=value; LOG=file is a file of its own."""
        fresh = ''
        if settings.get('LOG') == 'file':
            fresh = settings['LOG'] = self.file(f'{name}.jsonl')
        variables = {f'V6SHIM_{word}': value for word, value in settings.items()}
        return Contestant(name, title, dict(variables, LD_PRELOAD=self.library), 'libv6shim.so', fresh)

    def logged(self, policy='ipv6-only'):
        """The shim with the log off, and to a file at each level."""
        return [self.shim('shim-off', 'v6shim, log off', POLICY=policy, LOG='off')] + [
            self.shim(f'shim-{level}', f'v6shim, log to a file, level {level}', POLICY=policy, LOG='file',
                      LOG_FORMAT='json', LOG_LEVEL=level) for level in ('error', 'change', 'bind', 'all')]

    def ruled(self, number, wide=False):
        """A file of so many rules, of which only the last is for port 8080, or for whatever the kernel chooses."""
        name, last = (f'rules-{number}-wide', '1024-65535') if wide else (f'rules-{number}', '8080')
        with open(self.file(f'{name}.conf'), 'w', encoding='ascii') as file:
            file.writelines(f'port={i + 1} proto=tcp => policy=both on-conflict=resolve\n' for i in range(number - 1))
            file.write(f'port={last} => policy=ipv6-only\n')
        return self.shim(name, f'v6shim, log off, rules: {number}, the last for port {last}', LOG='off',
                         CONFIG=file.name)

    def peers(self):
        """Other libraries that are preloaded into servers, each set so that it lets a server's calls through."""
        return [peer(*words) for words in (
            ('socket_wrapper', 'libsocket-wrapper, with nothing to wrap', 'libsocket_wrapper.so', {}),
            ('torsocks', 'torsocks, inbound and IPv6 allowed', 'torsocks/libtorsocks.so',
             {'TORSOCKS_ALLOW_INBOUND': '1', 'TORSOCKS_ENABLE_IPV6': '1', 'TORSOCKS_LOG_LEVEL': '1'}),
            ('proxychains', 'proxychains4', 'libproxychains.so.4',
             {'PROXYCHAINS_QUIET_MODE': '1', 'PROXYCHAINS_CONF_FILE': '/etc/proxychains4.conf'}),
            ('authbind', 'authbind', 'authbind/libauthbind.so.1', {'AUTHBIND_LIB': ''}),
            ('eatmydata', 'libeatmydata', 'libeatmydata.so', {}))]


def peer(name, title, pattern, variables):
    found = [path for folder in ('/usr/lib/*', '/usr/lib', '/usr/lib64')
             for path in sorted(glob.glob(f'{folder}/{pattern}'))]
    if not found:
        return Contestant(name, title, absent='is not installed')
    variables = {word: value or found[0] for word, value in variables.items()}
    return Contestant(name, title, dict(variables, LD_PRELOAD=found[0]), os.path.basename(found[0]))


def spread(values):
    first, middle, third = statistics.quantiles(values, n=4, method='inclusive') if len(values) > 1 else values * 3
    return {'median': middle, 'q1': first, 'q3': third}


def ratios(values, bare):
    return spread([value / base for value, base in zip(values, bare)])


def cell(values, bare=None, **facts):
    """What is kept of one case of one contestant; `bare` are the figures of the same rounds."""
    made = dict(facts, rounds=len(values), **spread(values))
    return dict(made, ratio=ratios(values, bare)) if bare else made


def environment(settings):
    """A program's variables: nothing of the caller's but where programs are."""
    path = os.environ.get('PATH', '') + ':/usr/local/sbin:/usr/sbin:/sbin'
    return dict({'PATH': path, 'LC_ALL': 'C', 'PYTHONDONTWRITEBYTECODE': '1'}, **settings)


def end_group(process):
    """Ends a process that has not been waited for, and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run(command, settings=None, **more):
    """Returns the finished process, or says what went wrong with it."""
    with subprocess.Popen(command, env=environment(settings or {}), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                          **more) as process:
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired as late:
            raise RuntimeError(f'{" ".join(command)}: not done after {TIMEOUT_S} s') from late
        finally:
            end_group(process)
    first = out.partition('\n')[0]
    if first.startswith('refused '):
        raise Refused(first.partition(' ')[2])
    if process.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: exit status {process.returncode}\n{out[-2000:]}{err[-2000:]}')
    return subprocess.CompletedProcess(command, 0, out, err)


def words(text):
    """`WORD VALUE` lines: the values of each word, in a list."""
    found = {}
    for line in text.splitlines():
        word, _, value = line.partition(' ')
        found.setdefault(word, []).append(value)
    return found


def processor(number):
    """To be run in the child: it has this one of the processors that there are."""
    allowed = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {allowed[number % len(allowed)]})


def rounds(bench, default, everybody):
    """Each contestant once a round, in every place in turn: whoever comes first pays for no other."""
    for number in range(bench.often(default)):
        first = number % len(everybody)
        yield from everybody[first:] + everybody[:first]


def tell(text):
    print(text, flush=True)
