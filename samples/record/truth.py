"""truth.jsonl from the shim's raw lines: one line for each end of a connection that a program opened, accepted or used."""

import ipaddress
import json


def unmapped(text):
    address = ipaddress.ip_address(text)
    return str(getattr(address, 'ipv4_mapped', None) or address)


def key_of(event):
    """A TCP socket has one peer; a UDP socket one entry per process and peer."""
    base = (event['host'], event['inode'])
    return base if event['proto'] == 'tcp' else (*base, event['pid'], event['remote_address'], event['remote_port'])


def build(raw_lines):
    events = sorted((json.loads(line) for line in raw_lines), key=lambda e: e['time'])
    entries, ends = {}, {}
    for event in events:
        if event['event'] in ('close', 'exit'):
            ends[event['inode']] = event['time']
            continue
        if event['remote_port'] == 0:
            continue
        key = key_of(event)
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = {
                'host': event['host'], 'pid': event['pid'], 'uid': event['uid'], 'exe': event['exe'], 'proto': event['proto'],
                'role': event['event'], 'local_address': unmapped(event['local_address']),
                'local_port': event['local_port'], 'remote_address': unmapped(event['remote_address']),
                'remote_port': event['remote_port'], 'start': event['time'], 'inode': event['inode']}
            entry.update({key: event[key] for key in ('error', 'fast_open') if key in event})
        entry['end'] = event['done']
    for entry in entries.values():
        inode = entry.pop('inode')
        closed = ends.get(inode)
        server = entry['proto'] == 'udp' and entry['role'] == 'receive'
        if entry['proto'] == 'tcp':
            entry.pop('end')
        if closed is not None and not server:
            entry['end'] = closed
    return sorted(entries.values(), key=lambda e: (e['start'], e['host'], e['pid']))


def write(raw_file, path):
    with open(raw_file, encoding='utf-8') as file:
        entries = build(file)
    with open(path, 'w', encoding='utf-8') as file:
        for entry in entries:
            file.write(json.dumps(entry, separators=(',', ':')) + '\n')
    return entries
