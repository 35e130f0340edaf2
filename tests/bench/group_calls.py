"""group_calls.py - what each call costs: every case, every contestant, one and two threads."""

import contestants
from measure import Refused, cell, in_turn, ratios, run, spread, tell, words

ROUNDS = 15
THREADS = (1, 2)
TRIES = 3

# Name, what it is, whether what it binds is governed, so that V6ONLY proves it.
CASES = (
    ('nodelay', 'setsockopt(TCP_NODELAY)', False),
    ('socket4', 'socket(AF_INET)', False),
    ('socket6', 'socket(AF_INET6)', False),
    ('cycle-any', 'socket, bind [::]:PORT, close: governed', True),
    ('cycle-one', 'socket, bind [::1]:PORT, close: not governed', False),
    ('listen', 'listen on [::]', True),
    ('getaddrinfo', 'getaddrinfo, passive', False),
)

UNRECORDED = ('shim-off', 'shim-error', 'shim-change', 'shim-bind')

# Ratios to bare that are not to be passed.
AIMS = {(case, name): 1.02 for case in ('nodelay', 'socket4', 'socket6') for name in UNRECORDED}
AIMS.update({
    ('cycle-any', 'shim-off'): 1.12,
    ('cycle-any', 'shim-change'): 1.6,
    ('cycle-any', 'shim-bind'): 1.6,
    ('cycle-any', 'rules-1000-wide'): 1.15,
})


def prove(case, governed, contestant, said):
    """What must be in is in, and did what it is for."""
    libraries = said.get('library', [])
    wanted = contestant.library
    if wanted and not any(library.startswith(wanted.partition('.so')[0]) for library in libraries):
        raise RuntimeError(f'{case}, {contestant.name}: {wanted} was not loaded: {libraries}')
    is_shim = wanted == 'libv6shim.so'
    if not wanted and 'libv6shim.so' in libraries:
        raise RuntimeError(f'{case}, {contestant.name}: not bare: {libraries}')
    if governed and said.get('v6only') != (['1'] if is_shim else ['0']):
        raise RuntimeError(f'{case}, {contestant.name}: V6ONLY is {said.get("v6only")}')


def measure_once(bench, case, governed, contestant, threads):
    """Nanoseconds a call: (as a clock shows, of processor time)"""
    command = [bench.program('calls'), '-t', str(threads), '-m', '2' if bench.quick else '30', case]
    try:
        said = words(run(command, contestant.settings).stdout)
    finally:
        contestant.clear()
    prove(case, governed, contestant, said)
    return float(said['ns'][0]), float(said['cpu_ns'][0])


def measure_again(*what):
    """The same; once more where the port was taken: whoever looks at /proc/PID/fd holds a closed socket a moment."""
    for _ in range(TRIES - 1):
        try:
            return measure_once(*what)
        except Refused as refusal:
            if str(refusal) != 'bind EADDRINUSE':
                raise
    return measure_once(*what)


def take_round(bench, case, governed, everybody, threads, taken, refused):
    for contestant in everybody:
        if contestant.name in refused:
            continue
        try:
            both = measure_again(bench, case, governed, contestant, threads)
            taken.setdefault(contestant.name, []).append(both)
        except Refused as refusal:
            if contestant.name.startswith(('bare', 'shim', 'rules')):
                raise RuntimeError(f'{case}, {contestant.name}: {refusal}') from refusal
            refused[contestant.name] = str(refusal)


def measure_case(bench, case, governed, everybody, threads):
    taken = {}
    refused = {c.name: c.absent for c in everybody if c.absent}
    for number in range(bench.often(ROUNDS)):
        take_round(bench, case, governed, in_turn(everybody, number), threads, taken, refused)
    bare_clock, bare_processor = zip(*taken[contestants.BARE])
    cells = []
    for contestant in everybody:
        facts = {'case': case, 'threads': threads, 'contestant': contestant.name, 'unit': 'ns'}
        if contestant.name in refused:
            cells.append(dict(facts, refused=refused[contestant.name]))
            continue
        aim = AIMS.get((case, contestant.name))
        clock, processor = zip(*taken[contestant.name])
        made = cell(clock, bare_clock, **facts)
        made.update(cpu=spread(processor), cpu_ratio=ratios(processor, bare_processor))
        if aim:
            made.update(aim=aim, met=made['ratio']['median'] <= aim)
        cells.append(made)
    return cells


def measure(bench):
    everybody = contestants.bares() + contestants.logged(bench) + contestants.peers()
    rules = [contestants.ruled_wide(bench, number) for number in contestants.RULES]
    cells = []
    for threads in THREADS:
        for case, title, governed in CASES:
            tell(f'calls: {title}, threads: {threads}')
            taking_part = everybody + rules if case == 'cycle-any' else everybody
            cells += measure_case(bench, case, governed, taking_part, threads)
    return {
        'cases': {case: title for case, title, _ in CASES},
        'contestants': {c.name: c.title for c in everybody + rules},
        'cells': cells,
    }
