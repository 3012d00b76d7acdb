import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { userInfo } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { Warning } from '../../src/core/warnings.js';
import type { AnyTableRow, HostRow } from '../../src/records/host-row.js';
import { PollSensor } from '../../src/sensor/poll-sensor.js';
import { parseCgroup } from '../../src/sensor/process-table.js';

const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const hasNamespaces = isLinux && isRoot && spawnSync('ip', ['netns', 'list']).status === 0;

const children: ChildProcess[] = [];
const sensors: PollSensor[] = [];
const namespaces: string[] = [];

afterEach(async () => {
  for (const sensor of sensors.splice(0)) await sensor.stop();
  for (const child of children.splice(0)) await ended(child);
  for (const name of namespaces.splice(0)) execFileSync('ip', ['netns', 'del', name]);
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

/** A sensor that is running and all that it has emitted. */
class Watch {
  readonly rows: HostRow[] = [];
  readonly warnings: Warning[] = [];
  readonly sensor: PollSensor;
  private wake: () => void = () => {};

  constructor(intervalMs = 20, netns: 'self' | 'all' = 'all') {
    const emit = (rows: HostRow[]) => {
      this.rows.push(...rows);
      this.wake();
    };
    this.sensor = new PollSensor({ host: 'here', intervalMs, netns, emit, warn: (each) => this.warnings.push(each) });
    sensors.push(this.sensor);
  }

  /** The first row that fits, once there is one. The test's own time limit ends the wait. */
  async find(fits: (row: AnyTableRow) => boolean): Promise<AnyTableRow> {
    for (;;) {
      const found = this.rows.find((row): row is AnyTableRow => row.kind === 'row' && fits(row));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Resolves when it has emitted so many times more, as each poll does. */
  async polls(count: number): Promise<void> {
    for (let poll = 0; poll < count; poll++) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

/** A node program that runs until it is killed and has printed a line of JSON. */
async function run(program: string, wrap: readonly string[] = []): Promise<{ child: ChildProcess; told: unknown }> {
  const [command, ...args] = [...wrap, process.execPath, '-e', program];
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}`)));
  });
  return { child, told: JSON.parse(line) };
}

const listener = (host: string) =>
  `const s = require('net').createServer(() => {}).listen(0, '${host}', () => console.log(s.address().port))`;

const onTable = (table: string, action: string, columns: object) => (row: AnyTableRow) =>
  row.table === table &&
  row.action === action &&
  Object.entries(columns).every(([name, value]) => (row.columns as Record<string, unknown>)[name] === value);

describe.skipIf(!isLinux)('the polling sensor (skipped where there is no Linux)', () => {
  it('announces the host first and completes every stream after each poll', async () => {
    const watch = new Watch();
    await watch.sensor.start();
    const [first] = watch.rows;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(first).toMatchObject({ kind: 'host', host: 'here', boot });
    const streams = first?.kind === 'host' ? first.streams.map(({ stream }) => stream) : [];
    const complete = watch.rows.slice(-streams.length);
    expect(complete.map((row) => (row.kind === 'complete' ? row.stream : row.kind)).sort()).toEqual(
      [...streams].sort(),
    );
    const tableRows = watch.rows.filter((row) => row.kind === 'row');
    expect(tableRows.every((row) => row.action === 'added' && row.since === undefined)).toBe(true);
    for (const row of complete) if (row.kind === 'complete') expect(row.until).toBeLessThanOrEqual(tableRows[0]!.time);
  });

  it('says how far apart its polls may be, by what the first one cost', async () => {
    const told: HostRow[] = [];
    const options = { host: 'here', intervalMs: 20, cpuShare: 1e-4, warn: () => {} };
    const sensor = new PollSensor({ ...options, emit: (rows) => told.push(...rows) });
    sensors.push(sensor);
    await sensor.start();
    const [first] = told;
    const pauses = first?.kind === 'host' ? first.streams.map(({ pause }) => pause) : [];
    const interval = (sensor.costMs / 1e-4) * 1_000;
    expect(interval).toBeGreaterThan(1_000_000);
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(interval);
  });

  it('shows a process with its path, user, parent and arguments', async () => {
    const { child } = await run('console.log(1); setInterval(() => {}, 1e6)');
    const watch = new Watch();
    await watch.sensor.start();
    const row = await watch.find(onTable('processes', 'added', { pid: child.pid }));
    expect(row.columns).toMatchObject({
      path: realpathSync(process.execPath),
      uid: userInfo().uid,
      parent: process.pid,
      cwd: process.cwd(),
      cgroup_path: parseCgroup(readFileSync('/proc/self/cgroup', 'utf8')),
      net_namespace: /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0],
      cmdline: `${process.execPath} -e console.log(1); setInterval(() => {}, 1e6)`,
    });
    const started = (row.columns as { start_time: number }).start_time;
    expect(Math.abs(started - Date.now() / 1000)).toBeLessThan(60);
    const user = await watch.find(onTable('users', 'added', { uid: userInfo().uid }));
    expect(user.columns).toMatchObject({ username: userInfo().username });
  });

  it('shows a listener that appears and that it disappears, with bounds that hold the true moments', async () => {
    const watch = new Watch();
    await watch.sensor.start();
    const before = Date.now() * 1000;
    const { child, told } = await run(listener('127.0.0.1'));
    const after = (Date.now() + 1) * 1000;
    const columns = { pid: child.pid, port: told, protocol: 6, family: 2, address: '127.0.0.1' };
    const added = await watch.find(onTable('listening_ports', 'added', columns));
    expect(added.since).toBeLessThan(after);
    expect(added.time + added.resolution).toBeGreaterThan(before);
    const closing = Date.now() * 1000;
    await ended(child);
    const closed = (Date.now() + 1) * 1000;
    const removed = await watch.find(onTable('listening_ports', 'removed', columns));
    expect(removed.since).toBeLessThan(closed);
    expect(removed.time + removed.resolution).toBeGreaterThan(closing);
    await watch.find(onTable('processes', 'removed', { pid: child.pid }));
  });

  it('keeps its bounds true when a listener takes the place of another and no packet flows', async () => {
    const { child, told } = await run(`
      const listen = () => {
        const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port));
        return s;
      };
      const s = listen();
      process.stdin.on('data', () => { s._handle.close(); listen(); });`);
    const watch = new Watch();
    await watch.sensor.start();
    await watch.find(onTable('listening_ports', 'added', { pid: child.pid, port: told }));
    const before = Date.now() * 1000;
    child.stdin?.write('x');
    const next = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (data: Buffer) => resolve(`${data}`)),
    );
    const after = (Date.now() + 1) * 1000;
    const rows = [
      await watch.find(onTable('listening_ports', 'removed', { pid: child.pid, port: told })),
      await watch.find(onTable('listening_ports', 'added', { pid: child.pid, port: Number(next) })),
    ];
    for (const row of rows) {
      expect(row.since).toBeLessThan(after);
      expect(row.time + row.resolution).toBeGreaterThan(before);
    }
  });

  it.each([
    ['127.0.0.1', 2, '127.0.0.1'],
    ['::1', 10, '::1'],
  ])('shows both ends of a TCP connection over %s with their owners', async (host, family, address) => {
    const server = await run(listener(host));
    const port = server.told as number;
    const client = await run(
      `const s = require('net').connect(${port}, '${host}', () => console.log(s.localPort)); setInterval(() => {}, 1e6)`,
    );
    const clientPort = client.told as number;
    const watch = new Watch();
    await watch.sensor.start();
    const tuple = { family, protocol: 6, local_address: address, remote_address: address, state: 'ESTABLISHED' };
    const ours = { ...tuple, pid: client.child.pid, local_port: clientPort, remote_port: port };
    const theirs = { ...tuple, pid: server.child.pid, local_port: port, remote_port: clientPort };
    await watch.find(onTable('process_open_sockets', 'added', ours));
    await watch.find(onTable('process_open_sockets', 'added', theirs));
    await watch.find(onTable('listening_ports', 'added', { pid: server.child.pid, port, address, family }));
  });

  it('shows a bound UDP socket as listening and a connected one not', async () => {
    const { child, told } = await run(`
      const dgram = require('dgram');
      const a = dgram.createSocket('udp4'), b = dgram.createSocket('udp4');
      a.bind(0, '127.0.0.1', () => b.connect(a.address().port, '127.0.0.1', () =>
        console.log(JSON.stringify([a.address().port, b.address().port]))));`);
    const [bound, connected] = told as [number, number];
    const watch = new Watch();
    await watch.sensor.start();
    await watch.find(onTable('listening_ports', 'added', { pid: child.pid, protocol: 17, port: bound }));
    const open = onTable('process_open_sockets', 'added', {
      pid: child.pid,
      local_port: connected,
      remote_port: bound,
    });
    expect((await watch.find(open)).columns).not.toHaveProperty('state');
    expect(
      watch.rows.some((row) => row.kind === 'row' && onTable('listening_ports', 'added', { port: connected })(row)),
    ).toBe(false);
  });

  it('shows the new image of a process that calls exec, under the same pid', async () => {
    const watch = new Watch();
    await watch.sensor.start();
    const child = spawn('/bin/sh', ['-c', 'read x; exec sleep 1000'], { stdio: ['pipe', 'ignore', 'inherit'] });
    children.push(child);
    const shell = realpathSync('/bin/sh');
    await watch.find(onTable('processes', 'added', { pid: child.pid, path: shell }));
    child.stdin.write('\n');
    await watch.find(onTable('processes', 'removed', { pid: child.pid, path: shell }));
    const sleep = await watch.find(onTable('processes', 'added', { pid: child.pid, name: 'sleep' }));
    expect(sleep.columns).toMatchObject({ cmdline: 'sleep 1000' });
  });

  it.skipIf(process.getuid?.() !== 0)(
    'shows who a process has become without an exec (skipped without root)',
    async () => {
      const { child } = await run(`
      process.stdin.once('data', () => { process.setgid(65534); process.setuid(65534); });
      console.log(1);`);
      const watch = new Watch();
      await watch.sensor.start();
      await watch.find(onTable('processes', 'added', { pid: child.pid, uid: 0 }));
      // Those that have just begun are looked at closely anyway.
      await watch.polls(4);
      child.stdin?.write('\n');
      await watch.find(onTable('processes', 'removed', { pid: child.pid, uid: 0 }));
      await watch.find(onTable('processes', 'added', { pid: child.pid, uid: 65_534, gid: 65_534 }));
    },
  );

  it('shows that a socket is shared with a forked process and no longer when that closes it', async () => {
    const { child, told } = await run(`
      const { spawn } = require('child_process');
      const s = require('net').createServer().listen(0, '127.0.0.1', () => {
        const heir = spawn('/bin/sh', ['-c', 'read x; exec 3>&-; read y'], { stdio: ['pipe', 'ignore', 'inherit', s._handle.fd] });
        process.stdin.once('data', () => heir.stdin.write('\\n'));
        console.log(JSON.stringify([s.address().port, heir.pid]));
        process.on('exit', () => heir.kill());
      });`);
    const [port, heir] = told as [number, number];
    const watch = new Watch();
    await watch.sensor.start();
    await watch.find(onTable('listening_ports', 'added', { pid: child.pid, port }));
    await watch.find(onTable('listening_ports', 'added', { pid: heir, port }));
    child.stdin?.write('\n');
    await watch.find(onTable('listening_ports', 'removed', { pid: heir, port }));
    expect(
      watch.rows.some((row) => row.kind === 'row' && onTable('listening_ports', 'removed', { pid: child.pid })(row)),
    ).toBe(false);
    child.stdin?.end();
  });

  it('emits nothing after it was stopped, and a last poll at that', async () => {
    const watch = new Watch(1000);
    await watch.sensor.start();
    const { child, told } = await run(listener('127.0.0.1'));
    await watch.sensor.stop();
    const count = watch.rows.length;
    const end = watch.rows.at(-1);
    const complete = watch.rows.at(-2);
    expect(end).toMatchObject({ kind: 'host_timeout', host: 'here' });
    expect(complete).toMatchObject({ kind: 'complete', until: end?.kind === 'host_timeout' ? end.at : -1 });
    const isThere = onTable('listening_ports', 'added', { pid: child.pid, port: told });
    expect(watch.rows.some((row) => row.kind === 'row' && isThere(row))).toBe(true);
    await watch.sensor.stop();
    expect(watch.rows).toHaveLength(count);
  });
});

describe.skipIf(!hasNamespaces)('the polling sensor and network namespaces (skipped without root and ip netns)', () => {
  function namespace(): string {
    const name = `cor-sensor-${process.pid}`;
    execFileSync('ip', ['netns', 'add', name]);
    namespaces.push(name);
    const inside = (...args: string[]) => execFileSync('ip', ['-n', name, ...args]);
    inside('link', 'set', 'lo', 'up');
    inside('link', 'add', 'veth-a', 'type', 'veth', 'peer', 'name', 'veth-b');
    inside('addr', 'add', '192.0.2.77/24', 'dev', 'veth-a');
    inside('addr', 'add', '2001:db8::77/64', 'dev', 'veth-a');
    inside('link', 'set', 'veth-a', 'up');
    inside('link', 'set', 'veth-b', 'up');
    return name;
  }

  it('shows a program in another namespace with its socket, and the addresses there', async () => {
    const name = namespace();
    const { child, told } = await run(listener('192.0.2.77'), ['ip', 'netns', 'exec', name]);
    const watch = new Watch();
    await watch.sensor.start();
    const id = /\d+/.exec(execFileSync('readlink', [`/proc/${child.pid}/ns/net`]).toString())?.[0];
    const columns = { pid: child.pid, port: told, address: '192.0.2.77', net_namespace: id };
    await watch.find(onTable('listening_ports', 'added', columns));
    const place = { interface: 'veth-a', net_namespace: id };
    await watch.find(
      onTable('interface_addresses', 'added', { ...place, address: '192.0.2.77', mask: '255.255.255.0' }),
    );
    await watch.find(onTable('interface_addresses', 'added', { ...place, address: '2001:db8::77' }));
    await ended(child);
    await watch.find(onTable('listening_ports', 'removed', columns));
    await watch.find(onTable('interface_addresses', 'removed', { ...place, address: '192.0.2.77' }));
  });

  it('leaves other namespaces out when it is told to', async () => {
    const name = namespace();
    const { child } = await run(listener('192.0.2.77'), ['ip', 'netns', 'exec', name]);
    const watch = new Watch(20, 'self');
    await watch.sensor.start();
    await watch.find(onTable('processes', 'added', { pid: process.pid }));
    const rows = watch.rows.filter((row) => row.kind === 'row');
    expect(rows.some((row) => (row.columns as { pid?: number }).pid === child.pid)).toBe(false);
    expect(rows.some((row) => (row.columns as { address?: string }).address === '192.0.2.77')).toBe(false);
  });
});
