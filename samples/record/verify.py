"""Checks a recorded scenario: capture, truth and host log against each other. Uses nothing of the product.

Usage: python3 verify.py FOLDER...   Exit status 1 when a check fails.
"""

import collections
import ipaddress
import json
import os
import struct
import sys

PCAP_MAGIC = {0xa1b2c3d4: 1_000_000, 0xa1b23c4d: 1_000_000_000}
LOG_KEYS = {'name', 'hostIdentifier', 'calendarTime', 'unixTime', 'epoch', 'counter', 'numerics', 'columns', 'action'}
LOG_TABLES = {'socket_events', 'process_events', 'process_open_sockets', 'listening_ports', 'processes',
              'interface_addresses', 'users', 'system_info'}
SYN, RST, ACK = 2, 4, 16
# A truth entry belongs to a connection when its start lies this near to the connection's packets.
SLACK_US = 500_000

Packet = collections.namedtuple('Packet', 'time proto source destination flags seq length')


class Connection:
    def __init__(self, packet):
        self.proto, self.orig, self.resp = packet.proto, packet.source, packet.destination
        self.first = self.last = packet.time
        self.isn = packet.seq
        self.packets = self.bytes = 0
        self.answered = self.refused = False

    def add(self, packet):
        self.last = packet.time
        self.packets += 1
        self.bytes += packet.length
        if packet.source == self.resp:
            self.answered = self.answered or packet.proto == 'udp' or packet.flags & (SYN | ACK) == SYN | ACK
            self.refused = self.refused or (packet.proto == 'tcp' and packet.flags & RST and not self.answered)


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def dissect(time, frame, other, bad):
    """A TCP or UDP packet of an Ethernet frame; anything else is counted in `other`, bad checksums in `bad`."""
    kind = struct.unpack_from('>H', frame, 12)[0]
    ip = frame[14:]
    if kind == 0x0800:
        head = (ip[0] & 15) * 4
        ip = ip[:struct.unpack_from('>H', ip, 2)[0]]
        proto, source, destination = ip[9], ip[12:16], ip[16:20]
        bad['ip'] += checksum(ip[:head]) != 0xffff
    elif kind == 0x86dd:
        head, proto, source, destination = 40, ip[6], ip[8:24], ip[24:40]
        ip = ip[:40 + struct.unpack_from('>H', ip, 4)[0]]
    else:
        other[{0x0806: 'arp'}.get(kind, hex(kind))] += 1
        return None
    body = ip[head:]
    if proto not in (6, 17):
        other[{1: 'icmp', 58: 'icmp6', 0: 'icmp6 (multicast listener)'}.get(proto, f'ip protocol {proto}')] += 1
        return None
    pseudo = source + destination + struct.pack('>IBBBB', len(body), 0, 0, 0, proto)
    bad['tcp' if proto == 6 else 'udp'] += checksum(pseudo + body) != 0xffff
    ports = struct.unpack_from('>HH', body)
    ends = [(str(ipaddress.ip_address(a)), p) for a, p in zip((source, destination), ports)]
    if proto == 17:
        return Packet(time, 'udp', *ends, 0, 0, len(body) - 8)
    return Packet(time, 'tcp', *ends, body[13], struct.unpack_from('>I', body, 4)[0], len(body) - (body[12] >> 4) * 4)


def read_pcap(path):
    with open(path, 'rb') as file:
        data = file.read()
    fraction = PCAP_MAGIC[struct.unpack_from('<I', data)[0]]
    at, connections, open_now = 24, [], {}
    other, bad, packets = collections.Counter(), collections.Counter(), 0
    while at < len(data):
        seconds, part, captured, wire = struct.unpack_from('<IIII', data, at)
        if captured != wire:
            bad['cut packets'] += 1
        packets += 1
        packet = dissect(seconds * 1_000_000 + part * 1_000_000 // fraction, data[at + 16:at + 16 + captured], other, bad)
        at += 16 + captured
        if packet is None:
            continue
        key = (packet.proto, *sorted((packet.source, packet.destination)))
        known = open_now.get(key)
        fresh = packet.proto == 'tcp' and packet.flags & (SYN | ACK) == SYN
        if known is None or (fresh and packet.seq != known.isn):
            known = open_now[key] = Connection(packet)
            connections.append(known)
        known.add(packet)
    return connections, packets, other, +bad


def read_jsonl(path):
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def check_log(rows):
    problems = []
    last = 0
    for number, row in enumerate(rows, 1):
        if set(row) != LOG_KEYS or row['name'] not in LOG_TABLES or row['action'] not in ('added', 'removed'):
            problems.append(f'host.log:{number}: wrong keys, name or action')
        if any(not isinstance(v, str) for v in row['columns'].values()):
            problems.append(f'host.log:{number}: a value is not a string')
        if row['unixTime'] < last:
            problems.append(f'host.log:{number}: out of order')
        last = row['unixTime']
    return problems


def addresses_of_hosts(rows):
    return {r['columns']['address']: r['hostIdentifier'] for r in rows
            if r['name'] == 'interface_addresses' and r['columns']['interface'] != 'lo'}


def is_local(address):
    return ipaddress.ip_address(address).is_loopback


class Truth:
    def __init__(self, entries):
        self.entries = entries
        self.index = collections.defaultdict(list)
        for entry in entries:
            remote = (entry['remote_address'], entry['remote_port'])
            self.index[(entry['proto'], entry['local_port'], remote)].append(entry)

    def find(self, connection, end, roles):
        """Entries of one end, nearest in time first."""
        local, remote = (connection.orig, connection.resp) if end == 'orig' else (connection.resp, connection.orig)
        found = [e for e in self.index[(connection.proto, local[1], remote)]
                 if e['role'] in roles and e['local_address'] in (local[0], '0.0.0.0', '::')
                 and connection.first - SLACK_US <= e['start'] <= connection.last + SLACK_US]
        return sorted(found, key=lambda e: abs(e['start'] - connection.first))


def attribute(connections, truth):
    """Each connection with the truth entry of either end, or None. An entry is used once."""
    used, result = set(), []
    for connection in connections:
        ends = []
        for end, roles in (('orig', ('connect', 'send')), ('resp', ('accept', 'receive'))):
            free = [e for e in truth.find(connection, end, roles) if id(e) not in used]
            if free:
                used.add(id(free[0]))
            ends.append(free[0] if free else None)
        result.append((connection, *ends))
    unused = [e for e in truth.entries if id(e) not in used and not is_local(e['remote_address'])]
    return result, unused


def check_events(entries, watched, rows, notes):
    """Truth entries of watched hosts made by connect or accept, and how many have their socket_events row."""
    events = [(r['hostIdentifier'], r['columns']) for r in rows if r['name'] == 'socket_events']
    expected, missing = 0, []
    for entry in entries:
        if entry['host'] not in watched or entry['role'] not in ('connect', 'accept'):
            continue
        if 'fast_open' in entry:
            notes.append(f'{entry["exe"]}[{entry["pid"]}] on {entry["host"]} opened {entry["remote_address"]} {entry["remote_port"]} '
                         'with sendto(MSG_FASTOPEN), without connect: no socket_events row')
            continue
        expected += 1
        for host, c in events:
            if (host == entry['host'] and int(c['pid']) == entry['pid'] and c['action'] == entry['role']
                    and int(c['remote_port']) == entry['remote_port'] and c['path'] == entry['exe']
                    and int(c['local_port']) in (0, entry['local_port'])
                    and abs(int(c['time']) - entry['start'] // 1_000_000) <= 1):
                break
        else:
            missing.append(entry)
    return expected, missing


def same(address, other):
    """Whether an address of host.log, perhaps mapped or written out in full, is `other`."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return str(getattr(parsed, 'ipv4_mapped', None) or parsed) == other


def names_process(entry, row):
    """Whether a row of host.log says that the entry's process had this end: an event, an open or a listening socket."""
    c = row['columns']
    if row['hostIdentifier'] != entry['host'] or int(c.get('pid', -1)) != entry['pid']:
        return False
    if row['name'] == 'socket_events' and c['action'] == entry['role']:
        return (same(c['remote_address'], entry['remote_address']) and int(c['remote_port']) == entry['remote_port']
                and int(c['local_port']) in (0, entry['local_port'])
                and abs(int(c['time']) - entry['start'] // 1_000_000) <= 1)
    if row['name'] == 'process_open_sockets':
        return int(c['local_port']) == entry['local_port'] and int(c['remote_port']) in (0, entry['remote_port'])
    return row['name'] == 'listening_ports' and int(c['port']) == entry['local_port']


def without_evidence(entries, watched, rows):
    return [e for e in entries if e['host'] in watched and not any(names_process(e, row) for row in rows)]


def show(end):
    return f'{end[0]} {end[1]}'


def load(folder):
    rows = read_jsonl(os.path.join(folder, 'host.log'))
    entries = read_jsonl(os.path.join(folder, 'truth.jsonl'))
    capture = read_pcap(os.path.join(folder, 'traffic.pcap'))
    attributed, unused = attribute(capture[0], Truth(entries))
    return rows, entries, capture, attributed, unused


def check(folder):
    rows, entries, (connections, packets, other, bad), attributed, unused = load(folder)
    hosts = addresses_of_hosts(rows)
    problems = check_log(rows)
    problems += [f'{count} {kind} checksums wrong' if kind != 'cut packets' else f'{count} {kind}' for kind, count in bad.items()]
    counts = collections.Counter()
    notes = []
    for connection, orig, resp in attributed:
        name = f'{connection.proto} {show(connection.orig)} > {show(connection.resp)}'
        for end, entry, address in (('orig', orig, connection.orig[0]), ('resp', resp, connection.resp[0])):
            if address not in hosts:
                counts[f'{end} unwatched'] += 1
            elif entry is not None:
                counts[f'{end} in truth'] += 1
                if entry['host'] != hosts[address]:
                    problems.append(f'{name}: {end} is {entry["host"]} in truth, {hosts[address]} by address')
            elif end == 'resp' and connection.refused:
                counts['resp refused'] += 1
                notes.append(f'{name}: refused, so nobody accepted it')
            else:
                problems.append(f'{name}: {end} is not in truth')
    problems += [f'truth without packets: {json.dumps(e)}' for e in unused]
    expected, missing = check_events(entries, set(hosts.values()), rows, notes)
    problems += [f'truth without socket_events row: {json.dumps(e)}' for e in missing]

    blind = without_evidence(entries, set(hosts.values()), rows)
    notes += [f'no row of host.log names the owner: {e["host"]} {e["exe"]}[{e["pid"]}] {e["proto"]} {e["local_port"]} '
              f'{e["role"]} {e["remote_address"]} {e["remote_port"]}' for e in blind]

    by_table = collections.Counter(f"{r['name']} {r['action']}" for r in rows)
    print(f'{folder}: {packets} packets, {len(connections)} connections '
          f'({", ".join(f"{n} {p}" for p, n in sorted(collections.Counter(c.proto for c in connections).items()))}), '
          f'other packets: {dict(other)}')
    print(f'  ends: {dict(sorted(counts.items()))}')
    print(f'  truth: {len(entries)} entries ({dict(collections.Counter(e["role"] for e in entries))}), '
          f'{sum(is_local(e["remote_address"]) for e in entries)} on loopback, {sum("end" not in e for e in entries)} without end')
    print(f'  host.log: {len(rows)} rows, {dict(sorted(by_table.items()))}')
    print(f'  connect and accept of watched hosts: {expected}, with their socket_events row: {expected - len(missing)}')
    for line in notes:
        print(f'  note: {line}')
    for line in problems:
        print(f'  PROBLEM: {line}')
    return len(problems)


def main(folders):
    return sum(check(folder) for folder in folders)


if __name__ == '__main__':
    sys.exit(1 if main(sys.argv[1:] or ['.']) else 0)
