import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LogLine, readLogLines } from '../../../src/hosts/sources/log-lines.js';

async function linesOf(chunks: readonly Buffer[], maxBytes: number): Promise<LogLine[]> {
  async function* each() {
    yield* chunks;
  }
  const lines: LogLine[] = [];
  for await (const batch of readLogLines(each(), maxBytes)) lines.push(...batch);
  return lines;
}

/** The bytes in chunks that end at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
}

describe('the lines of a log', () => {
  it('are the same wherever its chunks end', async () => {
    const parts = [
      '\n',
      '\n',
      '{',
      '}',
      '{\n',
      '  "a": [\n',
      '  ]\n',
      '}\n',
      '{"a":"}{"}',
      '{"é":1}',
      '\r',
      ' ',
      'ü\u{1f600}',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...parts), { maxLength: 30 }),
        fc.array(fc.nat(200), { maxLength: 6 }),
        async (texts, places) => {
          const bytes = Buffer.from(texts.join(''));
          expect(await linesOf(cut(bytes, places), 1000)).toEqual(await linesOf([bytes], 1000));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('have their numbers, lengths in bytes and, where these are not too many, texts', async () => {
    expect(
      await linesOf([Buffer.from('ab\n\n  \nä'), Buffer.from('ä\n12345678\n1234'), Buffer.from('5678\nz')], 7),
    ).toEqual([
      { number: 1, bytes: 2, text: 'ab' },
      { number: 4, bytes: 4, text: 'ää' },
      { number: 5, bytes: 8, text: undefined },
      { number: 6, bytes: 8, text: undefined },
      { number: 7, bytes: 1, text: 'z' },
    ]);
  });
});
