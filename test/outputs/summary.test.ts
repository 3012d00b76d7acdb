import { expect, it } from 'vitest';
import { Coverage } from '../../src/outputs/coverage.js';
import { type RunSummary, summaryText } from '../../src/outputs/summary.js';

const nothing: RunSummary = {
  capture: { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 },
  packetsSkipped: 0,
  weirds: {},
  connectionsEvicted: 0,
  hostRows: 0,
  coverage: new Coverage(),
  alerts: 0,
  ruleProblems: 0,
  losses: {},
  elapsedUs: 0,
};

it('says which lines of host logs told nothing, the most frequent first', () => {
  const unusedKinds = new Map(Array.from({ length: 14 }, (_, i): [string, number] => [`q${i}`, 20 - i]));
  unusedKinds.set('', 30);
  const text = summaryText({ ...nothing, hostLog: { lines: 500, bad: 2, unused: 219, unusedKinds } });
  const told =
    'host log      500 lines, 2 could not be read, 219 tell nothing of owners: ' +
    '30 others, 20 q0, 19 q1, 18 q2, 17 q3, 16 q4, 15 q5, 14 q6, 13 q7, 12 q8, 45 others';
  expect(text.split('\n')).toContain(told);
  expect(summaryText(nothing)).not.toContain('host log');
  expect(summaryText({ ...nothing, hostLog: { lines: 7, bad: 0, unused: 0, unusedKinds: new Map() } })).toContain(
    'host log      7 lines\n',
  );
});
