"""contestants.py - who takes part: nothing preloaded, the shim in its settings, and its peers.

A contestant is a name, what it is for a reader, the variables that its programs get, and the library
that must then be found in them: a preload that did not happen would measure as none. `fresh` is a file to
remove after each process.
"""

import glob
import os
from dataclasses import dataclass, field

BARE = 'bare'
# The same as bare once more. What its ratio differs from 1.00 by is noise.
AGAIN = 'bare-again'

# As long as rules in a file may be, and then some.
RULES = (1, 10, 100, 1000)

LEVELS = ('error', 'change', 'bind', 'all')


@dataclass
class Contestant:
    name: str
    title: str
    settings: dict = field(default_factory=dict)
    library: str = ''
    fresh: str = ''
    absent: str = ''

    def clear(self):
        if self.fresh and os.path.exists(self.fresh):
            os.remove(self.fresh)


def bares():
    return [Contestant(BARE, 'nothing preloaded'),
            Contestant(AGAIN, 'nothing preloaded, once more: the noise')]


def preload(path, **variables):
    return dict({'LD_PRELOAD': path}, **variables)


def shim(bench, name, title, **settings):
    """The shim with SETTING=value; LOG=file is a file of its own."""
    fresh = ''
    if settings.get('LOG') == 'file':
        fresh = settings['LOG'] = bench.file(f'{name}.jsonl')
    variables = {f'V6SHIM_{word}': value for word, value in settings.items()}
    return Contestant(name, title, preload(bench.library, **variables), 'libv6shim.so', fresh)


def logged(bench, policy='ipv6-only'):
    """The shim with the log off, and to a file at each level."""
    made = [shim(bench, 'shim-off', 'v6shim, log off', POLICY=policy, LOG='off')]
    for level in LEVELS:
        made.append(shim(bench, f'shim-{level}', f'v6shim, log to a file, level {level}', POLICY=policy,
                         LOG='file', LOG_LEVEL=level))
    return made


def write_rules(bench, name, number, last):
    """A configuration file of so many rules, of which only the last is for ports from 1024 on."""
    path = bench.file(f'{name}.conf')
    with open(path, 'w', encoding='ascii') as file:
        for i in range(number - 1):
            file.write(f'port={i + 1} proto=tcp => policy=both on-conflict=resolve\n')
        file.write(f'port={last} => policy=ipv6-only\n')
    return path


def ruled(bench, number, last='8080'):
    name = f'rules-{number}' + ('' if last == '8080' else '-wide')
    return shim(bench, name, f'v6shim, log off, rules: {number:,}, the last for port {last}', LOG='off',
                CONFIG=write_rules(bench, name, number, last))


def ruled_wide(bench, number):
    """Rules of which the last is for whatever port the kernel chooses."""
    return ruled(bench, number, '1024-65535')


def find_library(pattern):
    """In the folders that libraries of this machine's architecture may be in."""
    for folder in ('/usr/lib/*', '/usr/lib', '/usr/lib64'):
        found = sorted(glob.glob(os.path.join(folder, pattern)))
        if found:
            return found[0]
    return ''


def peer(name, title, pattern, **variables):
    path = find_library(pattern)
    if not path:
        return Contestant(name, title, absent='is not installed')
    variables = {word: path if value == 'LIBRARY' else value for word, value in variables.items()}
    return Contestant(name, title, preload(path, **variables), os.path.basename(path))


def peers():
    """Other libraries that are preloaded into servers, each set so that it lets a server's calls through."""
    return [
        peer('socket_wrapper', 'libsocket-wrapper, with nothing to wrap', 'libsocket_wrapper.so'),
        peer('torsocks', 'torsocks, inbound and IPv6 allowed', 'torsocks/libtorsocks.so',
             TORSOCKS_ALLOW_INBOUND='1', TORSOCKS_ENABLE_IPV6='1', TORSOCKS_LOG_LEVEL='1'),
        peer('proxychains', 'proxychains4', 'libproxychains.so.4', PROXYCHAINS_QUIET_MODE='1',
             PROXYCHAINS_CONF_FILE='/etc/proxychains4.conf'),
        peer('authbind', 'authbind', 'authbind/libauthbind.so.1', AUTHBIND_LIB='LIBRARY'),
        peer('eatmydata', 'libeatmydata', 'libeatmydata.so'),
    ]
