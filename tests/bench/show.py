"""show.py - what was measured: as JSON, and as tables in Markdown, all of it and in short for README.md."""

import json

import contestants


def as_json(result):
    """A cell on each line, so that two runs can be compared by line."""
    groups = []
    for name, group in result['groups'].items():
        facts = [f'  {json.dumps(key)}: {json.dumps(value)}' for key, value in group.items() if key != 'cells']
        cells = ',\n'.join('   ' + json.dumps(cell) for cell in group['cells'])
        groups.append(f' {json.dumps(name)}: {{\n' + ',\n'.join(facts + [f'  "cells": [\n{cells}\n  ]']) + '\n }')
    return f'{{"v": {result["v"]}, "groups": {{\n' + ',\n'.join(groups) + '\n}}\n'


def figure(value):
    """With as many digits as mean something."""
    if value >= 100:
        return f'{value:,.0f}'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def ratio_text(cell, key='ratio'):
    ratio = cell.get(key)
    return f'{ratio["median"]:.3f} ({ratio["q1"]:.3f}-{ratio["q3"]:.3f})' if ratio else ''


def aim_text(cell):
    if 'aim' not in cell:
        return ''
    return f'{cell["aim"]:,} {"met" if cell["met"] else "MISSED"}'


def extra_text(cell):
    words = []
    if 'cpu_ratio' in cell:
        words.append(f'{ratio_text(cell, "cpu_ratio")} in processor time')
    elif 'cpu' in cell:
        words.append(f'{figure(cell["cpu"]["median"])} by processor time')
    if 'over_empty' in cell:
        words.append(f'{cell["over_empty"]:+,} over an empty library')
    if 'growth' in cell:
        words.append(f'{cell["growth"]:.2f} of the next smaller log')
    if 'descriptors' in cell:
        words.append(f'{cell["descriptors"]:,} descriptors in the process')
    if 'holder_named_by' in cell:
        words.append(f'the holder is told by {cell["holder_named_by"]}')
    return ', '.join(words)


def table(heads, rows):
    lines = ['| ' + ' | '.join(heads) + ' |', '| ' + ' | '.join('---' for _ in heads) + ' |']
    return lines + ['| ' + ' | '.join(row) + ' |' for row in rows]


def title_of(group, cell):
    threads = cell.get('threads', 1)
    return group['cases'][cell['case']] + (f', {threads} threads' if threads > 1 else '')


def whole_group(group):
    """Every cell: medians, quartiles in brackets."""
    rows = []
    for cell in group['cells']:
        who = group['contestants'][cell['contestant']]
        if 'refused' in cell:
            rows.append([title_of(group, cell), who, cell['refused'], '', '', ''])
            continue
        rows.append([title_of(group, cell), who,
                     f'{figure(cell["median"])} ({figure(cell["q1"])}-{figure(cell["q3"])}) {cell["unit"]}',
                     ratio_text(cell), aim_text(cell), extra_text(cell)])
    return table(['case', 'with', 'median (quartiles)', 'to bare', 'aim', ''], rows)


def find(group, case, name, threads=1):
    for cell in group['cells']:
        if (cell['case'], cell['contestant'], cell.get('threads', 1)) == (case, name, threads):
            return cell
    return None


def short_row(group, case, name, title=None):
    bare, shim, noise = (find(group, case, who) for who in (contestants.BARE, name, contestants.AGAIN))
    unit = '' if 'requests' in case else ' ' + bare['unit']
    return [title or group['cases'][case], f'{figure(bare["median"])}{unit}', f'{figure(shim["median"])}{unit}',
            f'{shim["ratio"]["median"]:.2f}', f'{noise["ratio"]["median"]:.2f}', aim_text(shim)]


SHORT_CALLS = (
    ('nodelay', 'shim-off', None), ('socket4', 'shim-off', None), ('socket6', 'shim-off', None),
    ('cycle-one', 'shim-off', None), ('cycle-any', 'shim-off', 'the same on [::], governed, log off'),
    ('cycle-any', 'shim-change', 'the same, a record to a file'),
    ('cycle-any', 'rules-1000-wide', 'the same, log off, 1,000 rules'),
    ('listen', 'shim-off', None), ('getaddrinfo', 'shim-off', None),
)


def short_load(group):
    return [short_row(group, case, 'shim-bind') for case in group['cases']]


def short_start(group):
    rows = [short_row(group, 'time', 'shim-off', 'start of /bin/true')]
    for case, title in (('system_calls', 'start: system calls over an empty library'),
                        ('instructions', 'start: instructions over an empty library')):
        cell = find(group, case, 'shim-off')
        rows.append([title, '', f'{cell["over_empty"]:+,}', '', '', aim_text(cell)])
    cell = find(group, 'private_dirty', 'shim-off')
    rows.append(['start: private dirty memory over an empty library', '', f'{cell["over_empty"]:+,} KiB', '', '', ''])
    return rows


def short_scale(group):
    rows = [short_row(group, 'listeners', 'shim-off', '1,000 listeners, log off')]
    for case in ('log-1GB-records', 'log-1GB-peak'):
        cell = find(group, case, 'report')
        title = 'report of 1 GB of log: ' + ('records a second' if case.endswith('records') else 'peak memory')
        unit = '' if case.endswith('records') else ' KiB'
        text = f'{aim_text(cell)}' if case.endswith('records') else 'flat ' + ('met' if cell['met'] else 'MISSED')
        rows.append([title, '', f'{figure(cell["median"])}{unit}', '', '', text])
    return rows


def short(groups):
    """The table of README.md: bare, the shim, the ratio, the noise of bare to bare, the aim."""
    rows = []
    if 'calls' in groups:
        rows += [short_row(groups['calls'], *row) for row in SHORT_CALLS]
    for name, rows_of in (('start', short_start), ('load', short_load), ('scale', short_scale)):
        if name in groups:
            rows += rows_of(groups[name])
    return table(['', 'bare', 'with v6shim', 'ratio', 'bare to bare', 'aim'], rows)


def peers(group):
    """Ratios to bare of the shim beside others that are preloaded."""
    names = ['shim-off', 'shim-change'] + [peer.name for peer in contestants.peers()]
    rows = []
    for case, title in group['cases'].items():
        row = [title]
        for name in names:
            cell = find(group, case, name)
            row.append(f'refused: {cell["refused"]}' if 'refused' in cell else f'{cell["ratio"]["median"]:.2f}')
        rows.append(row)
    return table(['ratio to bare'] + [group['contestants'][name] for name in names], rows)


def machine_text(machine):
    return (f'{machine["processor"]}, {machine["processors"]} processors, {machine["memory_mib"]:,} MiB; '
            f'Linux {machine["kernel"]}; {machine["libc"]}; {machine["compiler"]}, {machine["flags"]}; '
            f'logs on {machine["filesystem"]}')


def markdown(result):
    groups = result['groups']
    lines = short(groups)
    if any(group['quick'] for group in groups.values()):
        lines = ['A QUICK RUN, to see that everything works: the figures mean nothing.', ''] + lines
    if 'calls' in groups:
        lines += [''] + peers(groups['calls'])
    for name, group in groups.items():
        lines += ['', f'## {name}', '', machine_text(group['machine']) + f'; {group["date"]}',
                  ''] + whole_group(group)
        if 'library' in group:
            lines += ['', f'The library: {group["library"]["bytes"]:,} bytes, '
                      f'{group["library"]["relocations"]} relocations.']
    return '\n'.join(lines) + '\n'
