"""README.md of a scenario folder: the hand-written story (story-NAME.md) with figures and the table of connections."""

import collections
import os
import platform
import re
import subprocess
import sys

import verify

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ('bash', 'curl', 'bind9-dnsutils', 'netcat-openbsd', 'openssh-client', 'openssh-server', 'nginx-light', 'dnsmasq-base',
            'openssl', 'python3', 'tcpdump', 'bpftrace')


def versions():
    out = subprocess.run(['dpkg-query', '-W', '-f', '${Package} ${Version}\n', *PACKAGES], capture_output=True, text=True).stdout
    lines = sorted(line for line in out.splitlines() if ' ' in line)
    return ', '.join(lines) + f'; Linux {re.match(r"[0-9.]+", platform.release()).group(0).rstrip(".")}'


def owner(entry, users):
    if entry is None:
        return '-'
    name = users.get((entry['host'], str(entry['uid'])), str(entry['uid']))
    return f"{entry['host']} {os.path.basename(entry['exe'])}[{entry['pid']}] {name}"


def table(attributed, hosts, users):
    start = attributed[0][0].first
    lines = ['| s | proto | originator | responder | bytes | originating process | responding process |', '|--:|--|--|--|--:|--|--|']
    for c, orig, resp in attributed:
        cells = []
        for entry, end in ((orig, c.orig), (resp, c.resp)):
            if end[0] not in hosts:
                cells.append('(not watched)')
            elif entry is None and c.refused:
                cells.append('(refused)')
            else:
                cells.append(owner(entry, users))
        lines.append(f'| {(c.first - start) / 1e6:.3f} | {c.proto} | {verify.show(c.orig)} | {verify.show(c.resp)} | {c.bytes} '
                     f'| {cells[0]} | {cells[1]} |')
    return '\n'.join(lines)


def write(name, folder):
    rows, entries, (connections, packets, other, _), attributed, _ = verify.load(folder)
    hosts = verify.addresses_of_hosts(rows)
    users = {(r['hostIdentifier'], r['columns']['uid']): r['columns']['username'] for r in rows if r['name'] == 'users'}
    roles = collections.Counter(e['role'] for e in entries)
    with open(os.path.join(HERE, f'story-{name}.md'), encoding='utf-8') as file:
        story = file.read().rstrip()
    watched = sorted(set(hosts.values()))
    unwatched = sorted({e['host'] for e in entries} - set(watched))
    figures = (
        f'{packets} packets, {len(connections)} TCP and UDP connections '
        f'({sum(o is not None and c.orig[0] in hosts for c, o, _ in attributed)} with a watched originator, '
        f'{sum(r is not None and c.resp[0] in hosts for c, _, r in attributed)} with a watched responder that took them, '
        f'{sum(c.refused for c, _, _ in attributed)} refused); other packets: '
        f'{", ".join(f"{n} {k}" for k, n in sorted(other.items())) or "none"}.\n\n'
        f'`truth.jsonl`: {len(entries)} entries ({", ".join(f"{n} {r}" for r, n in sorted(roles.items()))}); '
        f'{sum(e["host"] in unwatched for e in entries)} of them on the unwatched {" and ".join(unwatched)}, '
        f'{sum(verify.is_local(e["remote_address"]) for e in entries)} on loopback (not in the capture).\n\n'
        f'`host.log`: {len(rows)} rows of {", ".join(watched)}: '
        + ', '.join(f'{n} {t}' for t, n in sorted(collections.Counter(r['name'] for r in rows).items())) + '.')
    blind = verify.without_evidence(entries, set(watched), rows)
    figures += '\n\nEnds of watched hosts whose owner no row of `host.log` names: ' + (', '.join(
        f'{owner(e, users)} {e["proto"]} {e["local_port"]} > {e["remote_address"]} {e["remote_port"]}' for e in blind) or 'none') + '.'
    with open(os.path.join(folder, 'README.md'), 'w', encoding='utf-8') as file:
        file.write(f'{story}\n\n## Figures\n{figures}\n\nPrograms: {versions()}.\n\n## Connections\n'
                   f'Process and user as in `truth.jsonl`; seconds since the first packet of the first connection.\n\n'
                   f'{table(attributed, hosts, users)}\n')


if __name__ == '__main__':
    for path in sys.argv[1:]:
        write(os.path.basename(os.path.abspath(path)), path)
