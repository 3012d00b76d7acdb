import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostStreams, StreamPool } from '../../../src/hosts/state/host-streams.js';

describe('the streams of a host', () => {
  it('are found by their names, in whatever order these are asked for, few and many', () => {
    const step = fc.record({ name: fc.integer({ min: 0, max: 40 }), isNew: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const pool = new StreamPool();
        const streams = new HostStreams();
        const known = new Map<string, number>();
        for (const { name: number, isNew } of steps) {
          const name = `stream ${number}`;
          expect(streams.placeOf(name)).toBe(known.get(name) ?? -1);
          if (!isNew || known.has(name)) continue;
          known.set(name, known.size);
          streams.add(pool.open(name, 'users'));
        }
        for (const [name, place] of known) {
          expect(streams.placeOf(name)).toBe(place);
          expect(streams.all[place]!.name).toBe(name);
        }
      }),
    );
  });

  it('are one for hosts that have the same', () => {
    const pool = new StreamPool();
    expect(pool.open('a', 'users')).toBe(pool.open('a', 'users'));
    expect(pool.open('a', 'processes')).not.toBe(pool.open('a', 'users'));
  });
});
