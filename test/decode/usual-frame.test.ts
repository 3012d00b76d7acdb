import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WeirdCounts } from '../../src/core/weird.js';
import { Sums } from '../../src/decode/checksum.js';
import { Decoder } from '../../src/decode/decoder.js';
import { Packet, ROW_SOURCE, ROW_WORDS, VERSION } from '../../src/decode/packet.js';
import { decodeUsualFrame } from '../../src/decode/usual-frame.js';
import { ethernet, ip, tcpSegment } from '../conn/traffic.js';
import { MAC_BYTES, tcpFrame } from './tcp-frames.js';

const key = { k0: 0x01234567, k1: 0x89abcdef | 0 };
const RAW_IP = 101;
const ETHERNET = 1;
/** The frame does not start where the buffer does. */
const AT = 6;

interface Decoded {
  readonly belongs: boolean;
  readonly row: number[];
  readonly weirds: Readonly<Record<string, number>>;
}

function decode(bytes: Uint8Array, wire: number, skip: number, type: number, verify: boolean): Decoded {
  const buffer = new Uint8Array(AT + bytes.length);
  buffer.set(bytes, AT);
  const weird = new WeirdCounts(false);
  const packet = new Packet();
  // What an IPv6 packet left in the row.
  packet.i32.fill(6);
  packet.depth = 0;
  const view = new DataView(buffer.buffer);
  const decoder = new Decoder(verify, key, weird);
  const belongs = decoder.decode(packet, view, type, AT + skip, bytes.length - skip, wire - skip);
  const row = Array.from(packet.i32.subarray(2, ROW_WORDS));
  return { belongs, row: belongs ? row : [], weirds: weird.snapshot() };
}

describe('a usual frame', () => {
  it.each([true, false])('is decoded as its layers are, one after the other (checksums verified: %s)', (verify) => {
    let usual = 0;
    let others = 0;
    fc.assert(
      fc.property(tcpFrame, ({ bytes, wire }) => {
        const layers = decode(bytes, wire, MAC_BYTES, RAW_IP, verify);
        expect(decode(bytes, wire, 0, ETHERNET, verify)).toEqual(layers);
        const rows = new Int32Array(ROW_WORDS);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const isUsual = decodeUsualFrame(rows, 0, view, 0, bytes.length, wire, verify, new Sums(), key);
        if (isUsual) usual++;
        else others++;
        if (isUsual) expect([layers.belongs, layers.weirds, rows[VERSION], rows[ROW_SOURCE]]).toEqual([true, {}, 4, 0]);
      }),
      { numRuns: 3000 },
    );
    // Neither kind is rare.
    expect(usual).toBeGreaterThan(600);
    expect(others).toBeGreaterThan(600);
  });

  it('is left to the layers where the capture says more than the buffer holds', () => {
    const bytes = ethernet(
      ip({
        src: '192.0.2.1',
        dst: '192.0.2.2',
        proto: 6,
        payload: tcpSegment({ sport: 1, dport: 2, seq: 1, flags: 'A' }),
      }),
    );
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    expect(decodeUsualFrame(new Int32Array(ROW_WORDS), 0, view, 0, bytes.length + 1, 60, true, new Sums(), key)).toBe(
      false,
    );
  });
});
