"""group_start.py - what preloading adds to the start of /bin/true, beside a library with nothing in it.

System calls by strace and instructions by callgrind are exact, and the time is of rounds. Memory is what
/proc/PID/smaps says at the moment when the program ends.
"""

import os
import re

import contestants
from measure import cell, in_turn, run, spread, tell, words

ROUNDS = 15
RUNS = 40
PROGRAM = '/bin/true'
EMPTY = 'empty'

# Over the empty library.
AIMS = {'system_calls': 30, 'instructions': 200000}
# Whoever gives it a hundred rules waits until they are read.
NO_AIM = {('instructions', 'rules-100'), ('instructions', 'rules-1000')}

ALL_SETTINGS = {
    'POLICY': 'ipv6-only', 'ON_CONTRARY': 'deny:EINVAL', 'ORDER': 'ipv6-first', 'ON_DISORDER': 'log',
    'ON_CONFLICT': 'resolve', 'ON_MAPPED': 'allow', 'ON_NONBOOLEAN': 'allow', 'MODE': 'enforce',
    'LOG_FORMAT': 'json', 'LOG_LEVEL': 'change',
}


def write_config(bench):
    path = bench.file('all.conf')
    with open(path, 'w', encoding='ascii') as file:
        for name, value in ALL_SETTINGS.items():
            file.write(f'{name.lower().replace("_", "-")} = {value}\n')
    return path


def taking_part(bench):
    def shim(name, title, **settings):
        return contestants.shim(bench, name, title, **settings)

    empty = bench.program('empty.so')
    return contestants.bares() + [
        contestants.Contestant(EMPTY, 'an empty library', contestants.preload(empty), 'empty.so'),
        shim('shim-none', 'v6shim, no setting'),
        shim('shim-off', 'v6shim, a policy, log off', POLICY='ipv6-only', LOG='off'),
        shim('shim-file', 'v6shim, a policy, log to a file', POLICY='ipv6-only', LOG='file'),
        shim('shim-bind', 'v6shim, a policy, log to a file, level bind: looks at its descriptors',
             POLICY='ipv6-only', LOG='file', LOG_LEVEL='bind'),
        shim('shim-load', 'v6shim, a policy, log to a file, level all: a record at the start', POLICY='ipv6-only',
             LOG='file', LOG_LEVEL='all'),
        shim('shim-all', 'v6shim, every setting, in the environment', LOG='file', **ALL_SETTINGS),
        shim('shim-config', 'v6shim, every setting, in a file', LOG='file', CONFIG=write_config(bench)),
        shim('shim-profile', 'v6shim, a profile', PROFILE='openbsd', LOG='off'),
    ] + [contestants.ruled(bench, number) for number in contestants.RULES] + [contestants.ruled_wide(bench, 1)]


def variables(contestant, option):
    """The contestant's variables for the program alone, as options of strace and of `start`."""
    return [part for word, value in contestant.settings.items() for part in (option, f'{word}={value}')]


def system_calls(bench, contestant):
    trace = bench.file('trace')
    run(['strace', '-qq', '-o', trace, *variables(contestant, '-E'), PROGRAM])
    with open(trace, encoding='utf-8', errors='replace') as file:
        calls = [line for line in file if re.match(r'[a-z0-9_]+\(', line)]
    contestant.clear()
    if contestant.library and not any(contestant.library in line for line in calls):
        raise RuntimeError(f'{contestant.name}: {contestant.library} was not loaded')
    return len(calls)


def instructions(contestant):
    done = run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', PROGRAM], contestant.settings)
    contestant.clear()
    return int(re.search(r'Collected : (\d+)', done.stderr).group(1))


def memory(bench, contestant):
    """(private dirty KiB of the process, pages of the library that are in memory)"""
    done = run([bench.program('start'), *variables(contestant, '-E'), 'smaps', PROGRAM])
    contestant.clear()
    dirty = resident = 0
    in_library = False
    for line in done.stdout.splitlines():
        if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
            in_library = bool(contestant.library) and line.endswith('/' + contestant.library)
        elif line.startswith('Private_Dirty:'):
            dirty += int(line.split()[1])
        elif line.startswith('Rss:') and in_library:
            resident += int(line.split()[1])
    return dirty, resident * 1024 // os.sysconf('SC_PAGE_SIZE')


def times(bench, everybody):
    taken = {contestant.name: [] for contestant in everybody}
    for number in range(bench.often(ROUNDS)):
        for contestant in in_turn(everybody, number):
            done = run([bench.program('start'), *variables(contestant, '-E'), '3' if bench.quick else str(RUNS),
                        PROGRAM])
            contestant.clear()
            taken[contestant.name].append(float(words(done.stdout)['ns'][0]) / 1000)
    return taken


def library_facts(bench):
    relocations = run(['readelf', '-rW', bench.library]).stdout
    return {
        'bytes': os.path.getsize(bench.library),
        'relocations': len(re.findall(r'^[0-9a-f]+ +[0-9a-f]+ R_', relocations, re.M)),
    }


def exact(metric, unit, contestant, value, empty):
    """A cell of what is counted."""
    made = {'case': metric, 'contestant': contestant.name, 'unit': unit, 'rounds': 1, **spread([value])}
    if contestant.library == 'libv6shim.so':
        made['over_empty'] = value - empty
        if metric in AIMS and (metric, contestant.name) not in NO_AIM:
            made.update(aim=AIMS[metric], met=value - empty <= AIMS[metric])
    return made


def measure(bench):
    everybody = taking_part(bench)
    counted = {}
    for contestant in everybody:
        tell(f'start: counting, {contestant.title}')
        dirty, pages = memory(bench, contestant)
        counted[contestant.name] = {
            'system_calls': (system_calls(bench, contestant), 'calls'),
            'instructions': (instructions(contestant), 'instructions'),
            'private_dirty': (dirty, 'KiB'),
            'library_pages': (pages, 'pages'),
        }
    tell('start: timing')
    taken = times(bench, everybody)
    cells = []
    for contestant in everybody:
        empty = counted[EMPTY]
        for metric, (value, unit) in counted[contestant.name].items():
            cells.append(exact(metric, unit, contestant, value, empty[metric][0]))
        cells.append(cell(taken[contestant.name], taken[contestants.BARE], case='time',
                          contestant=contestant.name, unit='us'))
    return {
        'cases': {'system_calls': 'system calls of /bin/true', 'instructions': 'instructions of /bin/true',
                  'private_dirty': 'its private dirty memory at the end',
                  'library_pages': 'pages of the library in memory', 'time': '/bin/true from start to end'},
        'contestants': {c.name: c.title for c in everybody},
        'library': library_facts(bench),
        'cells': cells,
    }
