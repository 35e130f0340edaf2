"""group_scale.py - large processes, large systems, large logs.

A conflict diagnosed among many descriptors and sockets; a thousand listeners at the start; and what
`v6shim report` takes for a log, beside jq.
"""

import json
import os
import shutil
import subprocess

import contestants
from group_load import processor
from measure import cell, in_turn, run, spread, tell, words

ROUNDS = 5
REPEATS = 5
DESCRIPTORS = (10, 1000, 100000)
LISTENERS = 1000
LOGS = ((1_000_000, '1MB'), (100_000_000, '100MB'), (1_000_000_000, '1GB'))
QUICK_LOG = 300_000  # bytes, whatever the size that it stands for

AIM_RECORDS_A_SECOND = 1_000_000
# Memory is flat: the tables have bounds, which 100 MB of such a log reach. Ten times the log takes no more than this of
# that memory.
AIM_GROWTH = 1.1

# jq needs minutes for what report does in seconds: one round of it has to do.
JQ_ROUNDS = 1
JQ = 'reduce inputs as $r ({}; .["\\($r.event) \\($r.action) \\($r.finding)"] += 1)'


def named(log):
    """Who a conflict's record names as the holder: the descriptor, the process or its user."""
    with open(log, encoding='utf-8') as file:
        holders = [record['holder'] for record in map(json.loads, file) if record['finding'] == 'conflict']
    if not holders:
        raise RuntimeError('the conflict was not recorded')
    for word in ('fd', 'pid', 'uid'):
        if all(word in holder for holder in holders):
            return word
    return 'none'


def conflict_once(bench, number, holder, contestant):
    # A short run has no time for so many; its figures mean nothing anyway.
    many = str(max(10, number // 100)) if bench.quick else str(number)
    done = run([bench.program('scale'), 'conflict', many, many, holder,
                '1' if bench.quick else str(REPEATS)], contestant.settings)
    said = words(done.stdout)
    wanted = 'ok' if contestant.library and holder == 'own' else 'EADDRINUSE'
    if said['second'] != [wanted]:
        raise RuntimeError(f'conflict, {contestant.name}: {said["second"][0]}, and not {wanted}')
    facts = {'descriptors': int(said['descriptors'][0]), 'sockets': int(said['sockets'][0])}
    if contestant.library:
        facts['holder_named_by'] = named(contestant.fresh)
    contestant.clear()
    return [float(us) for us in said['us']], facts


def conflicts(bench):
    bare = contestants.bares()[0]
    own = contestants.shim(bench, 'shim-share', 'v6shim, on-conflict=share, log to a file', ON_CONFLICT='share',
                           LOG='file')
    other = contestants.shim(bench, 'shim-fail', 'v6shim, on-conflict=fail, log to a file', LOG='file')
    cells = []
    for number in DESCRIPTORS:
        for holder, with_shim in (('own', own), ('other', other)):
            tell(f'scale: a conflict among {number:,} descriptors and sockets, the holder: {holder}')
            for contestant in (bare, with_shim):
                taken = []
                for _ in range(bench.often(ROUNDS)):
                    figures, facts = conflict_once(bench, number, holder, contestant)
                    taken += figures
                cells.append(cell(taken, case=f'conflict-{holder}-{number}', contestant=contestant.name,
                                  unit='us', **facts))
    return cells, [bare, own, other]


def listeners(bench):
    everybody = contestants.bares() + contestants.logged(bench)
    taken = {contestant.name: [] for contestant in everybody}
    tell(f'scale: {LISTENERS:,} listeners')
    for number in range(bench.often(ROUNDS)):
        for contestant in in_turn(everybody, number):
            said = words(run([bench.program('scale'), 'listeners', str(LISTENERS)], contestant.settings).stdout)
            contestant.clear()
            if said['v6only'] != ['1' if contestant.library else '0']:
                raise RuntimeError(f'listeners, {contestant.name}: V6ONLY is {said["v6only"]}')
            taken[contestant.name].append(float(said['us'][0]))
    return [cell(taken[c.name], taken[contestants.BARE], case='listeners', contestant=c.name, unit='us')
            for c in everybody], everybody


def timed(bench, command, path):
    """(seconds, peak KiB, seconds of processor time) of a program that reads the file, on one processor."""
    said = words(run([bench.program('start'), 'peak', *command, path], preexec_fn=processor(1)).stdout)
    return float(said['ns'][0]) / 1e9, int(said['peak_kib'][0]), float(said['cpu_ns'][0]) / 1e9


def make_log(bench, size):
    """(path, records)"""
    size = min(size, QUICK_LOG) if bench.quick else size
    if shutil.disk_usage(bench.folder).free < 2 * size:
        raise RuntimeError(f'no room for a log of {size} bytes in {bench.folder}')
    path = bench.file('generated.jsonl')
    with open(path, 'wb') as file:
        done = subprocess.run([bench.program('genlog'), str(size)], stdout=file, stderr=subprocess.PIPE, text=True,
                              check=True)
    # What is not yet on the disk is written while the readers run, who share its processors.
    os.sync()
    return path, int(words(done.stderr)['records'][0])


def report_cells(name, reader, records, taken):
    seconds, peaks, processor_seconds = zip(*taken)
    facts = {'contestant': reader, 'rounds': len(taken)}
    made = [dict(facts, case=f'log-{name}-{metric}', unit=unit, **spread(values)) for metric, unit, values in (
        ('seconds', 's', seconds), ('peak', 'KiB', peaks),
        ('records', 'records/s', [records / s for s in seconds]))]
    made[2].update(cpu=spread([records / s for s in processor_seconds]))
    if reader == 'report' and name == LOGS[-1][1]:
        made[2].update(aim=AIM_RECORDS_A_SECOND, met=made[2]['median'] >= AIM_RECORDS_A_SECOND)
    return made


def flat(cells):
    """The peak of the largest log against the next."""
    peaks = [cell for cell in cells if cell['contestant'] == 'report' and cell['case'].endswith('-peak')]
    growth = peaks[-1]['median'] / peaks[-2]['median']
    peaks[-1].update(growth=growth, aim=AIM_GROWTH, met=growth <= AIM_GROWTH)


def logs(bench):
    cells = []
    for size, name in LOGS:
        tell(f'scale: report of a log of {name}')
        path, records = make_log(bench, size)
        for reader, command, rounds in (('report', [bench.command, 'report'], bench.often(ROUNDS)),
                                        ('jq', [shutil.which('jq'), '-n', JQ], min(bench.often(ROUNDS), JQ_ROUNDS))):
            taken = [timed(bench, command, path) for _ in range(rounds)]
            cells += report_cells(name, reader, records, taken)
        os.remove(path)
    flat(cells)
    return cells


def measure(bench):
    conflict_cells, in_conflicts = conflicts(bench)
    listener_cells, listening = listeners(bench)
    log_cells = logs(bench)
    titles = {f'conflict-{holder}-{number}': f'a conflict, {number:,} descriptors and sockets, {what}'
              for number in DESCRIPTORS for holder, what in (('own', 'the holder in this process'),
                                                             ('other', 'the holder elsewhere'))}
    titles['listeners'] = f'{LISTENERS:,} listeners bound at start'
    for _, name in LOGS:
        titles.update({f'log-{name}-seconds': f'a log of {name}: time', f'log-{name}-peak': f'{name}: peak memory',
                       f'log-{name}-records': f'{name}: records a second'})
    people = {c.name: c.title for c in in_conflicts + listening}
    people.update(report='v6shim report', jq='jq, counting the records by their action and finding')
    return {'cases': titles, 'contestants': people, 'cells': conflict_cells + listener_cells + log_cells}
