import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { FollowKernel } from '../../src/conn/follow-kernel.js';
import { ORDINAL, RECORD_BYTES, RECORD_WORDS } from '../../src/conn/record-layout.js';
import { flipRoles } from '../../src/conn/role-flip.js';
import { WeirdCounts } from '../../src/core/weird.js';
import { setFlowKey } from '../../src/decode/flow-key.js';
import { Packet } from '../../src/decode/packet.js';
import { PROTO_UDP } from '../../src/decode/transport.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'follow'], { encoding: 'utf8' });

const key = { k0: 1, k1: 2 };

/** A packet of the connection with this number. */
function packetOf(number: number, reverse = false, version: 4 | 6 = 4): Packet {
  const packet = new Packet();
  packet.version = version;
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
    const action = fc.constantFrom('remove', 'flip');
    const step = fc.record({ number: fc.nat(40), action, reverse: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
        const table = new ConnectionTable(key, 1_000);
        const slots = new Map<number, number>();
        const flipped = new Set<number>();
        for (const { number, action, reverse } of steps) {
          const packet = packetOf(number, reverse);
          const found = table.find(packet.i32, packet.base);
          expect(found).toBe(slots.get(number) ?? -1);
          if (found < 0) slots.set(number, table.insert(packetOf(number), false));
          else {
            expect(table.dir).toBe(reverse !== flipped.has(number) ? 1 : 0);
            if (action === 'flip') {
              flipRoles(table, new WeirdCounts(false), found * RECORD_WORDS);
              if (!flipped.delete(number)) flipped.add(number);
            } else if (action === 'remove') {
              expect(table.hashOf(found)).toBe(packet.hash);
              table.remove(found);
              slots.delete(number);
              flipped.delete(number);
            }
          }
        }
        expect(table.count).toBe(slots.size);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['without code in WebAssembly', (_: ConnectionTable) => undefined],
    ['with it', (table: ConnectionTable) => FollowKernel.over(table)],
  ])('holds all but what was taken out when it grows, %s', (_name, kernelOver) => {
    const table = new ConnectionTable(key, 20_000);
    kernelOver(table);
    expect([built.status, built.stderr]).toEqual([0, '']);
    const slots = new Map<number, number>();
    // Those over IPv6 come late, when the index has grown once without any.
    const versionOf = (number: number) => (number > 6000 && number % 5 === 0 ? 6 : 4);
    for (let number = 0; number < 20_000; number++) {
      slots.set(number, table.insert(packetOf(number, false, versionOf(number)), false));
      if (number % 3 !== 0) continue;
      const gone = number >> 1;
      table.remove(slots.get(gone) ?? slots.get(number)!);
      if (!slots.delete(gone)) slots.delete(number);
    }
    for (let number = 0; number < 20_000; number++) {
      const packet = packetOf(number, number % 2 === 0, versionOf(number));
      expect(table.find(packet.i32, packet.base)).toBe(slots.get(number) ?? -1);
    }
    expect(table.count).toBe(slots.size);
  });

  it.each([
    ['close together', (i: number) => 5_000 - 3 * i],
    ['as great as code in WebAssembly takes', (i: number) => 8191 - 3 * i],
    ['far apart', (i: number) => 4_000_000_000 - 100_000 * i],
    ['beyond 31 bits', (i: number) => 2 ** 31 + 2 - i],
  ])('gives records in order of ordinals that are %s', (_name, ordinalOf) => {
    for (const hasKernel of [false, true]) {
      const table = new ConnectionTable(key, 1_000);
      if (hasKernel) FollowKernel.over(table);
      const ordinals = new Map<number, number>();
      for (let i = 0; i < 500; i++) {
        const slot = table.insert(packetOf(i), false);
        table.i32[slot * RECORD_WORDS + ORDINAL] = ordinalOf(i) | 0;
        ordinals.set(slot, ordinalOf(i));
      }
      for (const slot of [...ordinals.keys()].filter((one) => one % 7 === 3)) {
        table.remove(slot);
        ordinals.delete(slot);
      }
      const places = table.placesByOrdinal(ordinalOf(0) + 1);
      const told = [...places].map((place) => ordinals.get((place - table.recordsAt) / RECORD_BYTES)!);
      expect(places.buffer).toBe(table.memory?.buffer);
      expect(told).toEqual([...ordinals.values()].sort((a, b) => a - b));
    }
  });
});
