import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSeconds } from '../../src/core/time.js';
import { ascii, LineBuffer } from '../../src/outputs/line-buffer.js';

function written(write: (line: LineBuffer) => void): string {
  const line = new LineBuffer();
  write(line);
  return line.toString();
}

describe('LineBuffer', () => {
  it('prints integers as String does', () => {
    const edges = [0, 9, 10, 99, 100, 999_999_999, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, -1];
    for (const value of edges) expect(written((line) => line.integer(value))).toBe(String(value));
    fc.assert(
      fc.property(fc.oneof(fc.nat(), fc.maxSafeInteger()), (value) => {
        expect(written((line) => line.integer(value))).toBe(String(value));
      }),
    );
  });

  it('prints times as formatSeconds does', () => {
    for (const us of [0, 1, 999_999, 1_000_000, -1, -1_000_001]) {
      expect(written((line) => line.seconds(us))).toBe(formatSeconds(us));
    }
    fc.assert(
      fc.property(fc.integer({ min: -1e15, max: 8e15 }), (us) => {
        expect(written((line) => line.seconds(us))).toBe(formatSeconds(us));
      }),
    );
  });

  it('quotes any text as JSON.stringify does', () => {
    for (const text of ['', 'plain', '"', 'a\\b', 'tab\t', '\u007f', 'ä€𝄞', '\ud800', 'x'.repeat(5_000)]) {
      expect(written((line) => line.quoted(text))).toBe(JSON.stringify(text));
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(written((line) => line.quoted(text))).toBe(JSON.stringify(text));
      }),
    );
  });

  it('joins pieces, plain and any text, and grows', () => {
    const long = 'ä€𝄞"'.repeat(5_000);
    const text = written((line) => {
      line.piece(ascii('{"name":'));
      line.plain('abc');
      line.text(long);
      line.reserve(3);
      line.plain('end');
    });
    expect(text).toBe(`{"name":abc${long}end`);
  });

  it('copies what was written, whatever lies behind it', () => {
    const line = new LineBuffer(Buffer.alloc(64, 0xff));
    line.plain('..until the end');
    const words = new DataView(new ArrayBuffer(32));
    line.copyTo(words, 8, 2);
    expect(Buffer.from(words.buffer).toString()).toBe(`${'\0'.repeat(8)}until the end${'\0'.repeat(11)}`);
    line.length = 0;
    line.copied(words, 8, 13);
    expect(line.toString()).toBe('until the end');
  });
});
