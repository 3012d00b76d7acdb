import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowStore } from '../../../src/hosts/state/row-store.js';
import { socketFact } from '../../../src/hosts/state/socket-fact.js';
import { freeSocket, packSocket, SocketRecord } from '../../../src/hosts/state/socket-record.js';
import type { AnyTableRow } from '../../../src/records/host-row.js';

type SocketRow = Parameters<typeof socketFact>[0];

const number = fc.constantFrom<unknown>(0, -1, 1, 7, 443, 65_535, 65_536, 2 ** 31, 2 ** 53 - 1, 1.5);
const digits = fc.constantFrom<unknown>(
  '7',
  '0',
  '007',
  '',
  '-1',
  'undefined',
  'NaN',
  '18446744073709551615',
  '4026531840',
);
const address = fc.constantFrom<unknown>(
  '192.0.2.1',
  '0.0.0.0',
  '2001:db8::1',
  '2001:DB8:0::1',
  '::ffff:192.0.2.1',
  '',
  '010.0.0.1',
);
const columns = fc.record(
  {
    pid: fc.constantFrom<unknown>(1, 7, 0x7fff_ffff),
    fd: fc.oneof(number, digits),
    socket: fc.oneof(number, digits),
    family: fc.constantFrom<unknown>(2, 10),
    protocol: fc.constantFrom<unknown>(6, 17, 1, 132, 255),
    local_address: address,
    local_port: number,
    address,
    port: number,
    remote_address: address,
    remote_port: number,
    action: fc.constantFrom<unknown>('connect', 'accept', 'bind', 'listen'),
    state: fc.constantFrom<unknown>('ESTABLISHED', 'LISTEN', ''),
    path: fc.constantFrom<unknown>('/bin/a', ''),
  },
  { requiredKeys: ['pid'] },
);
const row = fc.record({
  kind: fc.constant('row' as const),
  host: fc.constant('a'),
  stream: fc.constant('one'),
  table: fc.constantFrom('socket_events', 'process_open_sockets', 'listening_ports'),
  action: fc.constantFrom('event', 'added', 'removed'),
  time: fc.maxSafeNat(),
  resolution: fc.constantFrom(1, 1_000_000),
  seq: fc.maxSafeNat(),
  columns,
});

describe('a row about a socket', () => {
  it('comes back as it was given, whichever of its columns the record has as what was read of them', () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (given) => {
        const rows = new RowStore();
        rows.origins.addHost('a');
        const kept: { handle: number; row: AnyTableRow }[] = [];
        for (const each of given as unknown as (SocketRow & AnyTableRow)[]) {
          const fact = socketFact(each);
          if (fact === undefined || fact.source === 'close') continue;
          kept.push({ handle: packSocket(rows, fact, 0), row: each });
        }
        for (const { handle, row: each } of kept) {
          expect(new SocketRecord(rows, handle).row).toEqual(each);
          freeSocket(rows, handle);
        }
        expect([rows.texts.size, rows.origins.size]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });

  it('takes 40 bytes when it is a usual connect, besides its texts', () => {
    const rows = new RowStore();
    rows.origins.addHost('a');
    const ends = { local_address: '192.0.2.1', local_port: 40_000, remote_address: '192.0.2.2', remote_port: 443 };
    const usual = { action: 'connect', pid: 7, fd: '3', family: 2, protocol: 6, ...ends };
    const about = { kind: 'row', host: 'a', boot: 'b', stream: 's', table: 'socket_events', action: 'event' } as const;
    const fact = socketFact({ ...about, time: 1, resolution: 1, seq: 1, columns: usual } as SocketRow & AnyTableRow)!;
    expect(rows.shape(packSocket(rows, fact, 0)).words * 4).toBe(40);
  });
});
