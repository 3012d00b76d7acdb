"""Network namespaces on one bridge, sessions of users in them, and the capture; everything is undone by Lab.close()."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

PREFIX = 'crec'
SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
OFFLOADS = ('tx', 'rx', 'sg', 'tso', 'gso', 'gro')
PASSWD = '''root:x:0:0:root:/root:/bin/bash
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
sshd:x:103:65534::/run/sshd:/usr/sbin/nologin
alice:x:1000:1000:Alice:/home/alice:/bin/bash
bob:x:1001:1001:Bob:/home/bob:/bin/bash
'''
GROUP = '''root:x:0:
www-data:x:33:
nogroup:x:65534:
alice:x:1000:
bob:x:1001:
'''
USERS = {'root': (0, '/root'), 'alice': (1000, '/home/alice'), 'bob': (1001, '/home/bob')}


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class Session:
    """A user's bash on a host. Commands are typed into it; they carry the shim, their parent is this shell."""

    def __init__(self, host, user):
        self.host, self.user = host, user
        uid, home = USERS[user]
        # Waits for a line, so that it is in the host's control group before it runs anything.
        marks_read, marks_write = os.pipe()
        self.marks = os.fdopen(marks_read)
        environment = ['HOME=' + home, 'USER=' + user, 'LOGNAME=' + user, 'LANG=C.UTF-8', 'PATH=' + SYSTEM_PATH,
                       *host.shim_environment()]
        script = (f'read -r; echo {uid} > /proc/self/loginuid; cd {home}; '
                  f'exec setpriv --reuid {uid} --regid {uid} --clear-groups env -i "$@" bash --noprofile --norc')
        self.mark = marks_write
        self.shell = subprocess.Popen(host.enter('bash', '-c', script, 'session', *environment), stdin=subprocess.PIPE,
                                      stdout=host.lab.log, stderr=host.lab.log, text=True, pass_fds=(marks_write,),
                                      start_new_session=True, cwd='/')
        os.close(marks_write)
        if host.cgroup:
            with open(os.path.join(host.cgroup, 'cgroup.procs'), 'w', encoding='utf-8') as file:
                file.write(str(self.shell.pid))
        self.shell.stdin.write('\n')
        self.run(':')

    def run(self, command):
        """Runs a command line and waits until it is done; a line that ends in & goes on in the background."""
        self.start(command)
        self.wait()

    def start(self, command):
        self.shell.stdin.write(f'{{ {command}\n}} </dev/null {self.mark}>&-\necho done >&{self.mark}\n')
        self.shell.stdin.flush()

    def wait(self):
        if self.marks.readline() != 'done\n':
            raise RuntimeError(f'the shell of {self.user} on {self.host.name} has ended')


class Host:
    """One network namespace with a mount namespace of its own: /home, /srv, /tmp, /run/sshd and /etc/passwd are private."""

    # Control group of its sessions; None: that of the recording program.
    cgroup = None

    def __init__(self, lab, name, addresses, bridge=None):
        self.lab, self.name, self.addresses = lab, name, addresses
        # The host that is watched and knows these programs as its own.
        self.told_by = name
        self.namespace = f'{PREFIX}-{name}'
        self.files = os.path.join(lab.work, name)
        number = len(lab.hosts) + 1
        run('ip', 'netns', 'add', self.namespace)
        lab.namespaces.append(self.namespace)
        place, bridge = bridge or (lab.bridge, 'br0')
        run('ip', 'link', 'add', 'eth0', 'netns', self.namespace, 'address', f'02:00:00:00:00:{number:02x}', 'type', 'veth',
            'peer', 'name', f'port{number}', 'netns', place)
        run('ip', '-n', place, 'link', 'set', f'port{number}', 'master', bridge, 'up')
        lab.no_offload(self.namespace, 'eth0')
        lab.no_offload(place, f'port{number}')
        run('ip', '-n', self.namespace, 'link', 'set', 'lo', 'up')
        for address in addresses:
            broadcast = [] if ':' in address else ['broadcast', '+']
            run('ip', '-n', self.namespace, 'address', 'add', address, *broadcast, 'dev', 'eth0', *(['nodad'] if ':' in address else []))
        run('ip', '-n', self.namespace, 'link', 'set', 'eth0', 'up')
        for network in lab.networks if place == lab.bridge else []:
            subprocess.run(['ip', '-n', self.namespace, 'route', 'add', network, 'dev', 'eth0'], capture_output=True)
        self._holder()

    def bridge(self, name, address):
        """A bridge of this host's own, which forwards for whatever is behind it."""
        run('ip', '-n', self.namespace, 'link', 'add', name, 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0')
        run('ip', '-n', self.namespace, 'address', 'add', address, 'dev', name)
        self.lab.no_offload(self.namespace, name)
        run('ip', '-n', self.namespace, 'link', 'set', name, 'up')
        run('ip', 'netns', 'exec', self.namespace, 'sysctl', '-q', 'net.ipv4.ip_forward=1')

    def nftables(self, rules):
        run('ip', 'netns', 'exec', self.namespace, 'nft', '-f', '-', input=rules)

    def _holder(self):
        for folder in ('home/alice', 'home/bob', 'root', 'srv', 'tmp', 'run-sshd'):
            os.makedirs(os.path.join(self.files, folder))
        for user in ('alice', 'bob'):
            os.chown(os.path.join(self.files, 'home', user), USERS[user][0], USERS[user][0])
            os.chmod(os.path.join(self.files, 'home', user), 0o750)
        os.chmod(os.path.join(self.files, 'tmp'), 0o1777)
        self.lab.put(self, 'passwd', PASSWD)
        self.lab.put(self, 'group', GROUP)
        self.lab.put(self, 'hosts', '127.0.0.1 localhost\n::1 localhost\n' + self.lab.names)
        # The C library's own lookups would escape the shim, so it looks names up in files alone; dig asks the server.
        self.lab.put(self, 'nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n')
        os.makedirs('/run/sshd', exist_ok=True)
        binds = [(f'{self.files}/{here}', there) for here, there in (
            ('home', '/home'), ('root', '/root'), ('srv', '/srv'), ('tmp', '/tmp'), ('run-sshd', '/run/sshd'),
            ('passwd', '/etc/passwd'), ('group', '/etc/group'), ('hosts', '/etc/hosts'), ('nsswitch.conf', '/etc/nsswitch.conf'))]
        script = 'set -e; hostname "$1"; ' + ''.join(f'mount --bind "$(readlink -f {a})" "$(readlink -f {b})"; ' for a, b in binds)
        self.holder = subprocess.Popen(
            ['ip', 'netns', 'exec', self.namespace, 'unshare', '--mount', '--uts', '--propagation', 'private', 'bash', '-c',
             script + 'echo ready; exec sleep infinity', 'holder', self.name],
            stdout=subprocess.PIPE, stderr=self.lab.log, stdin=subprocess.DEVNULL, text=True, start_new_session=True, cwd='/')
        if self.holder.stdout.readline() != 'ready\n':
            raise RuntimeError(f'the namespaces of {self.name} could not be made; see {self.lab.log.name}')
        self.inode = os.stat(f'/run/netns/{self.namespace}').st_ino

    def enter(self, *command):
        return ['nsenter', '-t', str(self.holder.pid), '-n', '-m', '-u', '--', *command]

    def shim_environment(self):
        return [f'LD_PRELOAD={self.lab.shim}', f'TRUTH_FILE={self.lab.raw_truth}', f'TRUTH_HOST={self.told_by}']


class Inside(Host):
    """A host that only another one reaches, over a bridge of that one which is its way out."""

    def __init__(self, lab, name, gateway, bridge, address):
        super().__init__(lab, name, [address], (gateway.namespace, bridge))
        way_out = next(a['local'] for a in json.loads(run('ip', '-n', gateway.namespace, '-j', 'address', 'show', 'dev', bridge))[0]['addr_info'])
        run('ip', '-n', self.namespace, 'route', 'add', 'default', 'via', way_out)


class Container(Inside):
    """As Docker makes one: behind a host's bridge, in a control group named by its id, and part of that host."""

    def __init__(self, lab, name, host, bridge, address, number):
        super().__init__(lab, name, host, bridge, address)
        self.told_by = host.name
        self.cgroup = os.path.join(cgroup2(), 'docker', number)
        os.makedirs(self.cgroup)
        lab.cgroups.append(self.cgroup)


def cgroup2():
    with open('/proc/self/mountinfo', encoding='utf-8') as file:
        mounts = [line.split() for line in file]
    found = [words[4] for words in mounts if words[words.index('-') + 1] == 'cgroup2']
    if not found:
        raise RuntimeError('no cgroup2 is mounted, which containers are known by')
    return found[0]


class Lab:
    def __init__(self, names, networks):
        self.names, self.networks = names, networks
        self.hosts, self.namespaces, self.processes, self.sessions, self.cgroups = [], [], [], [], []
        self.captures = []
        self.had_sshd_folder = os.path.isdir('/run/sshd')
        self.work = tempfile.mkdtemp(prefix=f'{PREFIX}-', dir='/run')
        os.chmod(self.work, 0o755)
        self.log = open(os.path.join(self.work, 'programs.log'), 'w+', encoding='utf-8')
        self.shim = os.path.join(self.work, 'shim.so')
        self.raw_truth = os.path.join(self.work, 'truth.raw')
        open(self.raw_truth, 'w', encoding='utf-8').close()
        os.chmod(self.raw_truth, 0o666)
        self.bridge = f'{PREFIX}-bridge'

    def build(self):
        here = os.path.dirname(os.path.abspath(__file__))
        run('gcc', '-O2', '-Wall', '-shared', '-fPIC', '-o', self.shim, os.path.join(here, 'shim.c'), '-ldl')
        run('ip', 'netns', 'add', self.bridge)
        self.namespaces.append(self.bridge)
        run('ip', '-n', self.bridge, 'link', 'add', 'br0', 'address', '02:00:00:00:00:fe', 'type', 'bridge', 'stp_state', '0',
            'forward_delay', '0', 'mcast_snooping', '0')
        run('ip', 'netns', 'exec', self.bridge, 'sysctl', '-q', 'net.ipv6.conf.all.disable_ipv6=1')
        self.no_offload(self.bridge, 'br0')
        run('ip', '-n', self.bridge, 'link', 'set', 'br0', 'up')

    @staticmethod
    def without_ipv6(host):
        run('ip', 'netns', 'exec', host.namespace, 'sysctl', '-q', 'net.ipv6.conf.all.disable_ipv6=1')

    @staticmethod
    def no_offload(namespace, device):
        run('ip', 'netns', 'exec', namespace, 'ethtool', '-K', device, *(word for f in OFFLOADS for word in (f, 'off')))

    def host(self, name, *addresses):
        return self._add(Host(self, name, addresses))

    def inside(self, name, gateway, bridge, address):
        return self._add(Inside(self, name, gateway, bridge, address))

    def container(self, name, host, bridge, address, number):
        return self._add(Container(self, name, host, bridge, address, number))

    def _add(self, host):
        self.hosts.append(host)
        return host

    def session(self, host, user):
        self.sessions.append(Session(host, user))
        return self.sessions[-1]

    def put(self, host, path, text, mode=0o644, owner='root'):
        full = os.path.join(host.files, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(full, mode)
        os.chown(full, USERS[owner][0], USERS[owner][0])
        return full

    def capture(self, file, precision, namespace=None, device='br0'):
        """Captures on a bridge, full packets, classic pcap; returns once tcpdump listens."""
        tcpdump = subprocess.Popen(
            ['ip', 'netns', 'exec', namespace or self.bridge, 'tcpdump', '-i', device, '-s', '0', '-U', '-n', '-Z', 'root', '-B', '8192',
             f'--time-stamp-precision={precision}', '-w', file], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            start_new_session=True, cwd='/')
        self.processes.append(tcpdump)
        self.captures.append(tcpdump)
        line = tcpdump.stderr.readline()
        if 'listening on' not in line:
            raise RuntimeError(f'tcpdump: {line}')

    def end_captures(self):
        """Ends the captures; returns tcpdump's counts."""
        said = []
        for tcpdump in self.captures:
            tcpdump.send_signal(signal.SIGINT)
            counts = tcpdump.stderr.read()
            tcpdump.wait()
            dropped = re.search(r'(\d+) packets? dropped by kernel', counts)
            if not dropped or dropped.group(1) != '0':
                raise RuntimeError(f'the capture is not whole: {counts}')
            said.append(' '.join(counts.split()))
        return '; '.join(said)

    def end_programs(self):
        """Ends every process of the namespaces, politely so that the shim sees them end."""
        for number, pause in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 0.2)):
            for namespace in self.namespaces:
                out = subprocess.run(['ip', 'netns', 'pids', namespace], capture_output=True, text=True).stdout
                for pid in out.split():
                    try:
                        os.kill(int(pid), number)
                    except ProcessLookupError:
                        pass
            time.sleep(pause)

    def programs_said(self):
        """The end of what the recorded programs printed, to explain a failure."""
        self.log.seek(0)
        return self.log.read()[-2000:]

    def close(self):
        self.end_programs()
        for process in [*self.processes, *(s.shell for s in self.sessions), *(h.holder for h in self.hosts if hasattr(h, 'holder'))]:
            if process.poll() is None:
                process.kill()
            process.wait()
        for namespace in reversed(self.namespaces):
            subprocess.run(['ip', 'netns', 'delete', namespace], capture_output=True)
        for cgroup in self.cgroups:
            for folder in (cgroup, os.path.dirname(cgroup)):
                try:
                    os.rmdir(folder)
                except OSError:
                    break
        self.log.close()
        shutil.rmtree(self.work, ignore_errors=True)
        if not self.had_sshd_folder and os.path.isdir('/run/sshd'):
            os.rmdir('/run/sshd')
