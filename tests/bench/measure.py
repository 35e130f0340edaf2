"""measure.py - running one program for one figure, and what many figures come to.

A figure is taken by one process. Medians and quartiles are of rounds; a ratio is the median of the
ratios of each round to the bare run of the same round, so that a machine that is slower for a while
does not show in it.
"""

import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import tempfile

TIMEOUT_S = 600


class Refused(Exception):
    """A call that a contestant did not let through: the program's `refused CALL ERRNO`."""


def quartiles(values):
    """Returns (first quartile, median, third quartile)."""
    if len(values) == 1:
        return (values[0],) * 3
    first, middle, third = statistics.quantiles(values, n=4, method='inclusive')
    return first, middle, third


def spread(values):
    first, middle, third = quartiles(values)
    return {'median': middle, 'q1': first, 'q3': third}


def cell(values, bare=None, **facts):
    """What is kept of one case of one contestant; `bare` are the figures of the same rounds."""
    made = dict(facts, rounds=len(values), **spread(values))
    if bare:
        made['ratio'] = ratios(values, bare)
    return made


def ratios(values, bare):
    return spread([value / base for value, base in zip(values, bare)])


def environment(settings):
    """A program's variables: nothing of the caller's but where programs are."""
    path = os.environ.get('PATH', '') + ':/usr/local/sbin:/usr/sbin:/sbin'
    return dict({'PATH': path, 'LC_ALL': 'C'}, **settings)


def end_group(process):
    """Ends a process that has not been waited for, and what it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def finish(command, settings, **more):
    with subprocess.Popen(command, env=environment(settings), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True, **more) as process:
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except BaseException:
            end_group(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def run(command, settings=None, **more):
    """Returns the finished process, or says what went wrong with it."""
    try:
        done = finish(command, settings or {}, **more)
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f'{" ".join(command)}: not done after {TIMEOUT_S} s') from late
    first = done.stdout.partition('\n')[0]
    if first.startswith('refused '):
        raise Refused(first.partition(' ')[2])
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: exit status {done.returncode}\n'
                           f'{done.stdout[-2000:]}{done.stderr[-2000:]}')
    return done


def words(text):
    """`WORD VALUE` lines: the values of each word, in a list."""
    found = {}
    for line in text.splitlines():
        word, _, value = line.partition(' ')
        found.setdefault(word, []).append(value)
    return found


class Bench:
    """What every group needs: where things are, how often, and a folder that goes with it."""

    def __init__(self, build, rounds, quick):
        self.build = build
        self.rounds = rounds
        self.quick = quick
        self.folder = tempfile.mkdtemp(prefix='v6shim-bench.')
        # Servers drop their privileges.
        os.chmod(self.folder, 0o777)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        return os.path.join(self.build, 'tests', 'bench', name)

    def tool(self, name):
        return os.path.join(self.build, 'tests', 'programs', name)

    @property
    def library(self):
        return os.path.join(self.build, 'libv6shim.so')

    @property
    def command(self):
        return os.path.join(self.build, 'v6shim')

    def file(self, name):
        return os.path.join(self.folder, name)

    def often(self, default):
        """How many rounds: what was asked for, or the group's own number."""
        return self.rounds or (1 if self.quick else default)


def in_turn(contestants, round_number):
    """The contestants of a round, each in every place in turn: whoever comes first pays for no other."""
    first = round_number % len(contestants)
    return contestants[first:] + contestants[:first]


def tell(text):
    print(text, flush=True)
