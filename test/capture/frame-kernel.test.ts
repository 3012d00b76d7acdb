import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CaptureFormat } from '../../src/capture/capture-format.js';
import { frameKernel, totalOf } from '../../src/capture/frame-kernel.js';
import { BYTES_OFFSET, MAX_PACKETS, PacketBatch } from '../../src/capture/packet-batch.js';
import { pcap } from '../../src/capture/pcap-file.js';
import { pcapng } from '../../src/capture/pcapng-file.js';
import { sharedPlace } from '../../src/capture/shared-memory.js';
import {
  concat,
  enhancedPacket,
  interfaceBlock,
  obsoletePacket,
  option,
  pcapHeader,
  pcapngBlock,
  pcapRecord,
  sectionHeader,
  simplePacket,
  testPacket,
} from './capture-bytes.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'frames'], { encoding: 'utf8' });

const DATA_BYTES = 1 << 18;
const place = sharedPlace(BYTES_OFFSET + DATA_BYTES);
const plain = new PacketBatch(DATA_BYTES);
const ofMemory = new PacketBatch(DATA_BYTES, place);

/** What a parser makes of a file that comes in two pieces, and where it stopped in each; the batch has `count` packets before. */
function parsed(
  format: CaptureFormat,
  batch: PacketBatch,
  file: Uint8Array,
  start: number,
  cut: number,
  count: number,
) {
  batch.bytes.fill(0);
  batch.count = count;
  batch.bytes.set(file, start);
  const parser = format.createParser();
  const first = parser.parse(batch, start, start + Math.min(cut, file.length));
  const second = parser.parse(batch, first, start + file.length);
  const columns = [batch.timeUs, batch.capLen, batch.wireLen, batch.offset, batch.link];
  const packets = columns.map((column) => Array.from(column.subarray(count, batch.count)));
  return { first, second, failure: parser.failure, skipBytes: parser.skipBytes, count: batch.count, packets };
}

it('adds up the words of a column, up to the greatest ones, as is done without it', () => {
  expect(frameKernel(place.memory)).toBeDefined();
  for (const batch of [plain, ofMemory]) {
    batch.wireLen.fill(0xffff_ffff);
    batch.wireLen.set([7, 1000, 0x8000_0000, 3], 5);
    expect(totalOf(batch, batch.wireLen, 6, 8)).toBe(0x8000_0000 + 1000);
    expect(totalOf(batch, batch.wireLen, 6, 6)).toBe(0);
    expect(totalOf(batch, batch.wireLen, 0, MAX_PACKETS)).toBe((MAX_PACKETS - 4) * 0xffff_ffff + 0x8000_0000 + 1010);
  }
});

/** Mostly nothing. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
const order = fc.record({ little: fc.boolean(), nanos: fc.boolean() });
const record = fc.record({
  length: fc.oneof(fc.nat(80), fc.constantFrom(0, 1, 1500)),
  micros: fc
    .oneof(fc.nat(4e9), fc.constantFrom(0, 2 ** 32 - 1))
    .chain((s) => fc.nat(999_999).map((us) => s * 1e6 + us)),
  wireLen: fc.nat(2 ** 32 - 1),
  /** In place of the header's words, in its own order. */
  spoiled: rarely(fc.tuple(fc.nat(3), fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(262_144, 262_145, 90)))),
});

/** A section of a pcapng file with two or three interfaces, whose packets come in runs or one by one. */
const section = order.chain(({ little }) => {
  const clock = fc.record({
    linkType: fc.constantFrom(1, 113),
    tsresol: fc.constantFrom(6, 6, 9, 9, 12, 13, 3, 0x86, 0x9e),
    tsoffset: fc.constantFrom(0n, 0n, 0n, 5n, -1_700_000_000n),
  });
  const description = clock.map((options) => interfaceBlock({ ...options, little }));
  const ticks = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.constantFrom(0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n),
    fc.nat(999_999).map((n) => 1_700_000_000_000_000n + BigInt(n)),
  );
  const enhanced = fc
    .record({
      length: fc.oneof(fc.nat(80), fc.constantFrom(0, 1, 1500)),
      interfaceId: fc.oneof({ weight: 30, arbitrary: fc.nat(1) }, { weight: 1, arbitrary: fc.constant(2) }),
      ticks,
      wireLen: fc.nat(2 ** 32 - 1),
      hasOptions: fc.nat(9).map((n) => n === 0),
      /** In place of a word of the block's header. */
      spoiled: rarely(
        fc.tuple(
          fc.nat(6),
          fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(12, 28, 30, 32, 262_144, 262_145, 2 ** 32 - 4)),
        ),
      ),
    })
    .map(({ length, spoiled, hasOptions, wireLen, ...rest }) => {
      const more = hasOptions ? { options: option(1, Buffer.from('a note'), little) } : {};
      const bytes = enhancedPacket({ ...testPacket(length, length), wireLen }, { ...rest, ...more, little });
      if (spoiled !== null) new DataView(bytes.buffer, bytes.byteOffset).setUint32(4 * spoiled[0], spoiled[1], little);
      return bytes;
    });
  const other = fc.constantFrom(
    pcapngBlock(5, new Uint8Array(9), little),
    simplePacket(testPacket(1, 20), little),
    obsoletePacket(testPacket(2, 30), { little }),
    pcapngBlock(0xbad, new Uint8Array(3000), little),
  );
  return fc
    .tuple(
      fc.array(description, { minLength: 2, maxLength: 3 }),
      fc.array(fc.oneof({ weight: 12, arbitrary: enhanced }, { weight: 1, arbitrary: other }), {
        maxLength: 20,
        size: 'max',
      }),
    )
    .map(([descriptions, blocks]) => concat(sectionHeader(little), ...descriptions, ...blocks));
});

describe('the kernel for frames', () => {
  it('is built, and runs on a memory', () => {
    expect([built.stderr, built.status]).toEqual(['', 0]);
    expect(frameKernel(place.memory)).toBeDefined();
    expect(frameKernel(undefined)).toBeUndefined();
  });

  it('finds the records of a pcap file as the parser does without it, whatever they claim', () => {
    let failures = 0;
    const file = fc.tuple(order, fc.array(record, { maxLength: 30 })).map(([options, records]) => {
      const parts = records.map(({ length, micros, wireLen, spoiled }, i) => {
        const bytes = pcapRecord({ ...testPacket(i, length, micros), wireLen }, options);
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        if (spoiled !== null) view.setUint32(4 * spoiled[0], spoiled[1], options.little);
        return bytes;
      });
      return concat(pcapHeader({ ...options, linkType: 0xf000_0071 }), ...parts);
    });
    const start = fc.nat(70).map((more) => BYTES_OFFSET + more);
    const before = fc.constantFrom(0, 0, 3, MAX_PACKETS - 2, MAX_PACKETS);
    fc.assert(
      fc.property(file, start, fc.nat(2000), before, (bytes, at, cut, count) => {
        const expected = parsed(pcap, plain, bytes, at, cut, count);
        expect(parsed(pcap, ofMemory, bytes, at, cut, count)).toEqual(expected);
        if (expected.failure !== undefined) failures++;
      }),
      { numRuns: 1000 },
    );
    expect(failures).toBeGreaterThan(20);
  });

  it('finds the packets of a pcapng file as the parser does without it, whatever its blocks claim', () => {
    let failures = 0;
    let packets = 0;
    const file = fc.array(section, { minLength: 1, maxLength: 3 }).map((sections) => concat(...sections));
    const start = fc.nat(70).map((more) => BYTES_OFFSET + more);
    const before = fc.constantFrom(0, 0, 3, MAX_PACKETS - 2, MAX_PACKETS);
    fc.assert(
      fc.property(file, start, fc.nat(3000), before, (bytes, at, cut, count) => {
        const expected = parsed(pcapng, plain, bytes, at, cut, count);
        expect(parsed(pcapng, ofMemory, bytes, at, cut, count)).toEqual(expected);
        if (expected.failure !== undefined) failures++;
        packets += expected.count - count;
      }),
      { numRuns: 1000 },
    );
    expect(failures).toBeGreaterThan(20);
    expect(packets).toBeGreaterThan(3000);
  });

  it('reads the usual packets of a pcapng file', () => {
    const kernel = frameKernel(place.memory)!;
    const { bytes } = ofMemory;
    for (const little of [true, false]) {
      const options = { little, interfaceId: 3, ticks: 1_700_000_000_123_456_789n };
      const block = enhancedPacket({ ...testPacket(7, 61), wireLen: 99 }, options);
      bytes.set(block, BYTES_OFFSET);
      bytes.set(block, BYTES_OFFSET + block.length);
      const end = BYTES_OFFSET + 2 * block.length - 1;
      const at = kernel.blocks(bytes.byteOffset, BYTES_OFFSET, end, 0, 61, !little, 3, 1000, 101);
      expect(at).toBe(BYTES_OFFSET + block.length);
      const { capLen, link, offset, timeUs, wireLen } = ofMemory;
      expect([timeUs[0], capLen[0], wireLen[0], offset[0], link[0]]).toEqual([
        1_700_000_000_123_456,
        61,
        99,
        BYTES_OFFSET + 28,
        101,
      ]);
      for (const [most, id] of [
        [60, 3],
        [61, 2],
      ] as const)
        expect(kernel.blocks(bytes.byteOffset, BYTES_OFFSET, end, 0, most, !little, id, 1000, 101)).toBe(BYTES_OFFSET);
    }
  });
});
