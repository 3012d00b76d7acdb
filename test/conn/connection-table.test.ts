import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ORDINAL, RECORD_WORDS } from '../../src/conn/record-layout.js';
import { setFlowKey } from '../../src/decode/flow-key.js';
import { Packet } from '../../src/decode/packet.js';
import { PROTO_UDP } from '../../src/decode/transport.js';

const key = { k0: 1, k1: 2 };

/** A packet of the connection with this number. */
function packetOf(number: number, reverse = false): Packet {
  const packet = new Packet();
  packet.proto = PROTO_UDP;
  const ends = [number >>> 4, 0x0a000000 | (number & 15)] as const;
  packet.src3 = ends[reverse ? 1 : 0];
  packet.dst3 = ends[reverse ? 0 : 1];
  packet.sport = reverse ? 53 : 1024 + (number % 60_000);
  packet.dport = reverse ? 1024 + (number % 60_000) : 53;
  setFlowKey(key, packet);
  return packet;
}

describe('the connection table', () => {
  it('agrees with a map, whatever is put in and taken out', () => {
    const step = fc.record({ number: fc.nat(400), isRemoval: fc.boolean(), reverse: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const table = new ConnectionTable(key, 1_000);
        const slots = new Map<number, number>();
        for (const { number, isRemoval, reverse } of steps) {
          const packet = packetOf(number, reverse);
          const found = table.find(packet.i32, packet.base);
          expect(found).toBe(slots.get(number) ?? -1);
          if (found < 0) slots.set(number, table.insert(packetOf(number), false));
          else {
            expect(table.dir).toBe(reverse ? 1 : 0);
            if (isRemoval) {
              table.remove(found);
              slots.delete(number);
            }
          }
        }
        expect(table.count).toBe(slots.size);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['close together', (i: number) => 5_000 - 3 * i],
    ['far apart', (i: number) => 4_000_000_000 - 100_000 * i],
    ['beyond 31 bits', (i: number) => 2 ** 31 + 2 - i],
  ])('gives slots in order of ordinals that are %s', (_name, ordinalOf) => {
    const table = new ConnectionTable(key, 1_000);
    const ordinals = new Map<number, number>();
    for (let i = 0; i < 500; i++) {
      const slot = table.insert(packetOf(i), false);
      table.i32[slot * RECORD_WORDS + ORDINAL] = ordinalOf(i) | 0;
      ordinals.set(slot, ordinalOf(i));
    }
    const told = [...table.slotsByOrdinal()].map((slot) => ordinals.get(slot)!);
    expect(told).toEqual([...ordinals.values()].sort((a, b) => a - b));
    table.clear();
    expect([...table.slotsByOrdinal()]).toEqual([]);
  });
});
