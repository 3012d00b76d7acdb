import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SECOND } from '../../src/core/time.js';
import { TcpScript, track } from './traffic.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'follow'], { encoding: 'utf8' });

/** Within a bucket, some of them further, and beyond what the wheel spans. */
const span = fc.constantFrom(0, 3, 20_000, SECOND, 400 * SECOND, 700 * SECOND);
/** Of connections: when each begins, its waits, and after how many of its packets nothing more comes. */
const connection = fc.record({
  begins: span,
  waits: fc.array(span, { minLength: 5, maxLength: 5 }),
  packets: fc.integer({ min: 1, max: 6 }),
});

describe('deadlines', () => {
  it('are kept in one order by code in WebAssembly and without, near, far and beyond the wheel', () => {
    expect(built.status, built.stderr).toBe(0);
    let closed = 0;
    fc.assert(
      fc.property(fc.array(connection, { minLength: 1, maxLength: 12 }), span, span, (all, attempt, close) => {
        const frames = all.flatMap(({ begins, waits, packets }, i) => {
          const [second, third, fourth, fifth, last] = waits as [number, number, number, number, number];
          const script = new TcpScript([40_000 + i, 443]).wait(begins).client('S', 0).wait(second).server('SA', 0, 1);
          script.wait(third).client('A', 1, 1).wait(fourth).client('FA', 1, 1);
          return script.wait(fifth).server('FA', 1, 2).wait(last).client('A', 2, 2).frames.slice(0, packets);
        });
        frames.sort((a, b) => a.timeUs - b.timeUs);
        const timeouts = { tcp_attempt_delay: attempt + 1, tcp_close_delay: close + 1 };
        const { updates } = track(frames, { timeouts, key: { k0: 1, k1: 2 } });
        closed += updates.filter(({ connection: { conn_state } }) => conn_state === 'SF').length;
      }),
      { numRuns: 300 },
    );
    expect(closed).toBeGreaterThan(100);
  });
});
