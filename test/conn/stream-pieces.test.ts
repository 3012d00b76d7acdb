import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamPieces } from '../../src/conn/stream/stream-pieces.js';

type Step =
  | readonly ['add', from: number, length: number]
  | readonly ['keep', room: number]
  | readonly ['take', upTo: number];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.constant('add' as const), fc.nat(80), fc.integer({ min: 1, max: 30 })),
  fc.tuple(fc.constant('keep' as const), fc.nat(40)),
  fc.tuple(fc.constant('take' as const), fc.nat(90)),
);

describe('pieces of a stream', () => {
  it('account for every byte that is kept: handed over or let go', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pieces = new StreamPieces();
        let kept = 0;
        for (const [kind, ...values] of steps) {
          if (kind === 'add') {
            pieces.add(values[0]!, new Uint8Array(values[1]!).fill(values[0]!));
            continue;
          }
          if (kind === 'keep') {
            const result = pieces.keep(values[0]!);
            expect(result.kept).toBeLessThanOrEqual(values[0]!);
            kept += result.kept;
            continue;
          }
          // As the assembler does: what is borrowed is given a place of its own or let go before the next packet.
          kept += pieces.keep(Number.POSITIVE_INFINITY).kept;
          while (pieces.position < values[0]!) {
            const before = pieces.position;
            const bytes = pieces.take(values[0]!);
            expect(pieces.position).toBeGreaterThan(before);
            if (bytes !== undefined) expect(bytes.length).toBe(pieces.position - before);
          }
        }
        kept += pieces.keep(Number.POSITIVE_INFINITY).kept;
        expect(pieces.clear()).toBe(kept - pieces.released);
        expect(pieces.clear()).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
