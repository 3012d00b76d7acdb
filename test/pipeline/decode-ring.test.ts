import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingReader, RingWriter, ringMemory } from '../../src/pipeline/decode-ring.js';

function ring() {
  const memory = ringMemory();
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

/** Hands a slot over whose rows begin with `mark`, and gives the address of its rows. */
function give(writer: RingWriter, mark: number): number {
  const slot = writer.claim()!;
  slot.rows.i32[0] = mark;
  writer.publish({
    batch: -1,
    count: mark,
    wireBytes: 2 * mark,
    bytes: 3 * mark,
    readBytes: 4 * mark,
    messages: 0,
    isHashed: mark % 2 === 0,
  });
  return slot.rows.i32.byteOffset;
}

describe('the ring of decoded packets', () => {
  it('hands slots over in order, whatever slots they are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 30 }), (turns) => {
        const { writer, reader } = ring();
        let given = 0;
        let taken = 0;
        for (const [more, fewer] of turns) {
          for (let i = 0; i < more && given - taken < 30; i++) give(writer, ++given);
          for (let i = 0; i < fewer && taken < given; i++) {
            expect(reader.ready()).toBe(true);
            const { decoded, info } = reader.slot;
            taken++;
            expect(decoded.rows.i32[0]).toBe(taken);
            expect(info).toMatchObject({
              count: taken,
              wireBytes: 2 * taken,
              bytes: 3 * taken,
              readBytes: 4 * taken,
              isHashed: taken % 2 === 0,
            });
            reader.done();
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('fills the slot again that was given back last, so that few are used as long as few are needed', () => {
    const { writer, reader } = ring();
    const first = give(writer, 1);
    const second = give(writer, 2);
    expect(second).not.toBe(first);
    reader.done();
    expect(give(writer, 3)).toBe(first);
    reader.done();
    reader.done();
    expect(give(writer, 4)).toBe(first);
    expect(give(writer, 5)).toBe(second);
  });

  it('gives none once the reader wants no more', () => {
    const { writer, reader } = ring();
    give(writer, 1);
    reader.stop();
    expect(writer.claim()).toBeUndefined();
  });

  it('tells the writing end whether it is called or no longer wanted', () => {
    const called = ring();
    called.reader.call();
    called.reader.stop();
    expect(called.writer.untilCalled()).toBe(true);
    const stopped = ring();
    stopped.reader.stop();
    expect(stopped.writer.untilCalled()).toBe(false);
  });
});
