import { describe, expect, it } from 'vitest';
import { WatchedRuns } from '../../../src/hosts/registry/watched-runs.js';
import type { HostRow } from '../../../src/records/host-row.js';

const streams = [{ stream: 'processes', table: 'processes' }] as const;
const host = (from: number): HostRow => ({ kind: 'host', host: 'h', boot: 'b', streams, from });
const complete = (until: number): HostRow => ({ kind: 'complete', host: 'h', stream: 'processes', until });
const timeout = (at: number): HostRow => ({ kind: 'host_timeout', host: 'h', at });

/** What is told besides these rows. */
const told = (runs: WatchedRuns, ...rows: readonly HostRow[]): HostRow[] => rows.flatMap((row) => runs.take(row) ?? []);

describe('the runs in which a host was watched', () => {
  it('are told anew from the middle of an earlier one without a gap that was not', () => {
    const runs = new WatchedRuns('h');
    expect(told(runs, host(0), complete(10), timeout(10), host(20), complete(30))).toEqual([]);
    expect(runs.giveUp()).toEqual(timeout(30));
    expect(runs.giveUp()).toBeUndefined();
    expect(told(runs, complete(10), timeout(10), host(20), complete(30))).toEqual([]);
    expect(told(runs, complete(40))).toEqual([host(31)]);
    expect(told(runs, timeout(50), host(60))).toEqual([]);
  });

  it('end where they had told of, if they told of more than before they were given up', () => {
    const runs = new WatchedRuns('h');
    told(runs, host(0), complete(10));
    runs.giveUp();
    expect(told(runs, host(0), complete(10), timeout(15))).toEqual([host(11)]);
    expect(runs.giveUp()).toBeUndefined();
  });

  it('have no gap that could be told where the clock was set back between them', () => {
    const runs = new WatchedRuns('h');
    expect(told(runs, host(100), complete(200), host(150), complete(160), complete(210))).toEqual([]);
    expect(told(runs, host(220))).toEqual([timeout(210)]);
  });
});
