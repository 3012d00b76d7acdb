import { describe, expect, it } from 'vitest';
import { Coverage } from '../../src/outputs/summary.js';
import { attributed, connection, noAgent } from './attributed-example.js';

const line = (uid: string, rev: number, ends: Parameters<typeof attributed>[0]) => ({
  ...attributed(ends),
  connection: { ...connection, uid },
  rev,
});

describe('Coverage', () => {
  it('counts each end of a connection by its outcome', () => {
    const coverage = new Coverage();
    coverage.line(line('C1', 0, {}), true);
    coverage.line(line('C2', 0, { orig: noAgent }), true);
    coverage.line(line('C3', 0, { resp: { state: 'unattributed', reason: 'no_socket_seen' } }), true);
    expect(coverage.connections).toBe(3);
    expect(coverage.text('orig')).toBe('2 attributed, 1 no_agent');
    expect(coverage.text('resp')).toBe('2 no_agent, 1 no_socket_seen');
  });

  it('counts a revised connection once, by its last line', () => {
    const coverage = new Coverage();
    coverage.line(line('C1', 0, { orig: { state: 'pending' } }), false);
    coverage.line(line('C1', 1, {}), false);
    coverage.line({ ...line('C1', 2, {}), cause: 'evidence' }, false);
    expect(coverage.connections).toBe(1);
    expect(coverage.text('orig')).toBe('1 attributed');
  });
});
