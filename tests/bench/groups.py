"""groups.py - what is measured: calls, start, load, scale. Each function leaves cases, contestants and cells."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

from measure import (BARE, RULES, Contestant, Refused, cell, end_group, environment, processor, ratios, rounds, run,
                     spread, tell, words)


def result(cases, everybody, cells, **more):
    return dict(cases=cases, contestants={c.name: c.title for c in everybody}, **more, cells=cells)


# ---- calls: every case, every contestant, one and two threads

# What it is, and whether what it binds is governed, so that V6ONLY proves it.
CASES = {
    'nodelay': ('setsockopt(TCP_NODELAY)', False),
    'socket4': ('socket(AF_INET)', False),
    'socket6': ('socket(AF_INET6)', False),
    'cycle-any': ('socket, bind [::]:PORT, close: governed', True),
    'cycle-one': ('socket, bind [::1]:PORT, close: not governed', False),
    'listen': ('listen on [::]', True),
    'getaddrinfo': ('getaddrinfo, passive', False),
}
# Ratios to bare that are not to be passed.
AIMS = {(case, name): 1.02 for case in ('nodelay', 'socket4', 'socket6')
        for name in ('shim-off', 'shim-error', 'shim-change', 'shim-bind')}
AIMS.update({('cycle-any', 'shim-off'): 1.12, ('cycle-any', 'shim-change'): 1.6, ('cycle-any', 'shim-bind'): 1.6,
             ('cycle-any', 'rules-256-wide'): 1.15})


def call_once(bench, case, contestant, threads):
    """Nanoseconds a call: (as a clock shows, of processor time). What must be in is in, and did what it is for."""
    said = words(contestant.run([bench.program('calls'), '-t', str(threads), '-m', '2' if bench.quick else '30',
                                 case]).stdout)
    libraries, wanted = said.get('library', []), contestant.library.partition('.so')[0]
    if not any(library.startswith(wanted) for library in libraries):
        raise RuntimeError(f'{case}, {contestant.name}: {contestant.library} was not loaded: {libraries}')
    if not wanted and 'libv6shim.so' in libraries:
        raise RuntimeError(f'{case}, {contestant.name}: not bare: {libraries}')
    if CASES[case][1] and said.get('v6only') != ['1' if contestant.is_shim else '0']:
        raise RuntimeError(f'{case}, {contestant.name}: V6ONLY is {said.get("v6only")}')
    return float(said['ns'][0]), float(said['cpu_ns'][0])


def call_again(*what):
    """The same; once more where the port was taken: whoever looks at /proc/PID/fd holds a closed socket a moment."""
    for _ in range(2):
        with contextlib.suppress(Refused):
            return call_once(*what)
    return call_once(*what)


def calls_of(bench, case, everybody, threads):
    taken, refused = {}, {c.name: c.absent for c in everybody if c.absent}
    for contestant in rounds(bench, 15, everybody):
        if contestant.name in refused:
            continue
        try:
            taken.setdefault(contestant.name, []).append(call_again(bench, case, contestant, threads))
        except Refused as refusal:
            if contestant.is_shim or not contestant.library:
                raise RuntimeError(f'{case}, {contestant.name}: {refusal}') from refusal
            refused[contestant.name] = str(refusal)
    bare_clock, bare_processor = zip(*taken[BARE])
    for contestant in everybody:
        facts = {'case': case, 'threads': threads, 'contestant': contestant.name, 'unit': 'ns'}
        if contestant.name in refused:
            yield dict(facts, refused=refused[contestant.name])
            continue
        clock, mine = zip(*taken[contestant.name])
        made = cell(clock, bare_clock, **facts, cpu=spread(mine), cpu_ratio=ratios(mine, bare_processor))
        aim = AIMS.get((case, contestant.name))
        yield dict(made, aim=aim, met=made['ratio']['median'] <= aim) if aim else made


def calls(bench):
    everybody = bench.bares() + bench.logged() + bench.peers()
    ruled = [bench.ruled(number, wide=True) for number in RULES]
    cells = []
    for threads in (1, 2):
        for case, (title, _) in CASES.items():
            tell(f'calls: {title}, threads: {threads}')
            cells += calls_of(bench, case, everybody + ruled if case == 'cycle-any' else everybody, threads)
    return result({case: title for case, (title, _) in CASES.items()}, everybody + ruled, cells)


# ---- start: what preloading adds to /bin/true, beside a library with nothing in it

PROGRAM = '/bin/true'
# Over the empty library. Whoever gives it a hundred rules waits until they are read.
START_AIMS = {'system_calls': 30, 'instructions': 200000}
NO_AIM = {('instructions', 'rules-100'), ('instructions', 'rules-256')}
ALL_SETTINGS = {
    'POLICY': 'ipv6-only', 'ON_CONTRARY': 'deny:EINVAL', 'ORDER': 'ipv6-first', 'ON_DISORDER': 'log',
    'ON_CONFLICT': 'resolve', 'ON_MAPPED': 'allow', 'ON_NONBOOLEAN': 'allow', 'MODE': 'enforce',
    'LOG_FORMAT': 'json', 'LOG_LEVEL': 'change',
}


def starting(bench):
    with open(bench.file('all.conf'), 'w', encoding='ascii') as file:
        file.writelines(f'{name.lower().replace("_", "-")} = {value}\n' for name, value in ALL_SETTINGS.items())
    one = {'POLICY': 'ipv6-only', 'LOG': 'file', 'LOG_FORMAT': 'json'}
    return bench.bares() + [
        Contestant('empty', 'an empty library', {'LD_PRELOAD': bench.program('empty.so')}, 'empty.so'),
        bench.shim('shim-none', 'v6shim, no setting'),
        bench.shim('shim-off', 'v6shim, a policy, log off', POLICY='ipv6-only', LOG='off'),
        bench.shim('shim-file', 'v6shim, a policy, log to a file', **one, LOG_LEVEL='change'),
        bench.shim('shim-bind', 'v6shim, a policy, log to a file, level bind', **one, LOG_LEVEL='bind'),
        bench.shim('shim-load', 'v6shim, a policy, log to a file, level all: a record at the start', **one,
                   LOG_LEVEL='all'),
        bench.shim('shim-all', 'v6shim, every setting, in the environment', LOG='file', **ALL_SETTINGS),
        bench.shim('shim-config', 'v6shim, every setting, in a file', LOG='file', CONFIG=file.name),
        bench.shim('shim-profile', 'v6shim, a profile', PROFILE='openbsd', LOG='off'),
    ] + [bench.ruled(number) for number in RULES] + [bench.ruled(1, wide=True)]


def counted(bench, contestant):
    """What needs no rounds, by its name: the figure and its unit."""
    trace = bench.file('trace')
    variables = [part for word, value in contestant.settings.items() for part in ('-E', f'{word}={value}')]
    run(['strace', '-qq', '-o', trace, *variables, PROGRAM])
    contestant.clear()
    with open(trace, encoding='utf-8', errors='replace') as file:
        system_calls = [line for line in file if re.match(r'[a-z0-9_]+\(', line)]
    if contestant.library and not any(contestant.library in line for line in system_calls):
        raise RuntimeError(f'{contestant.name}: {contestant.library} was not loaded')
    said = contestant.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', PROGRAM]).stderr
    dirty = resident = 0
    mapping = ''
    for line in contestant.run([bench.program('start'), 'smaps', PROGRAM]).stdout.splitlines():
        mapping = line if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line) else mapping
        dirty += int(line.split()[1]) if line.startswith('Private_Dirty:') else 0
        if line.startswith('Rss:') and contestant.library and mapping.endswith('/' + contestant.library):
            resident += int(line.split()[1])
    return {
        'system_calls': (len(system_calls), 'calls'),
        'instructions': (int(re.search(r'Collected : (\d+)', said)[1]), 'instructions'),
        'private_dirty': (dirty, 'KiB'),
        'library_pages': (resident * 1024 // os.sysconf('SC_PAGE_SIZE'), 'pages'),
    }


def start(bench):
    everybody = starting(bench)
    tell('start: counting')
    figures = {contestant.name: counted(bench, contestant) for contestant in everybody}
    tell('start: timing')
    taken = {contestant.name: [] for contestant in everybody}
    for contestant in rounds(bench, 15, everybody):
        said = contestant.run([bench.program('start'), '3' if bench.quick else '40', PROGRAM]).stdout
        taken[contestant.name].append(float(words(said)['ns'][0]) / 1000)
    cells = []
    for contestant in everybody:
        for metric, (value, unit) in figures[contestant.name].items():
            made = cell([value], case=metric, contestant=contestant.name, unit=unit)
            if contestant.is_shim:
                made['over_empty'] = value - figures['empty'][metric][0]
                if metric in START_AIMS and (metric, contestant.name) not in NO_AIM:
                    made.update(aim=START_AIMS[metric], met=made['over_empty'] <= START_AIMS[metric])
            cells.append(made)
        cells.append(cell(taken[contestant.name], taken[BARE], case='time', contestant=contestant.name, unit='us'))
    relocations = re.findall(r'^[0-9a-f]+ +[0-9a-f]+ R_', run(['readelf', '-rW', bench.library]).stdout, re.M)
    return result({'system_calls': 'system calls of /bin/true', 'instructions': 'instructions of /bin/true',
                   'private_dirty': 'its private dirty memory at the end',
                   'library_pages': 'pages of the library in memory', 'time': '/bin/true from start to end'},
                  everybody, cells, library={'bytes': os.path.getsize(bench.library), 'relocations': len(relocations)})


# ---- load: real servers, requests a second and the 99th percentile
#
# Each server listens on [::] with V6ONLY 1 by its own doing; policy=both makes that 0, which is how the kernel proves
# that the shim is in. Server and client have a processor each where there are two.

NGINX = '''daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
server {{ listen [::]:{port}; location / {{ return 200 v6shim-page; }} }}
}}
'''


def client(command):
    return run(command, preexec_fn=processor(1)).stdout


def nginx_command(bench, port):
    folder = bench.file('nginx')
    os.makedirs(folder, exist_ok=True)
    with open(f'{folder}/nginx.conf', 'w', encoding='ascii') as file:
        file.write(NGINX.format(folder=folder, port=port))
    return ['nginx', '-e', f'{folder}/error.log', '-p', folder, '-c', f'{folder}/nginx.conf']


def load_nginx(port, seconds):
    said = client(['wrk', '-t1', '-c32', f'-d{max(1, round(seconds))}s', '--latency', f'http://[::1]:{port}/'])
    if 'Non-2xx' in said or 'Socket errors' in said:
        raise RuntimeError(f'wrk: {said}')
    slow = re.search(r'^ +99% +([\d.]+)(us|ms|s)$', said, re.M)
    rate = float(re.search(r'Requests/sec: +([\d.]+)', said)[1])
    return rate, float(slow[1]) * {'us': 1, 'ms': 1000, 's': 1000000}[slow[2]]


def redis_command(bench, port):
    return ['redis-server', '--port', str(port), '--bind', '::', '--protected-mode', 'no', '--save', '',
            '--appendonly', 'no', '--dir', bench.folder, '--daemonize', 'no']


def load_redis(port, seconds):
    def once(requests):
        said = client(['redis-benchmark', '-h', '::1', '-p', str(port), '-c', '32', '-n', str(requests), '-t', 'get',
                       '--csv'])
        row = dict(zip(*([word.strip('"') for word in line.split(',')] for line in said.splitlines()[-2:])))
        return float(row['rps']), float(row['p99_latency_ms']) * 1000

    # redis-benchmark takes a number and no time: a short run tells what number it is.
    return once(max(5000, int(once(5000)[0] * seconds)))


SERVERS = {
    'nginx': ('nginx, wrk', nginx_command, load_nginx),
    'redis': ('redis, redis-benchmark', redis_command, load_redis),
}


@contextlib.contextmanager
def server(bench, command, contestant, port):
    """Runs while it is in use, and is proved to have the shim in, or not."""
    wanted = f'inet6 :: v6only={0 if contestant.library else 1}'
    with open(bench.file('server.out'), 'w+', encoding='utf-8') as out, subprocess.Popen(
            command, env=environment(contestant.settings), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True, preexec_fn=processor(0)) as process:
        try:
            until = time.monotonic() + 15
            while not (found := run([bench.tool('sockdiag'), 'tcp', str(port)]).stdout.strip()):
                if process.poll() is not None or time.monotonic() > until:
                    out.seek(0)
                    raise RuntimeError(f'{command[0]} does not listen: {out.read()[-2000:]}')
                time.sleep(0.02)
            if found != wanted:
                raise RuntimeError(f'{command[0]}, {contestant.name}: {found}, and not {wanted}')
            yield
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                end_group(process)
            contestant.clear()


def load(bench):
    everybody = bench.bares() + [bench.shim('shim-bind', 'v6shim, policy=both, log to a file, level bind',
                                            POLICY='both', LOG='file', LOG_LEVEL='bind')]
    cells = []
    for name, (title, make_command, put_on) in SERVERS.items():
        tell(f'load: {title}')
        taken = {contestant.name: [] for contestant in everybody}
        for contestant in rounds(bench, 9, everybody):
            port = int(run([bench.tool('freeport')]).stdout)
            with server(bench, make_command(bench, port), contestant, port):
                taken[contestant.name].append(put_on(port, 0.2 if bench.quick else 5))
        for who, mine in taken.items():
            for place, (metric, unit) in enumerate((('requests', 'per second'), ('p99', 'us'))):
                cells.append(cell([both[place] for both in mine], [both[place] for both in taken[BARE]],
                                  case=f'{name}-{metric}', contestant=who, unit=unit))
    return result({f'{name}-{metric}': f'{title}: {what}' for name, (title, _, _) in SERVERS.items() for metric, what in (
        ('requests', 'requests a second'), ('p99', '99th percentile'))}, everybody, cells)


# ---- scale: a conflict among many descriptors and sockets, many listeners, and `v6shim report` beside jq

DESCRIPTORS = (10, 1000, 100000)
LISTENERS = 1000
LOGS = {'1MB': 1_000_000, '100MB': 100_000_000}
AIM_RECORDS_A_SECOND = 250_000
JQ = 'reduce inputs as $r ({}; .["\\($r.event) \\($r.action) \\($r.finding)"] += 1)'


def scale_once(contestant, *arguments):
    return words(run([sys.executable, os.path.join(os.path.dirname(__file__), 'scale.py'), *map(str, arguments)],
                     contestant.settings).stdout)


def conflict_once(bench, number, holder, contestant):
    # A short run has no time for so many; its figures mean nothing anyway.
    many = max(10, number // 100) if bench.quick else number
    said = scale_once(contestant, 'conflict', many, many, holder, 1 if bench.quick else 5)
    wanted = 'ok' if contestant.library and holder == 'own' else 'EADDRINUSE'
    if said['second'] != [wanted]:
        raise RuntimeError(f'conflict, {contestant.name}: {said["second"][0]}, and not {wanted}')
    facts = {'descriptors': int(said['descriptors'][0]), 'sockets': many}
    if contestant.library:
        with open(contestant.fresh, encoding='utf-8') as file:
            holders = [record['holder'] for record in map(json.loads, file) if record.get('finding') == 'conflict']
        if not holders:
            raise RuntimeError('the conflict was not recorded')
        facts['holder_named_by'] = next((word for word in ('fd', 'pid', 'uid')
                                         if all(word in holder for holder in holders)), 'none')
    contestant.clear()
    return [float(us) for us in said['us']], facts


def conflicts(bench, contestants):
    for number in DESCRIPTORS:
        for holder, with_shim in zip(('own', 'other'), contestants[1:]):
            tell(f'scale: a conflict among {number:,} descriptors and sockets, the holder: {holder}')
            for contestant in (contestants[0], with_shim):
                taken = []
                for _ in range(bench.often(5)):
                    figures, facts = conflict_once(bench, number, holder, contestant)
                    taken += figures
                yield cell(taken, case=f'conflict-{holder}-{number}', contestant=contestant.name, unit='us', **facts)


def listeners(bench, everybody):
    taken = {contestant.name: [] for contestant in everybody}
    tell(f'scale: {LISTENERS:,} listeners')
    for contestant in rounds(bench, 5, everybody):
        said = scale_once(contestant, 'listeners', LISTENERS)
        contestant.clear()
        if said['v6only'] != ['1' if contestant.library else '0']:
            raise RuntimeError(f'listeners, {contestant.name}: V6ONLY is {said["v6only"]}')
        taken[contestant.name].append(float(said['us'][0]))
    return [cell(taken[c.name], taken[BARE], case='listeners', contestant=c.name, unit='us') for c in everybody]


def start_of_server(number):
    """What one of many starts of a server leaves: eight ports in both families; some meet a conflict."""
    common = {'policy': 'ipv6-only', 'mode': 'enforce', 'action': 'none', 'finding': 'none'}
    records = [dict(common, event='load', version='0.1.0')]
    for port in range(8000, 8008):
        for family, addr, action in (('inet', '0.0.0.0', 'none'), ('inet6', '::', 'set')):
            socket = {'fd': port - 7997, 'family': family, 'type': 'stream', 'proto': 'tcp', 'addr': addr, 'port': port}
            records += [dict(common, event='bind', **socket, action=action, result=0),
                        dict(common, event='listen', **socket, serves=[family], result=0)]
    if number % 32 == 0:
        records[1].update(finding='conflict', result=-1, errno='EADDRINUSE', holder={
            'pid': 299, 'program': 'other', 'uid': 0, 'family': 'inet', 'addr': '0.0.0.0', 'port': 8000})
    return ''.join(json.dumps(dict({'v': 1, 'time': '2026-01-02T03:04:05.678901Z', 'pid': 300 + number,
                                    'program': 'legacyd', 'via': 'preload'}, **record), separators=(',', ':')) + '\n'
                   for record in records), len(records)


def logs(bench):
    for name, size in LOGS.items():
        tell(f'scale: report of a log of {name}')
        path, records, written = bench.file('generated.jsonl'), 0, 0
        with open(path, 'w', encoding='ascii') as file:
            while written < (min(size, 300_000) if bench.quick else size):
                text, count = start_of_server(records)
                records += count
                written += file.write(text)
        # What is not yet on the disk is written while the readers run, who share its processors.
        os.sync()
        # jq needs minutes for what report does in seconds: one round of it has to do.
        for reader, command, often in (('report', [bench.command, 'report'], bench.often(5)),
                                       ('jq', [shutil.which('jq'), '-n', JQ], 1)):
            said = [words(run([bench.program('start'), 'peak', *command, path], preexec_fn=processor(1)).stdout)
                    for _ in range(often)]
            facts = {'contestant': reader}
            yield cell([float(one['ns'][0]) / 1e9 for one in said], case=f'log-{name}-seconds', unit='s', **facts)
            yield cell([int(one['peak_kib'][0]) for one in said], case=f'log-{name}-peak', unit='KiB', **facts)
            made = cell([records * 1e9 / float(one['ns'][0]) for one in said], case=f'log-{name}-records',
                        unit='records/s', cpu=spread([records * 1e9 / float(one['cpu_ns'][0]) for one in said]), **facts)
            if reader == 'report':
                made.update(aim=AIM_RECORDS_A_SECOND, met=made['median'] >= AIM_RECORDS_A_SECOND)
            yield made


def scale(bench):
    conflicting = [bench.bares()[0],
                   bench.shim('shim-share', 'v6shim, on-conflict=share, log to a file', ON_CONFLICT='share', LOG='file',
                              LOG_FORMAT='json'),
                   bench.shim('shim-fail', 'v6shim, on-conflict=fail, log to a file', LOG='file', LOG_FORMAT='json')]
    listening = bench.bares() + bench.logged()
    readers = [Contestant('report', 'v6shim report'),
               Contestant('jq', 'jq, counting the records by their action and finding')]
    cases = {f'conflict-{holder}-{number}': f'a conflict, {number:,} descriptors and sockets, {what}'
             for number in DESCRIPTORS for holder, what in (('own', 'the holder in this process'),
                                                            ('other', 'the holder elsewhere'))}
    cases['listeners'] = f'{LISTENERS:,} listeners bound at start'
    for name in LOGS:
        cases.update({f'log-{name}-seconds': f'a log of {name}: time', f'log-{name}-peak': f'{name}: peak memory',
                      f'log-{name}-records': f'{name}: records a second'})
    cells = [*conflicts(bench, conflicting), *listeners(bench, listening), *logs(bench)]
    return result(cases, conflicting + listening + readers, cells)
