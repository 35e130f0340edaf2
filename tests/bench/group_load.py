"""group_load.py - real servers under load, bare and with the shim: requests a second and the 99th percentile.

Each server listens on [::] with V6ONLY 1 by its own doing; policy=both makes that 0, which is how the kernel
proves that the shim is in. Server and client have a processor each where there are two.
"""

import contextlib
import os
import re
import subprocess
import time

import contestants
from measure import cell, end_group, environment, in_turn, run, tell, words

ROUNDS = 9
SECONDS = 5
CONNECTIONS = 32
PATIENCE_S = 15


def processor(number):
    """To be run in the child: it has this one of the processors that there are."""
    allowed = sorted(os.sched_getaffinity(0))

    def pin():
        os.sched_setaffinity(0, {allowed[number % len(allowed)]})
    return pin


def nginx_command(bench, port):
    folder = bench.file('nginx')
    os.makedirs(folder, exist_ok=True)
    temporary = '\n'.join(f'{kind}_temp_path {folder}/{kind};'
                          for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    with open(f'{folder}/nginx.conf', 'w', encoding='ascii') as file:
        file.write(f'''daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
access_log off; keepalive_requests 1000000000; {temporary}
server {{ listen [::]:{port}; location / {{ return 200 v6shim-page; }} }}
}}
''')
    return ['nginx', '-e', f'{folder}/error.log', '-p', folder, '-c', f'{folder}/nginx.conf']


def redis_command(bench, port):
    return ['redis-server', '--port', str(port), '--bind', '::', '--protected-mode', 'no', '--save', '',
            '--appendonly', 'no', '--dir', bench.folder, '--daemonize', 'no']


def memcached_command(_bench, port):
    user = ['-u', 'nobody'] if os.geteuid() == 0 else []
    return ['memcached', *user, '-l', '::', '-p', str(port), '-U', '0', '-t', '1']


def client(command):
    return run(command, preexec_fn=processor(1)).stdout


def in_microseconds(number, unit):
    return float(number) * {'us': 1, 'ms': 1000, 's': 1000000}[unit]


def load_nginx(bench, port, seconds):
    said = client(['wrk', '-t1', f'-c{CONNECTIONS}', f'-d{max(1, round(seconds))}s', '--latency',
                   f'http://[::1]:{port}/'])
    if 'Non-2xx' in said or 'Socket errors' in said:
        raise RuntimeError(f'wrk: {said}')
    slow = re.search(r'^ +99% +([\d.]+)(us|ms|s)$', said, re.M)
    return float(re.search(r'Requests/sec: +([\d.]+)', said).group(1)), in_microseconds(*slow.groups())


def redis_once(port, requests):
    said = client(['redis-benchmark', '-h', '::1', '-p', str(port), '-c', str(CONNECTIONS), '-n', str(requests),
                   '-t', 'get', '--csv'])
    heads, values = ([word.strip('"') for word in line.split(',')] for line in said.splitlines()[-2:])
    row = dict(zip(heads, values))
    return float(row['rps']), in_microseconds(row['p99_latency_ms'], 'ms')


def load_redis(_bench, port, seconds):
    # redis-benchmark takes a number and no time: a short run tells what number it is.
    rate, _ = redis_once(port, 5000)
    return redis_once(port, max(5000, int(rate * seconds)))


def load_memcached(bench, port, seconds):
    said = words(client([bench.program('memload'), '::1', str(port), str(CONNECTIONS),
                         str(round(seconds * 1000))]))
    return float(said['per_second'][0]), float(said['p99_us'][0])


SERVERS = (
    ('nginx', 'nginx, wrk', nginx_command, load_nginx),
    ('redis', 'redis, redis-benchmark', redis_command, load_redis),
    ('memcached', 'memcached, memload', memcached_command, load_memcached),
)


def listening(bench, port):
    return run([bench.tool('sockdiag'), 'tcp', str(port)]).stdout.strip()


@contextlib.contextmanager
def server(bench, command, contestant, port):
    """Runs while it is in use, and is proved to have the shim in, or not."""
    wanted = 'inet6 :: v6only=' + ('0' if contestant.library else '1')
    with open(bench.file('server.out'), 'w+', encoding='utf-8') as out, \
            subprocess.Popen(command, env=environment(contestant.settings), stdin=subprocess.DEVNULL,
                             stdout=out, stderr=out, start_new_session=True,
                             preexec_fn=processor(0)) as process:
        try:
            until = time.monotonic() + PATIENCE_S
            while not (found := listening(bench, port)):
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
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                end_group(process)
            contestant.clear()


def take(bench, make_command, load, contestant):
    port = int(run([bench.tool('freeport')]).stdout)
    with server(bench, make_command(bench, port), contestant, port):
        return load(bench, port, 0.2 if bench.quick else SECONDS)


def cells_of(name, everybody, taken):
    bare = taken[contestants.BARE]
    cells = []
    for contestant in everybody:
        mine = taken[contestant.name]
        for metric, unit, place in (('requests', 'per second', 0), ('p99', 'us', 1)):
            cells.append(cell([both[place] for both in mine], [both[place] for both in bare],
                              case=f'{name}-{metric}', contestant=contestant.name, unit=unit))
    return cells


def measure(bench):
    everybody = contestants.bares() + [
        contestants.shim(bench, 'shim-bind', 'v6shim, policy=both, log to a file, level bind', POLICY='both',
                         LOG='file', LOG_LEVEL='bind')]
    cells = []
    for name, title, make_command, load in SERVERS:
        taken = {contestant.name: [] for contestant in everybody}
        for number in range(bench.often(ROUNDS)):
            tell(f'load: {title}, round {number + 1}')
            for contestant in in_turn(everybody, number):
                taken[contestant.name].append(take(bench, make_command, load, contestant))
        cells += cells_of(name, everybody, taken)
    titles = {f'{name}-{metric}': f'{title}: {what}' for name, title, _, _ in SERVERS
              for metric, what in (('requests', 'requests a second'), ('p99', '99th percentile'))}
    return {'cases': titles, 'contestants': {c.name: c.title for c in everybody}, 'cells': cells}
