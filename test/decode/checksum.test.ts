import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumBytes } from '../../src/decode/checksum.js';
import { naiveSum } from '../conn/traffic.js';

describe('the ones-complement sum', () => {
  it('equals the sum by 16-bit words at every offset and length', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 2000 });
    fc.assert(
      fc.property(bytes, fc.nat(9), (data, offset) => {
        const at = Math.min(offset, data.length);
        const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
        expect(sumBytes(view, at, data.length - at)).toBe(naiveSum(data.subarray(at)));
      }),
    );
  });

  it('keeps every carry of a datagram of the greatest length', () => {
    const data = new Uint8Array(65_535).fill(0xff);
    expect(sumBytes(new DataView(data.buffer), 0, data.length)).toBe(naiveSum(data));
  });
});
