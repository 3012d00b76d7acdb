import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../../../src/hosts/state/address-table.js';
import { RowStore } from '../../../src/hosts/state/row-store.js';
import { type SocketFact, socketFact } from '../../../src/hosts/state/socket-fact.js';
import { setForward } from '../../../src/hosts/state/socket-link.js';
import { freeSocket, packSocket } from '../../../src/hosts/state/socket-record.js';
import { type Tuple, TupleTable } from '../../../src/hosts/state/tuple-table.js';

/** No user enters. */
const nobody = (): never => {
  throw new Error('nobody');
};

function fact(local: string, localPort: number, remote: string, remotePort: number, time: number): SocketFact {
  const names = { local_address: local, local_port: localPort, remote_address: remote, remote_port: remotePort };
  const columns = { action: 'connect', pid: 7, protocol: 6, ...names };
  const common = { kind: 'row', host: 'a', stream: 'calls', table: 'socket_events', action: 'event' } as const;
  return socketFact({ ...common, time, resolution: 1, seq: time, columns } as Parameters<typeof socketFact>[0])!;
}

/** Few enough that the same tuple comes up often, and the other way round. */
const endpoint = fc.record({ address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'), port: fc.nat(30) });
const step = fc.record({ a: endpoint, b: endpoint, protocol: fc.constantFrom(6, 17), forget: fc.boolean() });

describe('the table of tuples', () => {
  it('finds what was opened and not forgotten, whichever way round, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3_000, minLength: 100 }), (steps) => {
        const rows = new RowStore();
        const table = new TupleTable(new AddressTable(rows.texts, nobody), rows, { k0: 1, k1: 2 });
        const known = new Map<string, Tuple>();
        for (const { a, b, protocol, forget } of steps) {
          const key = [protocol, ...[`${a.address} ${a.port}`, `${b.address} ${b.port}`].sort()].join();
          const found = table.find(protocol, a.address, a.port, b.address, b.port);
          expect(found).toBe(known.get(key));
          if (!forget) known.set(key, table.open(protocol, b.address, b.port, a.address, a.port));
          else if (found !== undefined) {
            table.forget(found);
            known.delete(key);
          }
        }
        expect(table.size).toBe(known.size);
      }),
      { numRuns: 20 },
    );
  });

  it('knows the rows of sockets by their endpoints, whether a connection has made the tuple an object or not', () => {
    const ends = ['192.0.2.1', '192.0.2.2'] as const;
    const socketStep = fc.record({
      from: fc.nat(1),
      ports: fc.tuple(fc.nat(2), fc.nat(2)),
      what: fc.constantFrom('row', 'row', 'go', 'connect', 'disconnect'),
    });
    fc.assert(
      fc.property(fc.array(socketStep, { maxLength: 200 }), (steps) => {
        const rows = new RowStore();
        const addresses = new AddressTable(rows.texts, nobody);
        const table = new TupleTable<string>(addresses, rows, { k0: 1, k1: 2 });
        const host = rows.origins.addHost('a');
        const latest = new Map<string, number>();
        const connected = new Set<string>();
        for (const [at, { from, ports, what }] of steps.entries()) {
          const [local, remote] = from === 0 ? ends : ([...ends].reverse() as [string, string]);
          const [localPort, remotePort] = ports;
          const key = `${local} ${localPort} ${remote} ${remotePort}`;
          const both = [key, `${remote} ${remotePort} ${local} ${localPort}`].sort().join();
          if (what === 'connect') {
            const tuple = table.open(6, local, localPort, remote, remotePort);
            tuple.connections = 'a connection';
            connected.add(both);
            const isForward = tuple.isForward(addresses.get(local)!, localPort);
            expect(isForward ? tuple.forward : tuple.backward).toBe(latest.get(key) ?? 0);
          } else if (what === 'disconnect') {
            const tuple = table.find(6, local, localPort, remote, remotePort);
            if (tuple !== undefined) {
              tuple.connections = undefined;
              table.forget(tuple);
            }
            connected.delete(both);
          } else {
            const place = table.sockets(6, addresses.open(local), localPort, remote, remotePort);
            const before = place.latest;
            expect(before).toBe(latest.get(key) ?? 0);
            if (what === 'row') {
              const handle = packSocket(rows, fact(local, localPort, remote, remotePort, at), host);
              setForward(rows, handle, place.isForward, 0);
              place.replace(handle);
              latest.set(key, handle);
            } else if (before !== 0) {
              place.replace(0);
              latest.delete(key);
            } else continue;
            if (before !== 0) freeSocket(rows, before);
          }
        }
        const sides = [...latest.keys()].map((key) => {
          const [local, localPort, remote, remotePort] = key.split(' ');
          return [key, `${remote} ${remotePort} ${local} ${localPort}`].sort().join();
        });
        expect(table.size).toBe(new Set([...sides, ...connected]).size);
      }),
      { numRuns: 100 },
    );
  });

  it('grows with what it holds, and keeps no address that nothing names', () => {
    const rows = new RowStore();
    const addresses = new AddressTable(rows.texts, nobody);
    const table = new TupleTable(addresses, rows, { k0: 1, k1: 2 });
    const tuples = Array.from({ length: 5_000 }, (_, i) => table.open(6, '192.0.2.1', i, `198.51.100.${i % 200}`, 443));
    expect(addresses.size).toBe(201);
    for (const [i, tuple] of tuples.entries()) {
      expect(table.find(6, `198.51.100.${i % 200}`, 443, '192.0.2.1', i)).toBe(tuple);
    }
    for (const tuple of tuples) table.forget(tuple);
    expect(table.size).toBe(0);
    expect(addresses.size).toBe(0);
  });

  it('keeps a tuple that a connection or a socket is known by', () => {
    const rows = new RowStore();
    const table = new TupleTable<string>(new AddressTable(rows.texts, nobody), rows, { k0: 1, k1: 2 });
    const tuple = table.open(6, '192.0.2.1', 1, '192.0.2.2', 2);
    tuple.connections = 'a connection';
    table.forget(tuple);
    expect(table.find(6, '192.0.2.2', 2, '192.0.2.1', 1)).toBe(tuple);
  });
});
