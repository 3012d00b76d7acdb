"""Recordings of watched hosts, by `correlate record` in the namespaces of each: what it sees, and what the kernel there translates.

The program sees the whole machine, so of each recording only the rows of the host's own network namespaces are kept.
"""

import json
import os
import signal
import subprocess

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bin', 'correlate.js')


class Recordings:
    """Same calls as HostLog: start, stop, write, kill."""

    def __init__(self, lab, hosts):
        self.lab, self.hosts = lab, hosts
        self.running = {}

    def _raw(self, host):
        return os.path.join(self.lab.work, f'{host.name}.recording')

    def start(self):
        # The recordings tell their own command lines, which are to be the same wherever they are made.
        program = os.path.join(self.lab.work, 'correlate.js')
        os.symlink(os.path.realpath(PROGRAM), program)
        for host in self.hosts:
            command = host.enter('node', program, 'record', '--host-id', host.name, self._raw(host))
            self.running[host.name] = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                                       start_new_session=True, cwd='/')
        for host in self.hosts:
            line = ''
            while 'recording into' not in line:
                line = self.running[host.name].stderr.readline()
                if line == '':
                    raise RuntimeError(f'the recording of {host.name} has ended')
            if 'eBPF' not in line:
                raise RuntimeError(f'{host.name} is not watched with eBPF: {line}')

    def stop(self):
        for name, recorder in self.running.items():
            recorder.send_signal(signal.SIGTERM)
            said = recorder.stderr.read()
            if recorder.wait() != 0:
                raise RuntimeError(f'the recording of {name} failed: {said}')

    def write(self, folder):
        for host in self.hosts:
            own = {str(h.inode) for h in self.lab.hosts if h.told_by == host.name}
            with open(self._raw(host), encoding='utf-8') as file, \
                    open(os.path.join(folder, f'{host.name}.jsonl'), 'w', encoding='utf-8') as out:
                out.writelines(line for line in Filter(own).kept(file))

    def kill(self):
        for recorder in self.running.values():
            if recorder.poll() is None:
                recorder.kill()
                recorder.wait()


class Filter:
    """Rows that name a namespace must name one of the host's, and rows of a process alone must be of one that was kept."""

    def __init__(self, namespaces):
        self.namespaces = namespaces
        self.pids = set()

    def kept(self, lines):
        for line in lines:
            row = json.loads(line)
            columns = row.get('columns', {})
            namespace, pid = columns.get('net_namespace'), columns.get('pid')
            if namespace in self.namespaces and pid is not None:
                self.pids.add(pid)
            is_own = namespace in self.namespaces if namespace is not None else pid is None or pid in self.pids
            if is_own or 'columns' not in row:
                yield line
