import { describe, expect, it } from 'vitest';
import { ClockEstimator } from '../../src/join/clock.js';
import { UNMEASURED_ERR } from '../../src/join/host-clocks.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import type { ClockSample, HostRow } from '../../src/records/host-row.js';
import { Scene, s, t0 } from './scene.js';

/** Connections at the given seconds from host a to host b, whose clocks are ahead by 3 s and behind by 1.25 s. */
function inputs(starts: readonly number[], resolution: number): { updates: ConnectionUpdate[]; rows: HostRow[] } {
  const scene = new Scene();
  const updates: ConnectionUpdate[] = [];
  const rows: HostRow[] = [];
  scene.join.connection = (update) => void updates.push(update);
  starts.forEach((at, i) => {
    const [port, peer] = [40_000 + i, 443];
    scene.end(`C${i}`, at, 1, `192.0.2.1 ${port} > 192.0.2.2 ${peer}`);
    const tcp = { family: 2, protocol: 6 };
    const [a, b] = ['192.0.2.1', '192.0.2.2'];
    const connect = {
      local_address: a,
      local_port: port,
      remote_address: b,
      remote_port: peer,
      action: 'connect',
      pid: 7,
    };
    const accept = {
      local_address: b,
      local_port: peer,
      remote_address: a,
      remote_port: port,
      action: 'accept',
      pid: 8,
    };
    rows.push(scene.makeRow('a', 'socket_events', 'event', at + 3 - 0.0001, { ...tcp, ...connect }, resolution));
    rows.push(scene.makeRow('b', 'socket_events', 'event', at - 1.25 + 0.002, { ...tcp, ...accept }, resolution));
  });
  return { updates, rows };
}

function estimate({ updates, rows }: { updates: ConnectionUpdate[]; rows: HostRow[] }): ClockSample[] {
  const clocks = new ClockEstimator();
  for (const row of rows) clocks.row(row);
  for (const update of updates) clocks.connection(update);
  return clocks.estimate();
}

describe('the measured clock of a host', () => {
  it.each([1, s])('holds the true difference within its error at a resolution of %d us', (resolution) => {
    const [a, b] = estimate(inputs([10.1, 12.4, 15.9, 17.3, 20.65], resolution));
    expect(a).toMatchObject({ kind: 'clock', host: 'a', capture: 'eth0', from: t0 + 10.1 * s });
    expect(Math.abs(a!.offset - 3 * s)).toBeLessThanOrEqual(a!.err);
    expect(Math.abs(b!.offset + 1.25 * s)).toBeLessThanOrEqual(b!.err);
    expect(a!.err).toBeLessThan(resolution === 1 ? 0.03 * s : 0.5 * s);
  });

  it('is the same whatever the order of the input', () => {
    const { updates, rows } = inputs([10.1, 12.4, 15.9], s);
    expect(estimate({ updates: updates.toReversed(), rows: rows.toReversed() })).toEqual(estimate({ updates, rows }));
  });

  it('is not guessed from a tuple that came up twice, nor where a clock row is there', () => {
    const { updates, rows } = inputs([10], 1);
    const again = { ...updates[0]!, connection: { ...updates[0]!.connection, uid: 'C9', ts: t0 + 50 * s } };
    expect(estimate({ updates: [...updates, again], rows })).toEqual([]);
    const known: HostRow = { kind: 'clock', host: 'a', capture: 'eth0', offset: 0, err: 0, from: t0 };
    expect(estimate({ updates, rows: [known, ...rows] }).map(({ host }) => host)).toEqual(['b']);
  });

  it('is measured from accepts that name only the originator, as audit records have them', () => {
    const { updates, rows } = inputs([10.1, 12.4, 15.9, 17.3, 20.65], s);
    const audit = rows.map((row) => {
      if (row.kind !== 'row' || row.table !== 'socket_events') return row;
      const { local_address, local_port, ...columns } = row.columns;
      return { ...row, columns };
    });
    const [b, ...others] = estimate({ updates, rows: audit });
    expect(others).toEqual([]);
    expect(b).toMatchObject({ host: 'b' });
    expect(Math.abs(b!.offset + 1.25 * s)).toBeLessThanOrEqual(b!.err);
    expect(b!.err).toBeLessThan(0.7 * s);
  });

  it('is never told more loosely than an unmeasured clock is trusted', () => {
    const scene = new Scene();
    const updates: ConnectionUpdate[] = [];
    scene.join.connection = (update) => void updates.push(update);
    scene.end('C1', 10, 30, '192.0.2.1 40000 > 192.0.2.2 443');
    const open = { family: 2, protocol: 6, pid: 7, local_address: '192.0.2.1', local_port: 40_000 };
    const columns = { ...open, remote_address: '192.0.2.2', remote_port: 443, state: 'ESTABLISHED' };
    const seen = scene.makeRow('a', 'process_open_sockets', 'added', 20, columns, s);
    const [a] = estimate({ updates, rows: [seen] });
    expect(a).toMatchObject({ host: 'a', offset: 0 });
    expect(a!.err).toBeLessThanOrEqual(UNMEASURED_ERR + 1000);
  });

  it('is not measured from a socket that waits for an answer, which it may do long after its last packet', () => {
    const scene = new Scene();
    const updates: ConnectionUpdate[] = [];
    scene.join.connection = (update) => void updates.push(update);
    scene.end('C1', 10, 7, '192.0.2.1 40000 > 192.0.2.2 443', { conn_state: 'S0', history: 'S', resp_pkts: 0 });
    const open = { family: 2, protocol: 6, pid: 7, local_address: '192.0.2.1', local_port: 40_000 };
    const columns = { ...open, remote_address: '192.0.2.2', remote_port: 443, state: 'SYN_SENT' };
    const seen = scene.makeRow('a', 'process_open_sockets', 'added', 24, columns, s);
    expect(estimate({ updates, rows: [seen] })).toEqual([]);
  });
});
