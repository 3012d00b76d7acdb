import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from '../../../src/hosts/state/address-table.js';
import { type Tuple, TupleTable } from '../../../src/hosts/state/tuple-table.js';

/** Few enough that the same tuple comes up often, and the other way round. */
const endpoint = fc.record({ address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1'), port: fc.nat(30) });
const step = fc.record({ a: endpoint, b: endpoint, protocol: fc.constantFrom(6, 17), forget: fc.boolean() });

describe('the table of tuples', () => {
  it('finds what was opened and not forgotten, whichever way round, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3_000, minLength: 100 }), (steps) => {
        const table = new TupleTable(new AddressTable(), { k0: 1, k1: 2 });
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

  it('grows with what it holds, and keeps no address that nothing names', () => {
    const addresses = new AddressTable();
    const table = new TupleTable(addresses, { k0: 1, k1: 2 });
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
    const table = new TupleTable<string>(new AddressTable(), { k0: 1, k1: 2 });
    const tuple = table.open(6, '192.0.2.1', 1, '192.0.2.2', 2);
    tuple.connections = 'a connection';
    table.forget(tuple);
    expect(table.find(6, '192.0.2.2', 2, '192.0.2.1', 1)).toBe(tuple);
  });
});
