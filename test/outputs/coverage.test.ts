import { describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import { Coverage } from '../../src/outputs/coverage.js';
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

  it('tells ends apart by protocol, side, host and outcome', () => {
    const coverage = new Coverage();
    coverage.line(line('C1', 0, {}), true);
    const silent = { state: 'unattributed', reason: 'no_socket_seen', host: { id: 'web-2' } } as const;
    coverage.line(line('C2', 0, { orig: silent }), true);
    const udp = line('C3', 0, { orig: { state: 'pending' } });
    coverage.line({ ...udp, connection: { ...udp.connection, proto: 'udp' } }, true);
    const [ends] = coverage.metrics();
    const [c1, c2, c3] = [{}, { reason: 'no_socket_seen', state: 'unattributed' }, { state: 'pending' }];
    expect(ends?.samples).toEqual(
      expect.arrayContaining([
        { labels: { protocol: 'tcp', direction: 'orig', host: 'desk-1', state: 'attributed', ...c1 }, value: 1 },
        { labels: { protocol: 'tcp', direction: 'orig', host: 'web-2', ...c2 }, value: 1 },
        { labels: { protocol: 'udp', direction: 'orig', ...c3 }, value: 1 },
      ]),
    );
    expect(ends?.samples.reduce((sum, { value }) => sum + (value as number), 0)).toBe(6);
    expect(coverage.text('orig', 'udp')).toBe('1 pending');
    expect(coverage.byHost()[0]).toEqual({ host: 'desk-1', ends: 1, attributed: 1 });
  });

  it('counts hosts beyond the bound as one', () => {
    const coverage = new Coverage();
    for (let i = 0; i < limits.coverageHosts + 10; i++) {
      const orig = { state: 'unattributed', reason: 'agent_late', host: { id: `h${i}` } } as const;
      coverage.line(line(`C${i}`, 0, { orig }), true);
    }
    const hosts = coverage.byHost();
    expect(hosts.length).toBeLessThanOrEqual(limits.coverageHosts + 1);
    expect(hosts[0]).toEqual({ host: 'other', ends: 11, attributed: 0 });
  });
});
