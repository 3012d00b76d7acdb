"""host.log: what osqueryd would log on the recorded hosts, from an observer of its own (observer.bt and /proc).

Every second, each host's queries are run: the event tables are drained, the polled tables are compared with the poll
before. The columns are osquery's. socket_events come in two forms:

audit  as a stock osqueryd writes them from audit records: local address and port of a connect are "0", the protocol is
       "0", descriptors are hexadecimal, IPv6 addresses are written out, blocking connects that failed are left out
full   with both ends, the protocol and failed connects, as agents do that ask the kernel
"""

import ipaddress
import json
import os
import struct
import subprocess
import threading
import time

import proc_tables

INTERVAL_S = 1.0
EVENT_TABLES = ('process_events', 'socket_events')
EINPROGRESS = -115
# Younger events wait for the next run: their argument pieces may still be on the way.
SETTLE_NS = 100_000_000


class WatchedHost:
    def __init__(self, name, namespace, inode, root, passwd, form):
        self.name, self.namespace, self.inode, self.root, self.passwd, self.form = name, namespace, inode, root, passwd, form
        self.previous = {}   # query -> rows of the last poll, as sorted items
        self.counters = {}   # query -> counter of the next run
        self.pending = []    # (monotonic ns, table, columns) not drained yet
        self.listeners = {}  # (pid, port) -> descriptor, of the last poll
        self.eid = 0


def resolve(root, path):
    """Real path inside a mount namespace whose root is seen at `root`."""
    parts, done, hops = path.strip('/').split('/'), '', 0
    while parts:
        part = parts.pop(0)
        if part in ('', '.'):
            continue
        if part == '..':
            done = done.rpartition('/')[0]
            continue
        target = None
        try:
            target = os.readlink(f'{root}{done}/{part}')
        except OSError:
            pass
        hops += target is not None
        if target is None or hops > 40:
            done = f'{done}/{part}'
        else:
            done = '' if target.startswith('/') else done
            parts = target.strip('/').split('/') + parts
    return done


def bytes_of(hex_text):
    return bytes.fromhex(hex_text.replace('\\x', ''))


def sockaddr(raw):
    """Family, address and port of a sockaddr as the program passed it; None for other families."""
    family = struct.unpack_from('=H', raw)[0]
    port = struct.unpack_from('>H', raw, 2)[0]
    if family == 2:
        return 2, ipaddress.IPv4Address(raw[4:8]), port
    if family == 10 and len(raw) >= 24:
        return 10, ipaddress.IPv6Address(raw[8:24]), port
    return None


def plain(value):
    v6 = ipaddress.ip_address(str(value))
    mapped = getattr(v6, 'ipv4_mapped', None)
    return f'::ffff:{mapped}' if mapped else str(v6)


def exploded(value):
    return value.exploded if value.version == 6 else str(value)


class HostLog:
    def __init__(self, hosts, script):
        self.hosts = {h.inode: h for h in hosts}
        self.script = script
        self.lines = []
        self.lock = threading.Lock()
        self.paths = {}          # pid -> path of its program
        self.arguments = {}      # pid -> process_events row whose argument pieces are still coming
        self.sources = {}        # address of a socket -> source port when it left SYN_SENT
        self.booted = proc_tables.boot_time()
        self.stopping = threading.Event()
        self.tracer = None
        self.threads = []
        self.errors = []

    def start(self):
        for inode, pids in proc_tables.pids_by_namespace().items():
            if inode in self.hosts:
                self.paths.update({int(p): os.readlink(f'/proc/{p}/exe') for p in pids})
        hosts = ' '.join(f'@hosts[(uint64){inode}] = 1;' for inode in self.hosts)
        with open(self.script, encoding='utf-8') as file:
            program = file.read().replace('/*HOSTS*/', hosts)
        self.offset = time.time_ns() - time.monotonic_ns()
        self.tracer = subprocess.Popen(['bpftrace', '-B', 'line', '-e', program], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env={**os.environ, 'BPFTRACE_STRLEN': '180'})
        for line in self.tracer.stdout:
            if line.startswith('ready '):
                break
        else:
            raise RuntimeError(f'bpftrace did not start: {self.tracer.stderr.read()}')
        for work in (self._read_events, self._run_queries):
            self.threads.append(threading.Thread(target=work, daemon=True))
            self.threads[-1].start()

    def stop(self):
        """Ends the observer after one more poll."""
        self.stopping.set()
        if len(self.threads) == 2:
            self.threads[1].join()
        self.kill()
        if self.errors:
            raise RuntimeError('events that were not understood:\n' + '\n'.join(self.errors))

    def kill(self):
        if self.tracer and self.tracer.poll() is None:
            self.tracer.terminate()
            self.tracer.wait()

    def write(self, path):
        with open(path, 'w', encoding='utf-8') as file:
            for line in self.lines:
                file.write(json.dumps(line, separators=(',', ':')) + '\n')

    # Events

    def _read_events(self):
        handlers = {'F': self._fork, 'X': self._exec, 'A': self._argument, 'C': self._connect, 'B': self._bind,
                    'P': self._accept, 'S': self._source}
        for line in self.tracer.stdout:
            kind, _, rest = line.rstrip('\n').partition(' ')
            if kind in handlers:
                with self.lock:
                    try:
                        handlers[kind](rest.split(' '))
                    except Exception as error:  # reported by stop(): a sample with a hole must not be kept
                        self.errors.append(f'{line.rstrip()}: {error!r}')

    def _fork(self, f):
        path = self.paths.get(int(f[1]))
        if path:
            self.paths[int(f[2])] = path

    def _exec(self, f):
        host, pid = self.hosts[int(f[1])], int(f[2])
        path = resolve(host.root, f[9])
        with open(host.root + path, 'rb') as file:
            first = file.readline(256)
        if first.startswith(b'#!'):
            path = resolve(host.root, first[2:].split()[0].decode())
        info = os.stat(host.root + path)
        self.paths[pid] = path
        try:
            cwd = os.readlink(f'/proc/{pid}/cwd')
        except OSError:
            cwd = ''
        columns = {'pid': f[2], 'parent': f[3], 'uid': f[4], 'euid': f[5], 'gid': f[6], 'egid': f[7], 'auid': f[8],
                   'path': path, 'cmdline': '', 'cwd': cwd, 'mode': '0%o' % info.st_mode,
                   'owner_uid': str(info.st_uid), 'owner_gid': str(info.st_gid),
                   'atime': str(int(info.st_atime)), 'mtime': str(int(info.st_mtime)), 'ctime': str(int(info.st_ctime)),
                   'btime': '0', 'overflows': '', 'env': '', 'env_count': '0', 'env_size': '0'}
        self.arguments[pid] = (columns, [])
        self._add(host, f[0], 'process_events', columns)

    def _argument(self, f):
        if int(f[1]) in self.arguments:
            columns, pieces = self.arguments[int(f[1])]
            pieces.append(bytes_of(f[2]))
            text = b''.join(pieces).rstrip(b'\0').replace(b'\0', b' ').decode('utf-8', 'replace')
            columns['cmdline'], columns['cmdline_size'] = text, str(len(text))

    def _source(self, f):
        self.sources[f[1]] = int(f[2])

    def _connect(self, f):
        when, host, pid, auid, fd, result, family, protocol, port, v4, v6, sk, raw = self._call(f)
        remote = sockaddr(raw)
        if not remote:
            return
        status = {0: 'succeeded', EINPROGRESS: 'in_progress'}.get(result, 'failed')
        if host.form == 'audit':
            if status == 'failed':
                return
            ends = {'local_address': '0', 'local_port': '0', 'remote_address': exploded(remote[1]), 'remote_port': str(remote[2])}
        else:
            ends = {'local_address': plain(v4 if family == 2 else v6), 'local_port': str(port or self.sources.get(sk, 0)),
                    'remote_address': plain(remote[1]), 'remote_port': str(remote[2])}
        self._socket(host, when, 'connect', pid, auid, fd, remote[0], protocol, ends, status)

    def _bind(self, f):
        when, host, pid, auid, fd, result, family, protocol, port, v4, v6, _, raw = self._call(f)
        local = sockaddr(raw)
        if not local or result != 0:
            return
        if host.form == 'audit':
            ends = {'local_address': exploded(local[1]), 'local_port': str(local[2]), 'remote_address': '0', 'remote_port': '0'}
        else:
            ends = {'local_address': plain(v4 if family == 2 else v6), 'local_port': str(port), 'remote_address': '', 'remote_port': '0'}
        self._socket(host, when, 'bind', pid, auid, fd, family, protocol, ends, 'succeeded')

    def _accept(self, f):
        when, host, pid, auid, listener = f[0], self.hosts[int(f[1])], f[2], f[3], f[4]
        accepted, family, protocol, port, v4, v6, remote_port, remote_v4, remote_v6 = f[5:14]
        local, remote = (v4, remote_v4) if family == '2' else (v6, remote_v6)
        if host.form == 'audit':
            fd = int(listener) if listener != '-1' else host.listeners.get((pid, port), -1)
            ends = {'local_address': '0', 'local_port': '0'}
            ends['remote_address'] = exploded(ipaddress.ip_address(remote))
        else:
            fd = int(accepted)
            ends = {'local_address': plain(local), 'local_port': port, 'remote_address': plain(remote)}
        ends['remote_port'] = remote_port
        self._socket(host, when, 'accept', pid, auid, fd, int(family), protocol, ends, 'succeeded')

    def _call(self, f):
        return (f[0], self.hosts[int(f[1])], f[2], f[3], int(f[4]), int(f[5]), int(f[6]), f[7], int(f[8]), f[9], f[10], f[11],
                bytes_of(f[12]))

    def _socket(self, host, when, action, pid, auid, fd, family, protocol, ends, status):
        audit = host.form == 'audit'
        columns = {'action': action, 'pid': pid, 'path': self.paths.get(int(pid), ''), 'fd': '%x' % fd if audit else str(fd),
                   'auid': auid, 'status': status, 'family': str(family), 'protocol': '0' if audit else protocol, **ends}
        self._add(host, when, 'socket_events', columns)

    def _add(self, host, when, table, columns):
        real = int(when) + self.offset
        columns['time'] = str(real // 1_000_000_000)
        columns['uptime'] = str(int(when) // 1_000_000_000)
        host.pending.append((int(when), table, columns))

    # Queries

    def _run_queries(self):
        next_run = time.monotonic()
        while True:
            last = self.stopping.is_set()
            with self.lock:
                self._run_once()
            if last:
                return
            next_run += INTERVAL_S
            self.stopping.wait(max(0.0, next_run - time.monotonic()))

    def _run_once(self):
        pids = proc_tables.pids_by_namespace()
        for host in self.hosts.values():
            now = int(time.time())
            mine = pids.get(host.inode, [])
            self._drain(host, now)
            if not host.previous:
                uuid = '%08x-0000-4000-8000-%012x' % (0xc0de, int.from_bytes(host.name.encode()[:6], 'big'))
                self._differ(host, now, 'system_info', [{'hostname': host.name, 'uuid': uuid, 'computer_name': host.name,
                                                         'local_hostname': host.name}])
                self._differ(host, now, 'interface_addresses', proc_tables.interface_addresses(host.namespace))
                self._differ(host, now, 'users', proc_tables.users(host.passwd))
            sockets = proc_tables.process_open_sockets(mine)
            self._differ(host, now, 'processes', proc_tables.processes(mine, self.booted))
            self._differ(host, now, 'process_open_sockets', sockets)
            listening = proc_tables.listening_ports(sockets)
            host.listeners = {(row['pid'], row['port']): int(row['fd']) for row in listening}
            self._differ(host, now, 'listening_ports', listening)

    def _drain(self, host, now):
        settled = time.monotonic_ns() - SETTLE_NS
        events = sorted((e for e in host.pending if e[0] <= settled), key=lambda e: e[0])
        host.pending = [e for e in host.pending if e[0] > settled]
        for table in EVENT_TABLES:
            rows = [columns for _, name, columns in events if name == table]
            for columns in rows:
                host.eid += 1
                columns['eid'] = '%010d' % host.eid
            self._log(host, now, table, [('added', columns) for columns in rows])

    def _differ(self, host, now, query, rows):
        known = host.previous.get(query)
        current = {tuple(sorted(row.items())) for row in rows}
        host.previous[query] = current
        changes = [('removed', dict(row)) for row in sorted((known or set()) - current)]
        changes += [('added', row) for row in rows if not known or tuple(sorted(row.items())) not in known]
        self._log(host, now, query, changes)

    def _log(self, host, now, query, changes):
        # As in osquery, the counter grows with every run, also with one that has nothing to log.
        counter = host.counters.get(query, 1 if query in EVENT_TABLES else 0)
        host.counters[query] = counter + 1
        calendar = time.asctime(time.gmtime(now)) + ' UTC'
        for action, columns in changes:
            self.lines.append({'name': query, 'hostIdentifier': host.name, 'calendarTime': calendar, 'unixTime': now,
                               'epoch': 0, 'counter': counter, 'numerics': False,
                               'columns': dict(sorted(columns.items())), 'action': action})
