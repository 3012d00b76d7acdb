import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketBatch } from '../../src/capture/packet-batch.js';
import { Sums, sumBytes } from '../../src/decode/checksum.js';
import { checksumKernel, KERNEL_BYTES } from '../../src/decode/checksum-kernel.js';
import { naiveSum } from '../conn/traffic.js';

describe('the checksum kernel', () => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true });
  const batch = new PacketBatch(1 << 18, { buffer: memory.buffer, memory, offset: 64 });
  const sums = new Sums();
  sums.use(batch);

  it('sums packets of a batch as the loop does, at every offset and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(70), (data, at) => {
        batch.bytes.set(data, at);
        expect(sums.sum(batch.view, at, data.length)).toBe(naiveSum(data));
      }),
    );
  });

  it('keeps every carry of the greatest length, and leaves longer ones to the loop', () => {
    batch.bytes.fill(0xff);
    for (const length of [KERNEL_BYTES, KERNEL_BYTES + 1, KERNEL_BYTES + 2]) {
      expect(sums.sum(batch.view, 3, length)).toBe(sumBytes(batch.view, 3, length));
    }
    expect(checksumKernel(memory)(64, KERNEL_BYTES)).toBe(((KERNEL_BYTES - 1) / 2) * 65_535 + 255);
  });

  it('leaves bytes outside of the memory to the loop', () => {
    const data = Uint8Array.of(1, 2, 3);
    expect(sums.sum(new DataView(data.buffer), 0, 3)).toBe(naiveSum(data));
  });
});
