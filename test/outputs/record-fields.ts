import fc from 'fast-check';
import type { ConnectionTable } from '../../src/conn/connection-table.js';
import {
  FLAGS,
  IN_STEP,
  LAST_TIME,
  LETTERS,
  META,
  PORTS,
  RECORD_BYTES,
  RECORD_WORDS,
  SEEN,
  START_TIME,
  TUNNELED,
} from '../../src/conn/record-layout.js';

const word = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, -1, 1, 0xffff, 0x0a00_0001),
);
/** Numbers as a tracker keeps them. */
const count = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(3),
  fc.nat(2_000_000_000),
  fc.constantFrom(0, 999_999_999, 1e9, 2 ** 32),
  // Where another digit comes.
  fc.tuple(fc.nat(15), fc.integer({ min: -1, max: 1 })).map(([digits, more]) => Math.max(0, 10 ** digits + more)),
);
/** A small word for every second value, so that addresses have runs of zeros. */
const sparse = fc.oneof(word, fc.constantFrom(0, 0, 0, 0x1_0000));
/** Types of ICMP in either version, of which most have a counterpart. */
const type = fc.oneof(fc.nat(20), fc.integer({ min: 128, max: 145 }));
const ports = fc.oneof(
  word,
  fc.tuple(type, type).map(([orig, resp]) => (orig << 16) | resp),
);
const protocol = fc.oneof(fc.constantFrom(1, 6, 6, 17, 58, 132), fc.nat(255));

/** What is in a record, as far as its line tells it. */
export const fields = fc.record({
  words: fc.array(sparse, { minLength: RECORD_WORDS, maxLength: RECORD_WORDS }),
  ports,
  meta: fc.tuple(protocol, fc.constantFrom(0, 0, 1 << 8, 1 << 9, 3 << 8)).map(([proto, bits]) => proto | bits),
  flags: word.map((flags) => flags & ~(TUNNELED | IN_STEP)),
  letters: fc.string({ unit: fc.constantFrom(...'^SHADFRGCTWIQXshadfrgctwiqx'), maxLength: 12 }),
  start: count,
  duration: fc.oneof(count, fc.constant(-1)),
  sizes: fc.array(count, { minLength: 6, maxLength: 6 }),
  missed: fc.oneof(fc.constant(0), count),
});
export type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never;

/** Puts them into the record of a slot, whatever it had. */
export function putFields(table: ConnectionTable, slot: number, each: Fields): void {
  const { words, ports: both, meta, flags, letters, start, duration, sizes, missed } = each;
  const { i32, f64, u8 } = table;
  const base = slot * RECORD_WORDS;
  i32.set(words, base);
  i32[base + PORTS] = both;
  i32[base + META] = meta;
  i32[base + FLAGS] = flags;
  i32[base + SEEN] = (words[SEEN]! & 0xffff) | (letters.length << 16);
  f64.set(sizes, (base >> 1) + 8);
  f64[(base >> 1) + START_TIME] = start;
  f64[(base >> 1) + LAST_TIME] = start + duration;
  for (let i = 0; i < letters.length; i++) u8[slot * RECORD_BYTES + LETTERS + i] = letters.charCodeAt(i);
  table.missedBytes.set(slot, missed);
}
