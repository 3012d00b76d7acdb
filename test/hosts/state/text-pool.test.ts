import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextPool } from '../../../src/hosts/state/text-pool.js';

/** Some differ in their first characters alone. */
const texts = ['', 'a', 'b', 'path', 'a/path', 'b/path', 'status', '/usr/bin/a', '/usr/sbin/a', 'ü', 'xü'];

describe('the pool of texts', () => {
  it('has each text once, by a number that is its own for as long as it is used', () => {
    const step = fc.record({ text: fc.constantFrom(...texts), how: fc.constantFrom('open', 'open', 'use', 'release') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const pool = new TextPool();
        const known = new Map<string, { id: number; uses: number }>();
        for (const { text, how } of steps) {
          const entry = known.get(text);
          if (how === 'open') {
            const id = pool.open(text);
            if (entry === undefined) known.set(text, { id, uses: 1 });
            else {
              expect(id).toBe(entry.id);
              entry.uses++;
            }
          } else if (entry !== undefined && how === 'use') {
            pool.use(entry.id);
            entry.uses++;
          } else if (entry !== undefined) {
            pool.release(entry.id);
            if (--entry.uses === 0) known.delete(text);
          }
          expect(pool.size).toBe(known.size);
          expect(new Set([...known.values()].map(({ id }) => id)).size).toBe(known.size);
          for (const [one, { id }] of known) {
            expect(id).toBeGreaterThan(0);
            expect(pool.text(id)).toBe(one);
            expect(pool.find(one)).toBe(id);
          }
        }
      }),
    );
  });
});
