import { describe, expect, it, vi } from 'vitest';
import type { HostNews } from '../../../src/hosts/state/host-context.js';
import { defaultHostLimits } from '../../../src/hosts/state/host-limits.js';
import { HostStates } from '../../../src/hosts/state/host-states.js';
import type { AnyTableRow, TableRow } from '../../../src/records/host-row.js';
import type { Columns, HostTable } from '../../../src/records/host-tables.js';

/** No user enters. */
const nobody = (): never => {
  throw new Error('nobody');
};

const s = 1_000_000;

function row<T extends HostTable>(
  table: T,
  action: TableRow['action'],
  at: number,
  seq: number,
  columns: Columns<T>,
  since?: number,
): AnyTableRow {
  const base = {
    kind: 'row',
    host: 'a',
    stream: table,
    table,
    action,
    time: at * s,
    resolution: 1,
    seq,
    columns,
  } as const;
  return (since === undefined ? base : { ...base, since: since * s }) as unknown as AnyTableRow;
}

const tuple = {
  protocol: 6,
  local_address: '192.0.2.1',
  local_port: 40000,
  remote_address: '192.0.2.2',
  remote_port: 443,
};
const deaf: HostNews = {
  socket: () => undefined,
  translation: () => undefined,
  blankAccepts: () => undefined,
  address: () => undefined,
};

function stateOf(rows: readonly AnyTableRow[], limits = defaultHostLimits) {
  const states = new HostStates(limits, 10, deaf, nobody);
  const host = states.open('a')!;
  for (const one of rows) host.add(one);
  const held = () => {
    const known = states.tuples.open(6, '192.0.2.1', 40000, '192.0.2.2', 443);
    return states.held(known, true).flatMap(({ sockets }) => sockets);
  };
  return {
    states,
    host,
    held,
    get sockets() {
      return held();
    },
  };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

describe('the sockets of a host', () => {
  const rows = [
    row('process_open_sockets', 'added', 10, 0, { ...tuple, pid: 7, fd: 3, socket: 90 }, 5),
    row('process_open_sockets', 'removed', 20, 1, { ...tuple, pid: 7, fd: 3, socket: 90 }, 15),
    row('process_open_sockets', 'added', 30, 2, { ...tuple, pid: 8, fd: 3, socket: 91 }, 25),
    row('socket_events', 'event', 27, 0, { ...tuple, action: 'connect', pid: 8, fd: '3' }),
  ];

  it('may go at the bound as they come, also the first at a new address', () => {
    const standing = [1, 2].map((n) =>
      row('process_open_sockets', 'added', n, n, {
        ...tuple,
        local_address: '192.0.2.9',
        local_port: n,
        pid: 7,
        fd: n,
      }),
    );
    const calls = [10, 11, 12].map((at) =>
      row('socket_events', 'event', at, at, { ...tuple, action: 'connect', pid: 7 }),
    );
    const { host, held, states } = stateOf([...standing, ...calls], { ...defaultHostLimits, socketRows: 2 });
    expect([host.socketRows, states.counters.socketRowsEvicted, held().length]).toEqual([2, 3, 0]);
  });

  it('are the same whatever the order of the rows, and however often each comes', () => {
    const shown = (list: readonly AnyTableRow[]) =>
      stateOf(list)
        .sockets.map(({ pid, source, openLo, openHi, closeLo, closeHi }) => [
          pid,
          source,
          openLo / s,
          openHi / s,
          closeLo / s,
          closeHi / s,
        ])
        .sort();
    const expected = [
      [7, 'open', 5, 10, 15, 20],
      [8, 'connect', 27, 27, 27, Infinity],
      [8, 'open', 25, 30, Infinity, Infinity],
    ];
    for (const order of permutations(rows)) expect(shown([...order, ...order])).toEqual(expected);
  });

  it('close when an event says so, by the number of the socket', () => {
    const { sockets } = stateOf([
      row('socket_events', 'event', 10, 0, { ...tuple, action: 'connect', pid: 7, socket: '90' }),
      row('socket_events', 'event', 12, 1, { ...tuple, action: 'close', pid: 9, socket: '90' }),
    ]);
    expect(sockets).toHaveLength(1);
    expect(sockets[0]).toMatchObject({ pid: 7, openHi: 10 * s, closeLo: 12 * s, closeHi: 12 * s });
  });

  it('are surely open only until rows may have been lost', () => {
    const { host, held } = stateOf(rows.slice(2, 3));
    host.progress.lost('process_open_sockets', 40 * s, 50 * s);
    // The last poll before may have been up to the longest pause earlier, with a margin.
    expect(held()[0]).toMatchObject({ closeLo: (40 - 1.25 * 5) * s, closeHi: Infinity });
  });

  it('are surely open until as long before as their sensor says that its polls may be apart, at the longest', () => {
    const { host, states, held } = stateOf(rows.slice(2, 3));
    for (const pause of [2 * s, 8 * s, 4 * s]) {
      const stream = { stream: 'process_open_sockets', table: 'process_open_sockets', pause } as const;
      states.seen(host, { kind: 'host', host: host.id, streams: [stream], from: 0 });
    }
    host.progress.lost('process_open_sockets', 40 * s, 50 * s);
    expect(held()[0]).toMatchObject({ closeLo: (40 - 1.25 * 8) * s, closeHi: Infinity });
  });

  it('are kept within the bound, oldest first out, and what went is noted', () => {
    const many = Array.from({ length: 20 }, (_, i) =>
      row('socket_events', 'event', i, i, { ...tuple, local_port: 1_000 + i, action: 'connect', pid: 7 }),
    );
    const { host, states } = stateOf(many, { ...defaultHostLimits, socketRows: 5 });
    expect(host.socketRows).toBe(5);
    expect(host.goneUntil).toBe(14 * s);
    expect(states.counters.socketRowsEvicted).toBe(15);
    expect(states.tuples.find(6, '192.0.2.1', 1_000, '192.0.2.2', 443)).toBeUndefined();
    expect(states.tuples.size).toBe(5);
  });

  it('are let go soon after they cannot matter any more, also on a quiet host', () => {
    const { host, states } = stateOf(rows);
    for (let i = 0; i < 5_000; i++) {
      host.add(row('socket_events', 'event', 100 + i, i, { ...tuple, local_port: 1 + i, action: 'connect', pid: 7 }));
      host.prune((100 + i - 60) * s);
    }
    expect(host.socketRows).toBeLessThan(400);
    expect(states.tuples.size).toBeLessThan(400);
  });

  it('are let go too where they name the peer of datagrams alone, which they then serve no more', () => {
    const { host } = stateOf([]);
    const call = { protocol: 17, action: 'connect', pid: 7, remote_address: '192.0.2.3', remote_port: 53 };
    for (let i = 0; i < 5_000; i++) {
      host.add(row('socket_events', 'event', 100 + i, i, call));
      host.prune((100 + i - 60) * s);
    }
    expect(host.socketRows).toBeLessThan(400);
  });

  describe('that calls bound of which no close is told', () => {
    const bind = (i: number, pid: number, local_port: number) =>
      row('socket_events', 'event', 100 + i, i, {
        protocol: 17,
        action: 'bind',
        pid,
        local_address: '0.0.0.0',
        local_port,
      });
    const polled = { protocol: 17, local_address: '0.0.0.0', remote_address: '0.0.0.0', pid: 7, fd: 3, local_port: 53 };

    it('are let go when their process has bound the same again', () => {
      const { host } = stateOf([]);
      for (let i = 0; i < 5_000; i++) {
        host.add(bind(i, 7, 1_000 + (i % 100)));
        host.prune((100 + i - 60) * s);
      }
      expect(host.socketRows).toBeLessThan(700);
    });

    it('are let go when a poll has told since of sockets of their kind', () => {
      const rowsLeft = (columns: Columns<'process_open_sockets'>): number => {
        const { host } = stateOf([row('process_open_sockets', 'added', 99, 0, polled)]);
        for (let i = 0; i < 5_000; i++) {
          host.add(bind(i, 1_000 + i, 1_000 + i));
          const seen = { ...columns, pid: 9, fd: 3, socket: i };
          if (i % 10 === 0) host.add(row('process_open_sockets', 'added', 100 + i, i, seen, 90 + i));
          if (i % 10 === 9) host.add(row('process_open_sockets', 'removed', 100 + i, i, seen, 99 + i));
          host.prune((100 + i - 60) * s);
        }
        return host.socketRows;
      };
      expect(rowsLeft({ ...polled, local_port: 54 })).toBeLessThan(2_000);
      expect(rowsLeft({ ...tuple, protocol: 17 })).toBeLessThan(2_000);
    });
  });

  it('are gone through once as they are let go, however many name the same port or peer', () => {
    const reads = (count: number): number => {
      const { host, states } = stateOf([]);
      const open = { protocol: 17, local_address: '0.0.0.0', local_port: 53, remote_address: '0.0.0.0', pid: 7 };
      for (let i = 0; i < count; i++) {
        const at = 100 + i / 1_000;
        host.add(row('process_open_sockets', 'added', at, 3 * i, { ...open, fd: i, socket: i }, 99));
        host.add(row('process_open_sockets', 'removed', at + 100, 3 * i + 1, { ...open, fd: i, socket: i }, at));
        const call = { ...tuple, protocol: 17, action: 'connect', pid: 7, local_port: 0, local_address: '' };
        host.add(row('socket_events', 'event', at, 3 * i + 2, call));
      }
      const read = vi.spyOn(states.rows, 'time');
      host.prune(1_000 * s);
      expect(host.socketRows).toBe(0);
      return read.mock.calls.length;
    };
    expect(reads(2_000)).toBeLessThan(2.1 * reads(1_000));
  });

  it('are let go too where they tell of datagrams of many peers to a socket that stands', () => {
    const { host, states } = stateOf([
      row('socket_events', 'event', 1, 0, {
        ...tuple,
        remote_address: '',
        remote_port: 0,
        action: 'bind',
        pid: 7,
        socket: '9',
      }),
    ]);
    for (let i = 0; i < 5_000; i++) {
      const from = { ...tuple, remote_port: 1 + i, protocol: 17, socket: '9', pid: 7 };
      host.add(row('socket_events', 'event', 100 + i, 1 + i, { ...from, action: i % 2 === 0 ? 'receive' : 'send' }));
      host.prune((100 + i - 60) * s);
    }
    expect(host.socketRows).toBeLessThan(400);
    expect(states.tuples.size).toBeLessThan(400);
    const connects = stateOf([]);
    for (let i = 0; i < 1_000; i++) {
      const to = { ...tuple, remote_port: 1 + i, protocol: 17, socket: String(i + 1), pid: 7 };
      connects.host.add(row('socket_events', 'event', 100 + i, i, { ...to, action: 'connect' }));
      connects.host.prune((100 + i - 60) * s);
    }
    // A socket may be connected for long.
    expect(connects.host.socketRows).toBe(1_000);
  });

  it("make an address the host's own until it reports its interfaces", () => {
    const { host } = stateOf(rows);
    expect(host.addresses.had('192.0.2.1', 1 * s, 1 * s)).toBe('surely');
    host.add(row('interface_addresses', 'added', 10, 0, { interface: 'eth0', address: '192.0.2.9' }, 5));
    host.add(row('interface_addresses', 'removed', 30, 1, { interface: 'eth0', address: '192.0.2.9' }, 20));
    expect(host.addresses.had('192.0.2.1', 1 * s, 1 * s)).toBe('no');
    expect([4, 7, 15, 25, 31].map((at) => host.addresses.had('192.0.2.9', at * s, at * s))).toEqual([
      'no',
      'maybe',
      'surely',
      'maybe',
      'no',
    ]);
  });

  it('without a process, or of another family, are no facts', () => {
    const { host, states } = stateOf([]);
    const { local_port: _, ...noPort } = tuple;
    for (const columns of [
      { ...tuple, action: 'connect' },
      { ...tuple, action: 'connect', pid: 7, family: 1 },
      { ...noPort, action: 'bind', pid: 7 },
    ]) {
      expect(host.add(row('socket_events', 'event', 1, 0, columns))).toBe('nothing');
    }
    expect(states.counters.rowsIgnored).toBe(3);
  });
});

describe('the bounds of what is known of a host besides', () => {
  const address = (name: string, action: 'added' | 'removed' = 'added', seq = 1) =>
    row('interface_addresses', action, action === 'added' ? 1 : 5, seq, { interface: 'eth0', address: name }, 1);

  it('refuse further addresses of its interfaces, counted, and still hear of those that it has', () => {
    const { host, states } = stateOf([], { ...defaultHostLimits, addresses: 2 });
    for (const name of ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4']) host.add(address(name));
    expect(states.counters.addressRowsRefused).toBe(2);
    expect(host.addresses.had('192.0.2.3', 2 * s, 2 * s)).toBe('no');
    host.add(address('192.0.2.1', 'removed', 2));
    expect(host.addresses.had('192.0.2.1', 9 * s, 9 * s)).toBe('no');
    expect(states.counters.addressRowsRefused).toBe(2);
  });

  it('refuse further addresses that sockets show, however many a host makes up', () => {
    const { host, states } = stateOf([], { ...defaultHostLimits, addresses: 2 });
    for (let n = 1; n <= 9; n++) {
      const columns = { ...tuple, pid: 7, local_address: `192.0.2.${n}`, net_namespace: '4026531840' };
      host.add(row('socket_events', 'event', 1, n, { ...columns, action: 'connect' }));
    }
    expect(host.addresses.size).toBe(2);
    expect(states.counters.addressRowsRefused).toBe(7);
    expect(states.addresses.get('192.0.2.9')?.hosts).toBeUndefined();
  });

  it('refuse further users, counted, and still hear of the names of those that it has', () => {
    const { host, states } = stateOf([], { ...defaultHostLimits, users: 1 });
    const user = (uid: number, username: string) => row('users', 'added', 1, uid, { uid, username });
    host.add(user(0, 'root'));
    host.add(user(1, 'daemon'));
    expect([host.user(1), states.counters.userRowsRefused]).toEqual([{ uid: 1 }, 1]);
    host.add(user(0, 'admin'));
    expect(host.user(0)).toEqual({ uid: 0, name: 'admin' });
    expect(states.counters.userRowsRefused).toBe(1);
  });
});

describe('the processes of a host', () => {
  it('leave nothing behind when their rows went at the bound', () => {
    const { host } = stateOf([], { ...defaultHostLimits, socketRows: 500, processRows: 500 });
    for (let pid = 1; pid <= 60_000; pid++) {
      host.add(row('process_events', 'event', pid, pid, { pid, syscall: 'execve', path: '/bin/true' }));
      if (pid % 100 === 0) host.prune((pid - 1_000) * s);
    }
    expect(host.processes.rows).toBeLessThanOrEqual(500);
    expect(host.processes.partialPids).toBeLessThan(6_000);
  });

  it('are known in part as long as a row is left of those that went at the bound', () => {
    const { host } = stateOf([], { ...defaultHostLimits, socketRows: 500, processRows: 500 });
    const exec = (at: number, seq: number) =>
      host.add(row('process_events', 'event', at, seq, { pid: 7, syscall: 'execve', path: '/bin/true' }));
    exec(1, 1);
    for (let pid = 100; pid < 600; pid++) {
      host.add(row('process_events', 'event', 2, pid, { pid, syscall: 'execve', path: '/bin/true' }));
    }
    exec(3, 1_000);
    expect(host.processes.partialPids).toBeGreaterThan(0);
    expect(host.processes.at(7, 4 * s, 4 * s)).toBeUndefined();
  });

  it('that stand are known after any number of others came and went', () => {
    const { host } = stateOf([], { ...defaultHostLimits, processRows: 500 });
    for (let pid = 1; pid <= 50; pid++) {
      host.add(row('processes', 'added', 10, pid, { pid, start_time: 5, path: '/usr/sbin/server', cmdline: 'server' }));
      host.add(row('process_events', 'event', 11, pid, { pid: 100 + pid, syscall: 'execve', path: '/bin/started' }));
    }
    for (let n = 0; n < 10_000; n++) {
      const pid = 1_000 + n;
      for (const [at, syscall] of ['fork', 'execve', 'exit'].entries()) {
        host.add(row('process_events', 'event', 20 + n, 100 + 3 * n + at, { pid, syscall, path: '/bin/true' }));
      }
    }
    expect(host.processes.rows).toBe(500);
    const at = 10_020 * s;
    const pids = Array.from({ length: 50 }, (_, n) => 1 + n);
    const known = pids.flatMap((pid) => [
      host.processes.at(pid, at, at)?.cmdline === 'server',
      host.processes.at(100 + pid, at, at)?.path === '/bin/started',
    ]);
    // Of more than 64 in a row one goes, before others come in between.
    expect(known.filter((isKnown) => !isKnown).length).toBeLessThanOrEqual(1);
  });

  it('go in turn where nothing tells of their ends', () => {
    const { host } = stateOf([], { ...defaultHostLimits, processRows: 500 });
    for (let pid = 1; pid <= 1_000; pid++) {
      host.add(row('process_events', 'event', pid, pid, { pid, syscall: 'execve', path: '/bin/true' }));
    }
    const known = Array.from({ length: 1_000 }, (_, n) => 1 + n).filter(
      (pid) => host.processes.history(pid) !== undefined,
    );
    expect(known).toEqual(Array.from({ length: 500 }, (_, n) => 501 + n));
  });
});

describe('a host that is watched anew', () => {
  const open = {
    pid: 7,
    fd: 3,
    protocol: 17,
    remote_address: '192.0.2.2',
    remote_port: 443,
    local_address: '192.0.2.1',
  };
  const free = { pid: 7, fd: 3, protocol: 17, remote_address: '0.0.0.0', remote_port: 0, local_address: '0.0.0.0' };
  const polled = ['process_open_sockets', 'processes', 'interface_addresses', 'packet_sockets'] as const;

  /** In each of its runs, of 100 s, the first poll shows what no other one does, beside what all of them show. */
  function watched(runs: number) {
    const { host, states } = stateOf([]);
    let seq = 0;
    const shows = <T extends HostTable>(table: T, at: number, columns: Columns<T>) =>
      host.add(row(table, 'added', at, seq++, columns));
    for (let run = 0; run < runs; run++) {
      const at = 100 * run;
      const streams = polled.map((table) => ({ stream: table, table }));
      states.seen(host, { kind: 'host', host: 'a', streams, from: at * s });
      for (let n = 1; n <= 40; n++) {
        shows('process_open_sockets', at, { ...open, socket: n, local_port: n });
        shows('process_open_sockets', at, { ...free, socket: 50 + n, local_port: 50 + n });
      }
      shows('processes', at, { pid: 7, path: '/bin/a', start_time: 1, parent: 1 });
      for (let n = 100 * run; n < 100 * (run + 1); n++) {
        const socket = 100 + n;
        shows('process_open_sockets', at, { ...open, socket, local_port: socket });
        shows('process_open_sockets', at, { ...free, socket: 100_000 + n, local_port: 20_000 + n });
        shows('processes', at, { pid: 1_000 + n, path: '/bin/a', start_time: 1, parent: 1 });
        shows('packet_sockets', at, { pid: 1_000 + n, fd: 3, socket, protocol: 3 });
        const call = { ...open, action: 'bind', socket: 200_000 + n, local_port: 40_000 + n };
        const { remote_address: _, remote_port: __, ...bind } = call;
        host.add(row('socket_events', 'event', at + 1, seq++, { ...bind, fd: '3', socket: `${call.socket}` }));
      }
      for (const table of polled) host.progress.complete(table, (at + 50) * s);
      host.prune((at - 10) * s);
      host.progress.timedOut((at + 50) * s);
    }
    return host;
  }

  it('lets go of what the runs before had told that is gone, and keeps what stands', () => {
    const host = watched(50);
    // A sweep comes after as many rows as are kept, which are those of two runs.
    expect(host.socketRows).toBeLessThan(4 * (300 + 80));
    expect(host.processes.rows).toBeLessThan(4 * 100);
    expect(host.boundTo(17, 52)).toMatchObject([{ pid: 7, openHi: 0 }]);
    expect(host.processes.at(7, 4_940 * s, 4_940 * s)).toMatchObject({ path: '/bin/a' });
    expect(host.packetSockets.holders(4_940 * s, 4_940 * s)).toHaveLength(100);
  });
});
