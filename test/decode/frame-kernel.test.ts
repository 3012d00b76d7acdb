import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameKernel, KERNEL_SUM_BYTES } from '../../src/capture/frame-kernel.js';
import { BYTES_OFFSET, PacketBatch } from '../../src/capture/packet-batch.js';
import { SharedRoom, sharedPlace } from '../../src/capture/shared-memory.js';
import { WeirdCounts } from '../../src/core/weird.js';
import { BatchDecoder, hashRows } from '../../src/decode/batch-decoder.js';
import { Sums, sumBytes } from '../../src/decode/checksum.js';
import { DECODED_AT_ONCE, DecodedBatch } from '../../src/decode/decoded-batch.js';
import { ROW_BYTES, ROW_VLAN } from '../../src/decode/packet.js';
import { naiveSum } from '../conn/traffic.js';
import { anyFrame, tcpFrame } from './tcp-frames.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'frames'], { encoding: 'utf8' });

const key = { k0: 0x01234567, k1: 0x89abcdef | 0 };
const DATA_BYTES = 1 << 17;
const ROWS_BYTES = DECODED_AT_ONCE * ROW_BYTES;
const place = sharedPlace(1 << 20);
const room = new SharedRoom(place, 0, 1 << 20);
const rowPlace = room.take(ROWS_BYTES);
const ofMemory = {
  batch: new PacketBatch(DATA_BYTES, room.take(BYTES_OFFSET + DATA_BYTES)),
  decoded: new DecodedBatch(rowPlace.buffer, rowPlace.offset, rowPlace.memory),
};
const plain = { batch: new PacketBatch(DATA_BYTES), decoded: new DecodedBatch() };

interface Given {
  readonly bytes: Uint8Array;
  readonly wire: number;
  /** Of the link column. */
  readonly link: number;
  /** Bytes that the capture claims beyond those that are there. */
  readonly beyond?: number;
}

/** What decoding makes of packets [from, to), on rows that had been others'. */
function decode(
  { batch, decoded }: typeof plain,
  frames: readonly Given[],
  from: number,
  left: number,
  verify: boolean,
) {
  let at = BYTES_OFFSET;
  batch.bytes.fill(0);
  for (const [i, { bytes, wire, link, beyond = 0 }] of frames.entries()) {
    batch.bytes.set(bytes, at);
    batch.timeUs[i] = 1.7e15 + i * 1001;
    batch.capLen[i] = bytes.length + beyond;
    batch.wireLen[i] = wire;
    batch.offset[i] = at;
    batch.link[i] = link;
    at += bytes.length;
  }
  batch.count = frames.length;
  decoded.rows.i32.fill(left);
  const weird = new WeirdCounts(true);
  new BatchDecoder({ verifyChecksums: verify, key }, weird).decode(batch, from, frames.length, decoded);
  const { count, wireBytes, isAllInRows, rows } = decoded;
  const sides = [...decoded.sides].map(([i, { view, ...side }]) => [i, { ...side, bytes: view?.byteLength }]);
  return { count, wireBytes, isAllInRows, rows: Array.from(rows.i32), sides, weirds: weird.snapshot() };
}

const ETHERNET = 1;
const RAW_IP = 101;
const LINUX_SLL = 113;
const MAC_BYTES = 12;

/** The type and the control field of a tag. */
const tag = fc.tuple(fc.constantFrom(0x8100, 0x8100, 0x88a8, 0x9100), fc.nat(0xffff));
/** Ethernet frames with tags before their type, mostly one, some of them cut. */
const tagged: fc.Arbitrary<Given> = fc
  .tuple(
    fc.oneof(tcpFrame, anyFrame),
    fc.oneof({ weight: 6, arbitrary: fc.tuple(tag) }, { weight: 1, arbitrary: fc.tuple(tag, tag) }),
    fc.constantFrom(0, 0, 0, 0, 1, 6, 20),
  )
  .map(([{ bytes, wire }, tags, cut]) => {
    const added = tags.flatMap(([type, control]) => [type >> 8, type & 255, control >> 8, control & 255]);
    const whole = Uint8Array.of(...bytes.subarray(0, MAC_BYTES), ...added, ...bytes.subarray(MAC_BYTES));
    return {
      bytes: whole.subarray(0, Math.max(0, whole.length - cut)),
      wire: wire + added.length,
      link: ETHERNET,
    };
  });

/** What Linux cooks of such frames when all interfaces are captured on: its header has two bytes more. */
const cooked: fc.Arbitrary<Given> = fc.oneof(tcpFrame, anyFrame, tagged).map(({ bytes, wire }) => ({
  bytes: Uint8Array.of(0, 0, 0, 1, ...bytes.subarray(2)).subarray(0, bytes.length + 2),
  wire: wire + 2,
  link: LINUX_SLL,
}));

const given: fc.Arbitrary<Given> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc
      .tuple(tcpFrame, fc.constantFrom(ETHERNET, ETHERNET, ETHERNET | (3 << 16), RAW_IP))
      .map(([frame, link]) => ({ ...frame, link })),
  },
  { weight: 20, arbitrary: anyFrame.map((frame) => ({ ...frame, link: ETHERNET })) },
  { weight: 40, arbitrary: tagged },
  { weight: 20, arbitrary: cooked },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.uint8Array({ maxLength: 90 }), fc.nat(2 ** 32 - 1))
      .map(([bytes, wire]) => ({ bytes, wire, link: ETHERNET })),
  },
  // It claims more than the batch has.
  { weight: 1, arbitrary: tcpFrame.map((frame) => ({ ...frame, link: ETHERNET, beyond: 2 ** 31 })) },
);

describe('the kernel for frames', () => {
  it('is built', () => {
    expect([built.stderr, built.status]).toEqual(['', 0]);
    expect(frameKernel(place.memory)).toBeDefined();
  });

  it.each([true, false])('makes the rows that the decoder makes without it (checksums verified: %s)', (verify) => {
    let usual = 0;
    let usualTagged = 0;
    let usualCooked = 0;
    let others = 0;
    const frames = fc.array(given, { minLength: 1, maxLength: 20, size: 'max' });
    fc.assert(
      fc.property(frames, fc.nat(3), fc.constantFrom(0, 4, 6, -1), (list, skipped, left) => {
        const from = Math.min(skipped, list.length - 1);
        const result = decode(ofMemory, list, from, left, verify);
        expect(result).toEqual(decode(plain, list, from, left, verify));
        const { batch, decoded } = ofMemory;
        const { byteOffset, byteLength } = batch.bytes;
        const kernel = frameKernel(batch.memory)!;
        for (let i = from; i < list.length; i++) {
          const next = kernel.frames(byteOffset, byteLength, i, i + 1, decoded.address, verify);
          if (next === i) others++;
          else if (batch.link[i] === LINUX_SLL) usualCooked++;
          else if (decoded.rows.i32[ROW_VLAN] !== -1) usualTagged++;
          else usual++;
        }
      }),
      { numRuns: 1000 },
    );
    // No kind is rare.
    expect(usual).toBeGreaterThan(500);
    expect(usualTagged).toBeGreaterThan(300);
    expect(usualCooked).toBeGreaterThan(100);
    expect(others).toBeGreaterThan(1000);
  });

  it('leaves hashing to who asks for that, where all are usual frames', () => {
    let left = 0;
    const frame = fc.oneof(tcpFrame, tcpFrame, anyFrame).map((some) => ({ ...some, link: ETHERNET }));
    const frames = fc.array(frame, { minLength: 1, maxLength: 6, size: 'max' });
    fc.assert(
      fc.property(frames, fc.nat(6), (list, first) => {
        const expected = decode(plain, list, 0, 0, false);
        const { batch, decoded } = ofMemory;
        decode(ofMemory, list, 0, 0, false);
        decoded.rows.i32.fill(0);
        const decoder = new BatchDecoder({ verifyChecksums: false, key }, new WeirdCounts(true));
        // In two parts, unless the first has more than its rows say.
        const cut = Math.min(first, list.length);
        decoder.decode(batch, 0, cut, decoded, true);
        if (decoded.sides.size > 0) decoder.decode(batch, 0, list.length, decoded, true);
        else decoder.decode(batch, cut, list.length, decoded, true, true);
        expect(decoded.count).toBe(list.length);
        if (!decoded.isHashed) {
          left++;
          hashRows(decoded, key);
        }
        expect(decoded.isHashed).toBe(true);
        expect(Array.from(decoded.rows.i32)).toEqual(expected.rows);
      }),
      { numRuns: 500 },
    );
    expect(left).toBeGreaterThan(50);
  });

  it('looks at no frame that ends behind its batch, however that is claimed', () => {
    const { batch, decoded } = ofMemory;
    const kernel = frameKernel(batch.memory)!;
    const { byteOffset, byteLength } = batch.bytes;
    batch.link[0] = ETHERNET;
    batch.wireLen[0] = 2 ** 32 - 1;
    const places = [
      [byteLength - 60, 61],
      [byteLength, 60],
      [2 ** 32 - 1, 60],
      [2 ** 32 - 20, 60],
      [BYTES_OFFSET, 2 ** 32 - 1],
      [BYTES_OFFSET, byteLength - BYTES_OFFSET + 1],
    ];
    for (const [offset, captured] of places) {
      [batch.offset[0], batch.capLen[0]] = [offset!, captured!];
      expect(kernel.frames(byteOffset, byteLength, 0, 1, decoded.address, false)).toBe(0);
    }
  });
});

describe('the sums of the kernel for frames', () => {
  const { batch } = ofMemory;
  const sums = new Sums();
  sums.use(batch);

  it('are those of the loop, at every offset and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(70), (data, at) => {
        batch.bytes.set(data, BYTES_OFFSET + at);
        expect(sums.sum(batch.view, BYTES_OFFSET + at, data.length)).toBe(naiveSum(data));
      }),
    );
  });

  it('keep every carry of the greatest length; longer ones are left to the loop', () => {
    batch.bytes.fill(0xff);
    for (const length of [KERNEL_SUM_BYTES, KERNEL_SUM_BYTES + 1, KERNEL_SUM_BYTES + 2]) {
      expect(sums.sum(batch.view, BYTES_OFFSET + 3, length)).toBe(sumBytes(batch.view, BYTES_OFFSET + 3, length));
    }
    const address = batch.bytes.byteOffset + BYTES_OFFSET;
    const expected = ((KERNEL_SUM_BYTES - 1) / 2) * 65_535 + 255;
    expect(frameKernel(batch.memory)!.sum(address, KERNEL_SUM_BYTES)).toBe(expected);
  });

  it('leave bytes outside of the batch to the loop', () => {
    const data = Uint8Array.of(1, 2, 3);
    expect(sums.sum(new DataView(data.buffer), 0, 3)).toBe(naiveSum(data));
  });
});
