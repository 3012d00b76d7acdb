import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync, realpathSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces, TestNetwork } from '../e2e/namespaces.js';
import { obstacle, python, runToEnd, SensorWatch, tcp } from './sensor-watch.js';

/** Where python really is: behind the name may be a script that chooses a version. */
const pythonPath = (): string =>
  realpathSync(execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim());

const reason = obstacle();

describe.skipIf(reason !== undefined)(`the eBPF sensor${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const watches: SensorWatch[] = [];
  const networks: TestNetwork[] = [];
  const start = async (netns: 'self' | 'all' = 'all') => {
    const watch = await SensorWatch.start({ netns });
    watches.push(watch);
    return watch;
  };

  afterEach(async () => {
    for (const watch of watches.splice(0)) await watch.stop();
    for (const network of networks.splice(0)) network.remove();
  });

  it.each([
    ['IPv4', 'socket.AF_INET', '127.0.0.1', 2],
    ['IPv6', 'socket.AF_INET6', '::1', 10],
  ])('tells of a %s connection from bind to close, with both ends and the bytes', async (_, name, address, family) => {
    const watch = await start();
    const { pid, told } = await runToEnd(python(tcp(name, address)));
    const path = pythonPath();
    const common = { pid, path, family, protocol: 6 };
    const toServer = {
      local_address: address,
      local_port: told.client,
      remote_address: address,
      remote_port: told.server,
    };
    const toClient = {
      local_address: address,
      local_port: told.server,
      remote_address: address,
      remote_port: told.client,
    };
    await watch.find('socket_events', { ...common, action: 'close', ...toClient, bytes_sent: 6, bytes_received: 5 });
    const connect = await watch.find('socket_events', { ...common, action: 'connect', ...toServer });
    const accept = await watch.find('socket_events', { ...common, action: 'accept', ...toClient });
    const close = await watch.find('socket_events', { ...common, action: 'close', ...toServer });
    const { socket } = connect.columns as { socket: string };
    expect(close.columns).toMatchObject({ bytes_sent: 5, bytes_received: 6, socket });
    expect(connect.time).toBeLessThanOrEqual(accept.time);
    const listener = { ...common, local_address: address, local_port: told.server };
    for (const action of ['bind', 'listen', 'close']) await watch.find('socket_events', { ...listener, action });
    expect(watch.found('socket_events', { pid, action: 'connect' })).toHaveLength(1);
  });

  it('tells of a refused connect, made without waiting', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, select, socket
c = socket.socket(); c.setblocking(False); c.connect_ex(('127.0.0.1', 9)); p = c.getsockname()[1]
select.select([], [c], []); print(json.dumps({'client': p}))`),
    );
    await watch.find('socket_events', { pid, action: 'connect', local_port: told.client, remote_port: 9 });
  });

  it('tells of the first datagram to and from each peer, once, over IPv4, IPv6 and dual-stack sockets', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::', 0)); port = s.getsockname()[1]
out = {'server': port}
for name, family, host, connected in (('a', socket.AF_INET, '127.0.0.1', True), ('b', socket.AF_INET6, '::1', False), ('c', socket.AF_INET6, '::ffff:127.0.0.1', True)):
    c = socket.socket(family, socket.SOCK_DGRAM)
    if connected: c.connect((host, port))
    for _ in range(3):
        c.send(b'x') if connected else c.sendto(b'x', (host, port))
        s.recvfrom(9)
    out[name] = c.getsockname()[1]
print(json.dumps(out))`),
    );
    for (const [name, address] of [
      ['a', '127.0.0.1'],
      ['b', '::1'],
      ['c', '127.0.0.1'],
    ] as const) {
      const ends = { pid, protocol: 17, local_address: address, remote_address: address };
      const sent = { ...ends, action: 'send', local_port: told[name], remote_port: told.server };
      const received = { ...ends, action: 'receive', local_port: told.server, remote_port: told[name] };
      await watch.find('socket_events', sent);
      await watch.find('socket_events', received);
      expect(watch.found('socket_events', sent)).toHaveLength(1);
      expect(watch.found('socket_events', received)).toHaveLength(1);
    }
    await watch.find('socket_events', { pid, action: 'bind', local_address: '::', local_port: told.server });
    await watch.find('process_events', { pid, syscall: 'exit' });
    expect(watch.found('socket_events', { pid, protocol: 17, action: 'close' })).toHaveLength(4);
  });

  it('names the process that took a datagram, where another one had bound the socket', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); r, w = os.pipe()
child = os.fork()
if child == 0:
    os.write(w, b'.'); s.recv(9); os._exit(0)
os.read(r, 1)
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.sendto(b'x', s.getsockname()); os.waitpid(child, 0)
print(json.dumps({'child': child}))`),
    );
    const row = await watch.find('socket_events', { action: 'receive', pid: told.child });
    // The one that had bound it may have read, too, as far as the kernel tells.
    expect(row.since).toBeLessThan(row.time);
    await watch.find('socket_events', {
      action: 'bind',
      pid,
      local_port: (row.columns as { local_port: number }).local_port,
    });
  });

  it.each([
    ['IPv4', 'socket.AF_INET', '127.0.0.1'],
    ['IPv6', 'socket.AF_INET6', '::1'],
  ])(
    'names for each %s peer the process that took its datagram, where several take them out of one socket',
    async (_, name, address) => {
      const watch = await start();
      const { told } = await runToEnd(
        python(`
import json, os, socket
s = socket.socket(${name}, socket.SOCK_DGRAM); s.bind(('${address}', 0)); port = s.getsockname()[1]
out = {'server': port}
for peer in ('first', 'second'):
    c = socket.socket(${name}, socket.SOCK_DGRAM); c.sendto(b'x', ('${address}', port)); out[peer] = c.getsockname()[1]
for peer in ('first', 'second'):
    child = os.fork()
    if child == 0:
        os._exit(0 if s.recvfrom(9)[1][1] == out[peer] else 1)
    if os.waitpid(child, 0)[1] != 0: raise SystemExit('in another order')
    out[peer + 'Taker'] = child
print(json.dumps(out))`),
      );
      await watch.find('process_events', { pid: told.secondTaker, syscall: 'exit' });
      for (const peer of ['first', 'second'] as const) {
        const received = watch.found('socket_events', { action: 'receive', remote_port: told[peer] });
        expect(received.map(({ columns }) => columns)).toMatchObject([
          { pid: told[`${peer}Taker`], local_port: told.server },
        ]);
      }
    },
  );

  it('tells of each of two processes that it may have taken a peer’s first datagram, where the peer had sent more', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(5): c.sendto(b'x', s.getsockname())
out = {'client': c.getsockname()[1]}
for child in ('first', 'second', 'third'):
    out[child] = os.fork()
    if out[child] == 0:
        s.recvfrom(9); os._exit(0)
    os.waitpid(out[child], 0)
# Nobody else has this one.
alone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); alone.bind(('127.0.0.1', 0))
for _ in range(2): c.sendto(b'x', alone.getsockname())
alone.recvfrom(9); out['alone'] = alone.getsockname()[1]
print(json.dumps(out))`),
    );
    await watch.find('process_events', { pid, syscall: 'exit' });
    const receives = watch.found('socket_events', { action: 'receive', remote_port: told.client });
    const takers = receives.map(({ columns, since }) => [(columns as { pid: number }).pid, since !== undefined]);
    expect(takers).toEqual([
      [told.first, true],
      [told.second, true],
      [pid, false],
    ]);
  });

  it('names who sends and who reads, while another process does the other with the same socket', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os, signal, socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); address = s.getsockname()
reader = os.fork()
while reader == 0: s.recvfrom(9)
writer = os.fork()
while writer == 0:
    for _ in range(50):
        c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.sendto(b'x', address); c.close()
    time.sleep(0.004)
for peer in range(10000):
    s.sendto(b'y', ('127.1.%d.%d' % (peer // 250, 1 + peer % 250), 9))
    if peer % 50 == 0: time.sleep(0.004)
for child in (writer, reader): os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
print(json.dumps({'reader': reader, 'port': address[1]}))`),
    );
    await watch.find('process_events', { pid, syscall: 'exit' });
    for (const [action, doer] of [
      ['send', pid],
      ['receive', told.reader],
    ] as const) {
      const calls = watch.found('socket_events', { action, local_port: told.port });
      expect(calls.length).toBeGreaterThan(1000);
      expect(new Set(calls.map(({ columns }) => (columns as { pid: number }).pid))).toEqual(new Set([doer]));
    }
  });

  it('tells of fork, exec and exit with the image of each moment', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os
os.chdir('/proc/self'); os.chdir('/tmp')
child = os.fork()
if child == 0: os.execv('/bin/sh', ['sh', '-c', 'exit 3', 'a b'])
os.waitpid(child, 0); print(json.dumps({'child': child}), flush=True)`),
    );
    const [child] = [told.child];
    const exit = await watch.find('process_events', { pid: child, syscall: 'exit' });
    const fork = await watch.find('process_events', { pid: child, syscall: 'fork', parent: pid });
    const exec = await watch.find('process_events', { pid: child, syscall: 'execve', parent: pid });
    expect(fork.columns).toMatchObject({ path: pythonPath(), uid: 0, net_namespace: expect.any(String) as string });
    expect(exec.columns).toMatchObject({
      path: realpathSync('/bin/sh'),
      cmdline: 'sh -c exit 3 a b',
      cwd: '/tmp',
      cgroup_path: expect.stringMatching(/^\//) as string,
    });
    expect(exit.columns).toMatchObject({ path: realpathSync('/bin/sh'), status: 3 << 8 });
    expect([fork.time, exec.time, exit.time]).toEqual([fork.time, exec.time, exit.time].sort((a, b) => a - b));
    const now = Date.now() * 1000;
    expect(Math.abs(exit.time - now)).toBeLessThan(60e6);
  });

  it('names whoever made a raw, packet or ping socket', async () => {
    const watch = await start();
    const { pid } = await runToEnd(
      python(`
import socket
socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3); socket.socket(socket.AF_INET, socket.SOCK_RAW, 89)
print('{}')`),
    );
    await watch.find('socket_events', { pid, action: 'socket', family: 17 });
    await watch.find('socket_events', { pid, action: 'socket', family: 2, protocol: 89 });
  });

  it('tells of the first packet of a raw socket to each peer, whatever its protocol, with the process that sends', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os, socket, struct
def echo(ident): return struct.pack('!BBHHH', 8, 0, 0xffff & ~(0x0800 + ident + 1), ident, 1)
ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
for _ in range(3): ping.sendto(echo(4711), ('127.0.0.1', 0))
socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58).sendto(struct.pack('!BBHHH', 128, 0, 0, 4712, 1), ('::1', 0))
other = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
child = os.fork()
if child == 0:
    other.sendto(b'x' * 8, ('127.0.0.1', 0)); os._exit(0)
os.waitpid(child, 0)
header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 0, 0, 64, 6, 0, socket.inet_aton('127.0.0.1'), socket.inet_aton('127.0.0.1'))
syn = struct.pack('!HHIIBBHHH', 40001, 9, 1, 0, 0x50, 2, 1024, 0, 0)
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(header + syn, ('127.0.0.1', 0))
print(json.dumps({'child': child}))`),
    );
    const send = { action: 'send', local_address: '127.0.0.1', remote_address: '127.0.0.1' };
    await watch.find('socket_events', { ...send, pid, protocol: 6, local_port: 40_001, remote_port: 9 });
    const echo = { ...send, pid, protocol: 1, icmp_type: 8, icmp_code: 0, local_port: 4711 };
    await watch.find('socket_events', echo);
    expect(watch.found('socket_events', { pid, protocol: 1, action: 'send' })).toHaveLength(1);
    await watch.find('socket_events', {
      pid,
      action: 'send',
      protocol: 58,
      icmp_type: 128,
      local_port: 4712,
      local_address: '::1',
    });
    await watch.find('socket_events', { ...send, pid: told.child, protocol: 253 });
    expect(watch.found('socket_events', { pid, protocol: 253, action: 'send' })).toEqual([]);
    // What the kernel answers is nobody's.
    expect(watch.found('socket_events', { protocol: 1, icmp_type: 0 })).toEqual([]);
    await watch.find('socket_events', { pid, action: 'close', protocol: 1 });
  });

  it('tells who reads what arrives for a raw socket, and of nobody who only has one', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os, socket
taker, sender = (socket.socket(socket.AF_INET, socket.SOCK_RAW, 253) for _ in range(2))
child = os.fork()
if child == 0:
    for _ in range(3): taker.recv(99)
    os._exit(0)
taker.close()
for _ in range(3): sender.sendto(b'x' * 8, ('127.0.0.1', 0))
os.waitpid(child, 0)
print(json.dumps({'child': child}))`),
    );
    const received = { action: 'receive', protocol: 253, local_port: 0, remote_address: '127.0.0.1' };
    await watch.find('socket_events', { ...received, pid: told.child });
    await watch.find('socket_events', { pid, action: 'close', protocol: 253 });
    expect(watch.found('socket_events', received)).toHaveLength(1);
  });

  it('tells of the first frame of a packet socket to each peer, with the process that sends', async () => {
    const code = `
import json, os, socket, struct, sys
def ip(last): return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 32, 1, 0, 64, 17, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, last]))
udp = struct.pack('!HHHH', 5555, 7021, 12, 0) + b'evil'
six = struct.pack('!IHBB16s16s', 6 << 28, 12, 17, 64, bytes(15) + b'\\1', bytes(15) + b'\\1') + udp
whole = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); whole.bind(('lo', 0))
cooked = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
print('ready', flush=True); sys.stdin.readline()
for _ in range(3): whole.send(bytes(12) + b'\\x08\\0' + ip(1) + udp)
whole.send(bytes(12) + b'\\x81\\0\\0\\5\\x08\\0' + ip(2) + udp)
whole.send(bytes(12) + b'\\x86\\xdd' + six)
whole.send(bytes(12) + b'\\x08\\x06' + ip(9) + udp)
whole.send(bytes(12) + b'\\x08\\0' + ip(8)[:10])
cooked.sendto(ip(3) + udp, ('lo', 0x0800))
child = os.fork()
if child == 0:
    whole.send(bytes(12) + b'\\x08\\0' + ip(4) + udp); os._exit(0)
os.waitpid(child, 0)
print(child, flush=True); sys.stdin.readline()`;
    // One that is there before the sensor, and one that comes after.
    const injector = () => {
      const child = spawn('python3', ['-c', code.replaceAll('\\\\', '\\')]);
      const line = () => new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
      return { child, line };
    };
    const before = injector();
    await before.line();
    const watch = await start();
    const after = injector();
    await after.line();
    for (const { child, line } of [before, after]) {
      child.stdin.write('\n');
      const grandchild = Number(await line());
      const frame = { pid: child.pid, action: 'send', protocol: 17, local_port: 5555, remote_port: 7021 };
      for (const remote of ['127.0.0.1', '127.0.0.2', '::1', '127.0.0.3'])
        await watch.find('socket_events', { ...frame, remote_address: remote });
      await watch.find('socket_events', { ...frame, pid: grandchild, remote_address: '127.0.0.4' });
      expect(watch.found('socket_events', frame)).toHaveLength(4);
      child.stdin.end('\n');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  });

  it.each([
    ['TPACKET_V1', { version: 0, status: 0, length: 8, data: 32 }],
    ['TPACKET_V2', { version: 1, status: 0, length: 4, data: 32 }],
    ['TPACKET_V3', { version: 2, status: 20, length: 16, data: 48 }],
  ])('tells of frames that a packet socket sends from a ring in shared memory (%s)', async (_, at) => {
    const { version, status, length, data } = at;
    const request = version === 2 ? "'=7I', 4096, 2, 2048, 4, 0, 0, 0" : "'=4I', 4096, 2, 2048, 4";
    const code = `
import mmap, os, socket, struct, sys
def ip(last): return struct.pack('!BBHHHBBH4s4s', 0x45, 0, 32, 1, 0, 64, 17, 0, bytes([127, 0, 0, 1]), bytes([127, 0, 0, last]))
udp = struct.pack('!HHHH', 5556, 7022, 12, 0) + b'evil'
def ring_of(s):
    s.setsockopt(263, 10, ${version}); s.setsockopt(263, 13, struct.pack(${request}))
    return mmap.mmap(s.fileno(), 8192)
def put(ring, slot, frame):
    at = 2048 * slot
    ring[at + ${data}:at + ${data} + len(frame)] = frame
    struct.pack_into('=I', ring, at + ${length}, len(frame)); struct.pack_into('=I', ring, at + ${status}, 1)
whole = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); whole.bind(('lo', 0))
cooked = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0); cooked.bind(('lo', 0))
ring, other = ring_of(whole), ring_of(cooked)
put(ring, 0, bytes(12) + b'\\x08\\0' + ip(11) + udp); put(ring, 1, bytes(12) + b'\\x81\\0\\0\\5\\x08\\0' + ip(12) + udp)
put(ring, 2, bytes(12) + b'\\x08\\0' + ip(19)[:10])
whole.send(b'')
put(other, 0, ip(13) + udp); cooked.sendto(b'', ('lo', 0x0800))
print('null')`;
    const watch = await start();
    const { pid } = await runToEnd(python(code));
    const frame = { pid, action: 'send', protocol: 17, local_port: 5556, remote_port: 7022 };
    for (const last of [11, 12, 13]) await watch.find('socket_events', { ...frame, remote_address: `127.0.0.${last}` });
    expect(watch.found('socket_events', frame)).toHaveLength(3);
  });

  it('takes nobody who only looks at a datagram for who takes it', async () => {
    const watch = await start();
    const { pid, told } = await runToEnd(
      python(`
import json, os, socket
def peeked(family, address, peek):
    taker, sender = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    taker.bind((address, 0)); sender.bind((address, 0))
    sender.sendto(b'x', taker.getsockname())
    peek(taker)
    child = os.fork()
    if child == 0:
        taker.recvfrom(99); os._exit(0)
    os.waitpid(child, 0)
    return child, sender.getsockname()[1]
asked = lambda taker: taker.recvfrom(99, socket.MSG_PEEK)
unasked = lambda taker: taker.recv(99, socket.MSG_PEEK)
told = [peeked(socket.AF_INET, '127.0.0.1', asked), peeked(socket.AF_INET, '127.0.0.1', unasked), peeked(socket.AF_INET6, '::1', asked)]
print(json.dumps(dict(told)))`),
    );
    for (const [taker, port] of Object.entries(told)) {
      await watch.find('socket_events', { action: 'receive', pid: Number(taker), remote_port: port });
      expect(watch.found('socket_events', { action: 'receive', pid, remote_port: port })).toEqual([]);
    }
  });

  it('knows who owns the sockets that were there before', async () => {
    const child = spawn('python3', [
      '-c',
      `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))
s.connect(('127.0.0.1', 9)); print(s.getsockname()[1], flush=True); sys.stdin.readline(); s.send(b'x'); sys.stdin.readline()`,
    ]);
    const port = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
    const watch = await start();
    child.stdin.write('\n');
    const sent = { action: 'send', pid: child.pid, local_port: port, remote_port: 9 };
    const row = await watch.find('socket_events', sent);
    expect(row.columns).toMatchObject({ path: pythonPath() });
    expect(`socket:[${(row.columns as { socket: string }).socket}]`).toBe(
      readlinkSync(`/proc/${child.pid}/fd/${(row.columns as { fd: string }).fd}`),
    );
    await watch.find('process_open_sockets', { pid: child.pid, local_port: port });
    child.stdin.end('\n');
    await new Promise((resolve) => child.once('exit', resolve));
  });

  it.skipIf(!mayMakeNamespaces)('sees other network namespaces only when it is asked to (needs root)', async () => {
    const network = new TestNetwork({ one: [`${lan}.1/24`] });
    networks.push(network);
    const [own, all] = [await start('self'), await start('all')];
    const { pid } = await runToEnd([...network.on('one'), ...python(tcp('socket.AF_INET', '127.0.0.1'))]);
    await all.find('process_events', { pid, syscall: 'exit' });
    await all.find('socket_events', { pid, action: 'connect' });
    await own.stop();
    expect(own.found('socket_events', { pid })).toEqual([]);
    // `ip netns exec` became the program: it was forked and executed here, and entered the namespace then.
    expect(
      own
        .found('process_events', { pid, syscall: 'execve' })
        .every(({ columns }) => /\bip\b/.test(String((columns as { path?: string }).path))),
    ).toBe(true);
  });
});
