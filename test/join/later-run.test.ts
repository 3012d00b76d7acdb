import { describe, expect, it } from 'vitest';
import type { End } from '../../src/records/attributed-connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import type { Columns, HostTable } from '../../src/records/host-tables.js';
import { ms, Scene, s, t0 } from './scene.js';

const polled = ['process_open_sockets', 'listening_ports', 'interface_addresses', 'processes', 'users'] as const;
const eventful = [...polled, 'socket_events', 'process_events', 'packet_sockets', 'conntrack'] as const;
const listener = { family: 2, protocol: 6, address: '0.0.0.0', port: 22, fd: 3 } as const;
const ntp = { local_address: '192.0.2.20', local_port: 123, remote_address: '192.0.2.9', remote_port: 123 } as const;

/** What stands as somebody begins to watch the host: who listens at port 22 and who speaks to a time server. */
interface Run {
  readonly from: number;
  readonly boot: string;
  readonly pid: number;
  /** Of its first socket. */
  readonly inode: number;
  readonly born: number;
}

const first: Run = { from: 0, boot: 'A', pid: 700, inode: 1, born: -5 };
const successor: Run = { from: 160, boot: 'A', pid: 650, inode: 9, born: 150 };

/** Watched from second 0 to 100, and again from then on that `begins` tells. Its rows are gathered, and told in any order before watermarks. */
class RestartedHost extends Scene {
  readonly #rows: HostRow[] = [];
  readonly #tables: readonly HostTable[];

  constructor(tables: readonly HostTable[] = polled) {
    super({ finalOnly: true, latenessUs: 600 * s });
    this.#tables = tables;
    this.begins(first);
    this.tells(first, 'users', { uid: 0, username: 'root' });
    // How often it polls.
    const other = { ...ntp, local_port: 9, family: 2, protocol: 17, pid: 1, fd: 3, socket: 99 };
    this.gathers({ ...this.makeRow('web', 'process_open_sockets', 'added', 11, other, 1, 10), boot: 'A' });
    this.gathers({ kind: 'host_timeout', host: 'web', at: this.at(100) });
  }

  /** The first row of a run alone: nothing that stands is told yet. */
  announces({ from, boot }: Pick<Run, 'from' | 'boot'>): this {
    const streams = this.#tables.map((table) => ({ stream: table, table }));
    this.gathers({ kind: 'host', host: 'web', boot, streams, from: this.at(from) });
    return this.gathers({ kind: 'clock', host: 'web', capture: 'eth0', offset: 0, err: ms, from: this.at(from) });
  }

  begins(run: Run): this {
    const { pid, inode, born } = run;
    this.announces(run);
    this.tells(run, 'interface_addresses', { interface: 'eth0', address: '192.0.2.20' });
    const started = { parent: 1, start_time: t0 / s + born, uid: 0 };
    this.tells(run, 'processes', { ...started, pid, path: '/usr/sbin/sshd', cmdline: `sshd ${born}` });
    this.tells(run, 'processes', { ...started, pid: pid + 5, path: '/usr/sbin/ntpd', cmdline: `ntpd ${born}` });
    this.tells(run, 'listening_ports', { ...listener, pid, socket: inode });
    const { address, port, ...open } = listener;
    const blank = { local_address: address, local_port: port, remote_address: '0.0.0.0', remote_port: 0 };
    this.tells(run, 'process_open_sockets', { ...open, ...blank, pid, socket: inode, state: 'LISTEN' });
    const speaks = { ...ntp, family: 2, protocol: 17, pid: pid + 5, fd: 3, socket: inode + 1 };
    return this.tells(run, 'process_open_sockets', speaks);
  }

  /** The first poll of a run showed a row. */
  tells<T extends HostTable>({ from, boot }: Run, table: T, columns: Columns<T>): this {
    return this.gathers({ ...this.makeRow('web', table, 'added', from, columns), boot });
  }

  gathers(row: HostRow): this {
    this.#rows.push(row);
    return this;
  }

  /** All rows, then all connections. */
  speaks(order: (rows: HostRow[]) => HostRow[] = (rows) => rows, connect: () => void = () => this.#connect()): this {
    for (const row of order([...this.#rows])) this.row(row);
    connect();
    this.complete('web', 400, this.#tables).advance(500);
    this.join.end();
    return this;
  }

  /** Before the gap, in it and after it: connections to the listener, and to the time server. */
  #connect(): void {
    for (const [n, at] of moments.entries()) {
      this.end(`to ${n}`, at, 1, `192.0.2.10 4000${n} > 192.0.2.20 22`);
      this.end(`from ${n}`, at, 1, '192.0.2.20 123 > 192.0.2.9 123 udp');
    }
  }

  get owners(): string[] {
    return [0, 1, 2].flatMap((n) => [owner(this.last(`to ${n}`).resp), owner(this.last(`from ${n}`).orig)]);
  }
}

/** Its command line and the boot of its host, or what else is told of the end. */
function owner(end: End): string {
  if (end.state === 'unattributed') return end.reason;
  return end.state === 'attributed' ? `${end.host.boot} ${end.process.pid} ${end.process.cmdline}` : end.state;
}

const moments = [50, 130, 200];
const before = ['A 700 sshd -5', 'A 705 ntpd -5'];
const offline = ['agent_offline', 'agent_offline'];

describe('a host that is watched anew', () => {
  it('has the sockets and processes that are told of again, all along', () => {
    const scene = new RestartedHost().begins({ ...first, from: 160 }).speaks();
    // In between another one may have listened for the while.
    expect(scene.owners).toEqual([...before, 'agent_offline', 'A 705 ntpd -5', ...before]);
  });

  it('has lost those that are not, and had not those that are told of then alone', () => {
    const scene = new RestartedHost().begins(successor).speaks();
    expect(scene.owners).toEqual([...before, ...offline, 'A 650 sshd 150', 'A 655 ntpd 150']);
  });

  it('has none of those of before where it booted, though numbers are the same', () => {
    const scene = new RestartedHost().begins({ ...first, from: 160, boot: 'B', born: 150 }).speaks();
    expect(scene.owners).toEqual([...before, ...offline, 'B 700 sshd 150', 'B 705 ntpd 150']);
  });

  it('has the same, in whatever order its rows come', () => {
    const orders: ((rows: HostRow[]) => HostRow[])[] = [
      (rows) => rows.reverse(),
      (rows) => [...rows.slice(rows.length / 2), ...rows.slice(0, rows.length / 2)],
      (rows) => [...rows.filter((_, at) => at % 2 === 1), ...rows.filter((_, at) => at % 2 === 0)],
    ];
    for (const run of [{ ...first, from: 160 }, successor, { ...successor, boot: 'B' }]) {
      const usual = new RestartedHost().begins(run).speaks().owners;
      for (const order of orders) expect(new RestartedHost().begins(run).speaks(order).owners).toEqual(usual);
    }
  });

  it('is not known to have lost a socket as long as not all of what stands is told', () => {
    const scene = new RestartedHost().announces({ from: 160, boot: 'A' });
    scene.speaks(undefined, () => scene.end('C1', 200, 1, '192.0.2.10 40000 > 192.0.2.20 22'));
    expect(scene.last().resp).toMatchObject({ state: 'ambiguous' });
  });

  it('boots in a gap that nobody told of', () => {
    const scene = new RestartedHost().begins({ ...successor, boot: 'B' });
    scene.speaks((rows) => rows.filter(({ kind }) => kind !== 'host_timeout'));
    expect(scene.owners.slice(4)).toEqual(['B 650 sshd 150', 'B 655 ntpd 150']);
    // It may have been at any time of the run before.
    expect(scene.owners.slice(0, 4)).toEqual(['ambiguous', 'ambiguous', 'ambiguous', 'ambiguous']);
  });

  it('has lost what calls of before had opened, where it is not told of again', () => {
    const bound = { action: 'listen', pid: 710, fd: '4', socket: '40', status: 'succeeded', success: 1 };
    const call = {
      ...bound,
      family: 2,
      protocol: 6,
      local_address: '0.0.0.0',
      local_port: 80,
      path: '/usr/sbin/nginx',
    };
    const follows: Columns<'listening_ports'> = { ...listener, port: 80, fd: 4, pid: 660, socket: 41 };
    const scene = new RestartedHost(eventful).begins(successor).tells(successor, 'listening_ports', follows);
    for (const local_port of [80, 81])
      scene.gathers({ ...scene.makeRow('web', 'socket_events', 'event', 20, { ...call, local_port }), boot: 'A' });
    scene.speaks(undefined, () => {
      scene.end('before', 50, 1, '192.0.2.10 40000 > 192.0.2.20 80');
      scene.end('after', 200, 1, '192.0.2.10 40001 > 192.0.2.20 80');
      scene.end('closed', 200, 1, '192.0.2.10 40002 > 192.0.2.20 81');
    });
    expect(scene.last('closed').resp).toMatchObject({ reason: 'no_socket_seen' });
    expect(scene.last('before').resp).toMatchObject({ state: 'attributed', process: { pid: 710 } });
    expect(scene.last('after').resp).toMatchObject({ state: 'attributed', process: { pid: 660 } });
  });

  it('had not what the next run shows, where its calls were told, up to the end of the one before', () => {
    const stateAt = (tables: readonly HostTable[]) => {
      const scene = new RestartedHost(tables).begins(successor);
      scene.tells(successor, 'listening_ports', { ...listener, port: 80, pid: 660, socket: 41 });
      if (tables === eventful) {
        const heard = { action: 'listen', pid: 1, fd: '4', socket: '44', family: 2, protocol: 6, local_port: 9 };
        scene.gathers({ ...scene.makeRow('web', 'socket_events', 'event', 20, heard), boot: 'A' });
      }
      scene.speaks(undefined, () => scene.end('C1', 99.5, 0.1, '192.0.2.10 40000 > 192.0.2.20 80'));
      return scene.last().resp;
    };
    expect(stateAt(eventful)).toMatchObject({ reason: 'no_socket_seen' });
    // Between two polls it may have come.
    expect(stateAt(polled)).toMatchObject({ state: 'ambiguous' });
  });

  it('may have had what the run after the next shows, where that told of nothing', () => {
    const scene = new RestartedHost().announces({ from: 160, boot: 'A' }).begins({ ...successor, from: 260 });
    scene.gathers({ kind: 'host_timeout', host: 'web', at: scene.at(200) });
    scene.tells({ ...successor, from: 260 }, 'listening_ports', { ...listener, port: 80, pid: 660, socket: 41 });
    scene.speaks(undefined, () => scene.end('C1', 180, 1, '192.0.2.10 40000 > 192.0.2.20 80'));
    expect(scene.last().resp).toMatchObject({ state: 'ambiguous' });
  });

  it('may have what it had before, where rows of the first poll are lost', () => {
    const scene = new RestartedHost().announces({ from: 160, boot: 'A' });
    scene.tells(successor, 'interface_addresses', { interface: 'eth0', address: '192.0.2.20' });
    const next = { ...listener, pid: 650, socket: 9 };
    scene.gathers({ ...scene.makeRow('web', 'listening_ports', 'added', 170, next, 1, 169), boot: 'A' });
    for (const stream of ['listening_ports', 'process_open_sockets'])
      scene.gathers({ kind: 'lost', host: 'web', stream, from: scene.at(160), to: scene.at(160) });
    scene.speaks(undefined, () => scene.end('C1', 200, 1, '192.0.2.10 40000 > 192.0.2.20 22'));
    expect(scene.last().resp).toMatchObject({ state: 'ambiguous' });
  });

  it('may have had a socket in further hands, of which no call tells', () => {
    const scene = new RestartedHost(eventful);
    const bound = {
      action: 'listen',
      fd: '4',
      status: 'succeeded',
      success: 1,
      family: 2,
      protocol: 6,
      local_port: 80,
    };
    const call = { ...bound, pid: 710, socket: '40', local_address: '0.0.0.0', path: '/usr/sbin/nginx' };
    scene.gathers({ ...scene.makeRow('web', 'socket_events', 'event', 20, call), boot: 'A' });
    scene.begins({ ...first, from: 160 });
    for (const pid of [710, 711])
      scene.tells({ ...first, from: 160 }, 'listening_ports', { ...listener, port: 80, fd: 4, pid, socket: 40 });
    scene.speaks(undefined, () => scene.end('C1', 99.5, 0.1, '192.0.2.10 40000 > 192.0.2.20 80'));
    expect(scene.last().resp).toMatchObject({ state: 'ambiguous' });
  });

  it('tells of no process of before whose pid calls and that it does not tell of again', () => {
    const scene = new RestartedHost(eventful).begins(successor);
    const called = { action: 'connect', pid: 700, fd: '4', socket: '80', status: 'succeeded', success: 1, family: 2 };
    const ends = { protocol: 6, local_address: '192.0.2.20', local_port: 50_000, remote_address: '192.0.2.9' };
    const call = { ...called, ...ends, remote_port: 443 };
    scene.gathers({ ...scene.makeRow('web', 'socket_events', 'event', 200, call), boot: 'A' });
    scene.speaks(undefined, () => scene.end('C1', 200.001, 1, '192.0.2.20 50000 > 192.0.2.9 443'));
    expect(owner(scene.last().orig)).toBe('A 700 undefined');
  });

  it('has lost an address that is not told of again, which another host may have since', () => {
    const scene = new RestartedHost().announces({ from: 160, boot: 'A' });
    const other = { interface: 'eth1', address: '192.0.2.99' };
    scene.gathers({ ...scene.makeRow('web', 'interface_addresses', 'added', 11, other, 1, 10), boot: 'A' });
    scene.tells(successor, 'interface_addresses', { interface: 'eth0', address: '192.0.2.21' });
    scene.tells(successor, 'listening_ports', { ...listener, pid: 700, socket: 1 });
    scene
      .host('other', polled)
      .added('other', 'interface_addresses', 140, { interface: 'eth0', address: '192.0.2.20' }, 130);
    scene.added('other', 'listening_ports', 140, { ...listener, pid: 50, socket: 5 }, 130);
    scene.complete('other', 400, polled);
    scene.speaks(undefined, () => {
      scene.end('before', 50, 1, '192.0.2.10 40000 > 192.0.2.20 22');
      scene.end('after', 200, 1, '192.0.2.10 40001 > 192.0.2.20 22');
      scene.end('moved', 200, 1, '192.0.2.10 40002 > 192.0.2.21 22');
    });
    expect(scene.last('before').resp).toMatchObject({ host: { id: 'web' }, process: { pid: 700 } });
    expect(scene.last('after').resp).toMatchObject({ host: { id: 'other' }, process: { pid: 50 } });
    expect(scene.last('moved').resp).toMatchObject({ host: { id: 'web' }, process: { pid: 700 } });
  });

  it('translates no more for what is not told of again', () => {
    const container = {
      ...{ protocol: 6, original_source: '192.0.2.10', original_source_port: 40_000 },
      ...{ original_destination: '192.0.2.20', original_destination_port: 22 },
      ...{ reply_source: '172.17.0.2', reply_source_port: 80, reply_destination: '192.0.2.10' },
      reply_destination_port: 40_000,
    };
    const inner = { ...listener, address: '172.17.0.2', port: 80, pid: 700, fd: 9, socket: 60 };
    const again = { ...first, from: 160 };
    const ownerOf = (ways: Columns<'conntrack'>): End => {
      const scene = new RestartedHost(eventful).begins(again).tells(again, 'conntrack', ways);
      for (const run of [first, again]) {
        scene.tells(run, 'listening_ports', inner);
        scene.tells(run, 'interface_addresses', { interface: 'eth0', address: '172.17.0.2' });
      }
      scene.tells(first, 'conntrack', container);
      scene.speaks(undefined, () => scene.end('C1', 200, 1, '192.0.2.10 40000 > 192.0.2.20 22'));
      return scene.last().resp;
    };
    const nat = { address: '172.17.0.2', port: 80, peer_address: '192.0.2.10', peer_port: 40_000 };
    expect(ownerOf(container)).toMatchObject({ state: 'attributed', nat });
    const next = ownerOf({ ...container, original_source_port: 40_009, reply_destination_port: 40_009 });
    expect(next).toMatchObject({ state: 'attributed', process: { pid: 700 } });
    expect(next).not.toHaveProperty('nat');
    const booted = new RestartedHost(eventful).begins({ ...again, boot: 'B' });
    booted.tells(first, 'conntrack', container).tells({ ...again, boot: 'B' }, 'conntrack', container);
    booted.speaks(undefined, () => booted.end('C1', 130, 1, '192.0.2.10 40000 > 192.0.2.20 22'));
    expect(booted.last().resp).not.toHaveProperty('nat');
  });
});
