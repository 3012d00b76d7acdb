import { describe, expect, it } from 'vitest';
import { sensorAddonBuilt } from '../../src/sensor/sensor-addon.js';
import { mayMakeNamespaces } from '../e2e/namespaces.js';
import { measure, table, total } from './accuracy/campaign.js';

/** `npm run accuracy` sets 2,000. */
const processes = Number(process.env.ACCURACY_PROCESSES ?? 240);
const reason = !mayMakeNamespaces ? 'needs root' : sensorAddonBuilt() ? undefined : 'build/sensor.node is not built';

describe.skipIf(reason !== undefined)(`accuracy${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  it(`names process, user, path, arguments and tuple of 99.9 % of what ${processes} processes of 3 to 20 ms did`, async () => {
    const ebpf = await measure('ebpf', processes);
    const poll = await measure('poll', processes);
    console.log(table(ebpf, poll));
    for (const side of ['orig', 'resp'] as const) {
      const { ends, right, misses } = total(ebpf, side);
      expect(ends).toBeGreaterThan(processes / 3);
      expect(right / ends, misses.join('\n')).toBeGreaterThanOrEqual(0.999);
      for (const scores of [ebpf, poll]) expect(total(scores, side).wrong).toBe(0);
    }
  });
});
