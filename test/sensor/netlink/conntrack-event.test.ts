import { endianness } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeConntrack } from '../../../src/sensor/netlink/conntrack-event.js';
import { batchLayout } from '../../../src/sensor/netlink/message-batch.js';

const isLittle = endianness() === 'LE';

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  if (isLittle) bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (isLittle) bytes.writeUInt32LE(value);
  else bytes.writeUInt32BE(value);
  return bytes;
}

/** A netlink attribute, padded to 4 bytes. */
function attribute(type: number, value: Buffer): Buffer {
  const padding = Buffer.alloc((4 - (value.length & 3)) & 3);
  return Buffer.concat([u16(4 + value.length), u16(type), value, padding]);
}

const NESTED = 0x8000;
const port = (value: number) => Buffer.from([value >> 8, value & 0xff]);

function way(type: number, [source, from, destination, to]: readonly [string, number, string, number]): Buffer {
  const address = (text: string) => Buffer.from(text.split('.').map(Number));
  const ip = Buffer.concat([attribute(1, address(source)), attribute(2, address(destination))]);
  const protocol = Buffer.concat([attribute(1, Buffer.from([6])), attribute(2, port(from)), attribute(3, port(to))]);
  return attribute(type | NESTED, Buffer.concat([attribute(1 | NESTED, ip), attribute(2 | NESTED, protocol)]));
}

function message(type: number, flags: number, ...attributes: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from([2, 0, 0, 0]), ...attributes]);
  return Buffer.concat([u32(16 + body.length), u16(type), u16(flags), u32(0), u32(0), body]);
}

function batch(...messages: Buffer[]): ArrayBuffer {
  const bytes = Buffer.concat([Buffer.alloc(batchLayout.batchBytes), ...messages]);
  u32(bytes.length).copy(bytes, batchLayout.bytes);
  return new Uint8Array(bytes).buffer;
}

const original = way(1, ['10.0.0.5', 40_000, '203.0.113.1', 443]);
const translated = way(2, ['203.0.113.1', 443, '198.51.100.1', 61_000]);
const untouched = way(2, ['203.0.113.1', 443, '10.0.0.5', 40_000]);
const columns = {
  protocol: 6,
  original_source: '10.0.0.5',
  original_source_port: 40_000,
  original_destination: '203.0.113.1',
  original_destination_port: 443,
  reply_source: '203.0.113.1',
  reply_source_port: 443,
  reply_destination: '198.51.100.1',
  reply_destination_port: 61_000,
};

describe('messages about tracked connections', () => {
  it('tell of those that are translated, as they begin, end or stand', () => {
    const { events, bad } = decodeConntrack(
      batch(
        message(0x100, 0x600, original, translated),
        message(0x100, 0x600, original, untouched),
        message(0x102, 0, original, translated),
        message(0x100, 2, original, translated),
      ),
    );
    expect(events).toEqual(['began', 'ended', 'standing'].map((kind) => ({ kind, columns })));
    expect(bad).toBe(0);
  });

  it('are counted as bad where they lack a direction or are cut off', () => {
    expect(decodeConntrack(batch(message(0x100, 0, original)))).toMatchObject({ events: [], bad: 1 });
    const cut = batch(message(0x100, 0, original, translated).subarray(0, 60));
    expect(decodeConntrack(cut)).toMatchObject({ events: [], bad: 1 });
    expect(decodeConntrack(new ArrayBuffer(4))).toMatchObject({ events: [], bad: 1 });
  });

  it('never throw, whatever they hold', () => {
    const good = new Uint8Array(batch(message(0x100, 0x600, original, translated), message(0x102, 0, original)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        decodeConntrack(bytes.buffer);
      }),
    );
  });
});
