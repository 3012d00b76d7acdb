import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, type FrameTaker } from '../../../src/server/websocket/frame-reader.js';
import { clientFrame } from './client-frame.js';

const MOST = 70_000;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const FINAL = 0x80;

/** What a reader told, as texts. */
class Told implements FrameTaker {
  readonly events: string[] = [];
  text(text: string, bytes: number): void {
    this.events.push(`text ${bytes} ${text}`);
  }
  binary(): void {
    this.events.push('binary');
  }
  ping(data: Buffer): void {
    this.events.push(`ping ${String(data)}`);
  }
  pong(): void {
    this.events.push('pong');
  }
  closing(code: number, reason: string): void {
    this.events.push(`closing ${code} ${reason}`);
  }
  violation(code: number): void {
    this.events.push(`violation ${code}`);
  }
}

/** Reads the bytes in pieces that end at these places, all lent in one and the same memory. */
function told(bytes: Buffer, cuts: readonly number[] = []): string[] {
  const taker = new Told();
  const reader = new FrameReader(taker, MOST);
  const lent = Buffer.alloc(bytes.length);
  let from = 0;
  for (const to of [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]) {
    bytes.copy(lent, 0, from, to);
    reader.read(lent, to - from);
    lent.fill(0xaa);
    from = to;
  }
  return taker.events;
}

const frame = (opcode: number, text: string | Buffer): Buffer => clientFrame(FINAL | opcode, Buffer.from(text));
const closeFrame = (code: number, reason: string | Buffer = ''): Buffer => {
  const data = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
  return clientFrame(FINAL | CLOSE, data);
};

describe('frames', () => {
  const message = fc.oneof(
    fc.record({ opcode: fc.constant(TEXT), text: fc.string({ unit: 'grapheme', maxLength: 40 }) }),
    fc.record({
      opcode: fc.constant(TEXT),
      text: fc.integer({ min: 100, max: MOST }).map((length) => 'x'.repeat(length)),
    }),
    fc.record({ opcode: fc.constantFrom(PING, PONG), text: fc.string({ maxLength: 125 }) }),
    fc.record({ opcode: fc.constant(BINARY), text: fc.string() }),
  );

  it('are the same messages however the bytes come, also in several parts with pings between', () => {
    const messages = fc.array(fc.record({ message, parts: fc.integer({ min: 1, max: 4 }) }), { maxLength: 6 });
    const cuts = fc.array(fc.nat(3 * MOST), { maxLength: 12 });
    fc.assert(
      fc.property(messages, cuts, (list, places) => {
        const frames: Buffer[] = [];
        const expected: string[] = [];
        for (const { message, parts } of list) {
          const { opcode, text } = message;
          const data = Buffer.from(text);
          if (opcode === PING || opcode === PONG) {
            if (data.length > 125) continue;
            frames.push(frame(opcode, text));
            expected.push(opcode === PING ? `ping ${text}` : 'pong');
            continue;
          }
          const each = Math.ceil(data.length / parts);
          for (let part = 0; part < parts; part++) {
            const isLast = part === parts - 1;
            const first = (part === 0 ? opcode : CONTINUATION) | (isLast ? FINAL : 0);
            frames.push(clientFrame(first, data.subarray(part * each, isLast ? data.length : (part + 1) * each)));
            if (isLast) continue;
            frames.push(frame(PING, 'between'));
            expected.push('ping between');
          }
          expected.push(opcode === TEXT ? `text ${data.length} ${text}` : 'binary');
        }
        expect(told(Buffer.concat(frames), places)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('may come byte by byte', () => {
    const bytes = Buffer.concat([
      frame(TEXT, 'é'.repeat(200)),
      frame(TEXT, ''),
      frame(PING, '?'),
      closeFrame(4000, 'end'),
    ]);
    const cuts = Array.from(bytes, (_, i) => i);
    expect(told(bytes, cuts)).toEqual([`text 400 ${'é'.repeat(200)}`, 'text 0 ', 'ping ?', 'closing 4000 end']);
  });

  it('may have a length in more bytes than it needs', () => {
    const bytes = Buffer.concat(
      [2, 8].map((lengthBytes) => clientFrame(FINAL | TEXT, Buffer.from('abc'), 3, lengthBytes)),
    );
    expect(told(bytes)).toEqual(['text 3 abc', 'text 3 abc']);
  });

  it('hold the character that stands for what is no text, if it was sent', () => {
    expect(told(frame(TEXT, '\ufffd'))).toEqual(['text 3 \ufffd']);
  });
});

describe('a close frame', () => {
  it('ends all', () => {
    expect(told(Buffer.concat([closeFrame(1000, 'bye'), frame(TEXT, 'late')]))).toEqual(['closing 1000 bye']);
  });

  it('may have no code', () => {
    expect(told(frame(CLOSE, ''))).toEqual(['closing 1005 ']);
  });

  it.each([1000, 1001, 1003, 1007, 1014, 3000, 4999])('may name %i', (code) => {
    expect(told(closeFrame(code))).toEqual([`closing ${code} `]);
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535])('may not name %i', (code) => {
    expect(told(closeFrame(code))).toEqual(['violation 1002']);
  });
});

describe('nothing more is read after', () => {
  const half = Buffer.from([0xc3]);
  const cases: [string, number, Buffer[]][] = [
    ['a reserved bit', 1002, [clientFrame(FINAL | 0x40 | TEXT, Buffer.from('x'))]],
    ['an unknown opcode', 1002, [frame(3, 'x')]],
    ['an unknown control opcode', 1002, [frame(11, '')]],
    ['a frame without a mask', 1002, [Buffer.from([FINAL | TEXT, 1, 0x78])]],
    ['a control frame in parts', 1002, [clientFrame(PING, Buffer.from('x'))]],
    ['a control frame of 126 bytes', 1002, [frame(PING, Buffer.alloc(126))]],
    ['a continuation of nothing', 1002, [frame(CONTINUATION, 'x')]],
    ['a message within another', 1002, [clientFrame(TEXT, Buffer.from('x')), frame(TEXT, 'y')]],
    ['half a close code', 1002, [frame(CLOSE, Buffer.from([3]))]],
    ['text that is not UTF-8', 1007, [frame(TEXT, half)]],
    ['parts that are not UTF-8 together', 1007, [clientFrame(TEXT, half), frame(CONTINUATION, 'x')]],
    ['a reason that is not UTF-8', 1007, [closeFrame(1000, half)]],
    ['a message that is too long', 1009, [frame(TEXT, Buffer.alloc(MOST + 1))]],
    ['parts that are too long together', 1009, [clientFrame(TEXT, Buffer.alloc(MOST)), frame(CONTINUATION, 'x')]],
  ];
  it.each(cases)('%s: %i', (_, code, frames) => {
    const bytes = Buffer.concat([...frames, frame(TEXT, 'more')]);
    expect(told(bytes)).toEqual([`violation ${code}`]);
    const cuts = Array.from({ length: 300 }, (_, i) => i);
    expect(told(bytes, cuts)).toEqual([`violation ${code}`]);
  });

  it.each([2 ** 31, 2 ** 48, 2 ** 53])('the head alone of a message of %i bytes', (length) => {
    expect(told(clientFrame(FINAL | TEXT, Buffer.alloc(0), length))).toEqual(['violation 1009']);
  });
});
