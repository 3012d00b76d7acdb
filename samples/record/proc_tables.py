"""The polled tables of host_log.py, read from /proc as osquery reads them: every value a string."""

import ipaddress
import json
import os
import struct
import subprocess

TCP_STATES = ['UNKNOWN', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT1', 'FIN_WAIT2', 'TIME_WAIT', 'CLOSED',
              'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'CLOSING']
CLOCK_TICKS = os.sysconf('SC_CLK_TCK')


def read(path):
    with open(path, 'rb') as file:
        return file.read().decode('utf-8', 'replace')


def boot_time():
    for line in read('/proc/stat').splitlines():
        if line.startswith('btime '):
            return int(line.split()[1])
    raise RuntimeError('no btime in /proc/stat')


def pids_by_namespace():
    """Inode of the network namespace -> pids in it, in the order of their text as osquery walks them."""
    found = {}
    for pid in sorted(p for p in os.listdir('/proc') if p.isdigit()):
        try:
            found.setdefault(os.stat(f'/proc/{pid}/ns/net').st_ino, []).append(pid)
        except OSError:
            continue
    return found


def processes(pids, booted):
    rows = []
    for pid in pids:
        try:
            stat = read(f'/proc/{pid}/stat')
            status = dict(line.split(':\t', 1) for line in read(f'/proc/{pid}/status').splitlines() if ':\t' in line)
            path = os.readlink(f'/proc/{pid}/exe')
            cmdline = read(f'/proc/{pid}/cmdline').replace('\0', ' ').strip()
            cwd = os.readlink(f'/proc/{pid}/cwd')
        except OSError:
            continue
        fields = stat[stat.rindex(')') + 2:].split()
        uid, euid, suid = status['Uid'].split()[:3]
        gid, egid, sgid = status['Gid'].split()[:3]
        rows.append({'pid': pid, 'name': status['Name'], 'path': path, 'cmdline': cmdline, 'cwd': cwd, 'root': '/',
                     'uid': uid, 'gid': gid, 'euid': euid, 'egid': egid, 'suid': suid, 'sgid': sgid,
                     'on_disk': '0' if path.endswith(' (deleted)') else '1',
                     'start_time': str(booted + int(fields[19]) // CLOCK_TICKS), 'parent': fields[1],
                     'pgroup': fields[2], 'threads': fields[17], 'nice': fields[16]})
    return rows


def address(text, family):
    """An address of /proc/net: words in the machine's byte order."""
    words = [int(text[i:i + 8], 16) for i in range(0, len(text), 8)]
    packed = struct.pack('=%dI' % len(words), *words)
    if family == 2:
        return str(ipaddress.IPv4Address(packed))
    v6 = ipaddress.IPv6Address(packed)
    return f'::ffff:{v6.ipv4_mapped}' if v6.ipv4_mapped else str(v6)


def socket_owners(pids):
    owners = {}
    for pid in pids:
        try:
            descriptors = os.listdir(f'/proc/{pid}/fd')
        except OSError:
            continue
        for fd in descriptors:
            try:
                link = os.readlink(f'/proc/{pid}/fd/{fd}')
            except OSError:
                continue
            if link.startswith('socket:['):
                owners[link[8:-1]] = (pid, fd)
    return owners


def process_open_sockets(pids):
    """Internet sockets of the namespace; pid and fd are -1 where no process holds the socket (TIME_WAIT), as in osquery."""
    owners = socket_owners(pids)
    rows = []
    for table, family, protocol in (('tcp', 2, 6), ('tcp6', 10, 6), ('udp', 2, 17), ('udp6', 10, 17)):
        lines = []
        for pid in pids:
            try:
                lines = read(f'/proc/{pid}/net/{table}').splitlines()[1:]
                break
            except OSError:
                continue
        for line in lines:
            fields = line.split()
            (local, local_port), (remote, remote_port) = fields[1].split(':'), fields[2].split(':')
            pid, fd = owners.get(fields[9], ('-1', '-1'))
            rows.append({'pid': pid, 'fd': fd, 'socket': fields[9], 'family': str(family), 'protocol': str(protocol),
                         'local_address': address(local, family), 'local_port': str(int(local_port, 16)),
                         'remote_address': address(remote, family), 'remote_port': str(int(remote_port, 16)),
                         'path': '', 'state': TCP_STATES[int(fields[3], 16)] if protocol == 6 else ''})
    return rows


def listening_ports(open_sockets):
    return [{'pid': s['pid'], 'port': s['local_port'], 'protocol': s['protocol'], 'family': s['family'],
             'address': s['local_address'], 'fd': s['fd'], 'socket': s['socket'], 'path': ''}
            for s in open_sockets if s['remote_port'] == '0']


def interface_addresses(namespace):
    out = subprocess.run(['ip', '-n', namespace, '-j', 'address'], check=True, capture_output=True, text=True).stdout
    rows = []
    for link in json.loads(out):
        for a in link['addr_info']:
            net = ipaddress.ip_interface(f"{a['local']}/{a['prefixlen']}")
            rows.append({'interface': link['ifname'], 'address': a['local'], 'mask': str(net.netmask),
                         'broadcast': a.get('broadcast', ''), 'point_to_point': '', 'type': 'manual'})
    return rows


def users(passwd):
    rows = []
    for line in read(passwd).splitlines():
        name, _, uid, gid, description, directory, shell = line.split(':')
        rows.append({'uid': uid, 'gid': gid, 'uid_signed': uid, 'gid_signed': gid, 'username': name,
                     'description': description, 'directory': directory, 'shell': shell, 'uuid': ''})
    return rows
