import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameKernel } from '../../src/capture/frame-kernel.js';
import { BYTES_OFFSET, MAX_PACKETS, PacketBatch } from '../../src/capture/packet-batch.js';
import { pcap } from '../../src/capture/pcap-file.js';
import { sharedPlace } from '../../src/capture/shared-memory.js';
import { concat, pcapHeader, pcapRecord, testPacket } from './capture-bytes.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'frames'], { encoding: 'utf8' });

const DATA_BYTES = 1 << 18;
const place = sharedPlace(BYTES_OFFSET + DATA_BYTES);
const plain = new PacketBatch(DATA_BYTES);
const ofMemory = new PacketBatch(DATA_BYTES, place);

/** What a parser makes of a file that comes in two pieces, and where it stopped in each; the batch has `count` packets before. */
function parsed(batch: PacketBatch, file: Uint8Array, start: number, cut: number, count: number) {
  batch.bytes.fill(0);
  batch.count = count;
  batch.bytes.set(file, start);
  const parser = pcap.createParser();
  const first = parser.parse(batch, start, start + Math.min(cut, file.length));
  const second = parser.parse(batch, first, start + file.length);
  const columns = [batch.timeUs, batch.capLen, batch.wireLen, batch.offset, batch.link];
  const packets = columns.map((column) => Array.from(column.subarray(count, batch.count)));
  return { first, second, failure: parser.failure, count: batch.count, packets };
}

const order = fc.record({ little: fc.boolean(), nanos: fc.boolean() });
const record = fc.record({
  length: fc.oneof(fc.nat(80), fc.constantFrom(0, 1, 1500)),
  micros: fc
    .oneof(fc.nat(4e9), fc.constantFrom(0, 2 ** 32 - 1))
    .chain((s) => fc.nat(999_999).map((us) => s * 1e6 + us)),
  wireLen: fc.nat(2 ** 32 - 1),
  /** In place of the header's words, in its own order. */
  spoiled: fc.option(fc.tuple(fc.nat(3), fc.oneof(fc.nat(2 ** 32 - 1), fc.constantFrom(262_144, 262_145, 90))), {
    freq: 12,
  }),
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
        const expected = parsed(plain, bytes, at, cut, count);
        expect(parsed(ofMemory, bytes, at, cut, count)).toEqual(expected);
        if (expected.failure !== undefined) failures++;
      }),
      { numRuns: 1000 },
    );
    expect(failures).toBeGreaterThan(20);
  });
});
