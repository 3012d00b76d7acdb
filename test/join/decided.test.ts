import { afterEach, describe, expect, it, vi } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { Decided } from '../../src/join/decided.js';
import { at, connection, ends, Teller } from './world/story.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('an end that one certain call decided', () => {
  it('waits for no watermark any more once its host has told everything of its time, though rows of it were lost', () => {
    const streams = ['socket_events', 'interface_addresses'] as const;
    const host = new Teller('a', { address: '10.0.0.1', streams }).lost('socket_events', -1_000, -900);
    host.socket(-0.1, 'connect', 7, ends('10.0.0.1:40000>10.0.0.2:443')).complete(100);
    const join = new Join({ latenessUs: 60_000_000, attrWaitUs: 0, finalOnly: false, startsKnown: true, emit() {} });
    join.connection(connection(-50_000, 1, '10.0.0.8:1>10.0.0.9:2', { uid: 'C0' }));
    for (const row of host.rows) join.row(row);
    join.connection(connection(0, 10, '10.0.0.1:40000>10.0.0.2:443'));
    join.advance(at(1_000));
    const complete = vi.spyOn(Decided.prototype, 'complete');
    for (let second = 1; second <= 10; second++) {
      for (const stream of streams) join.row({ kind: 'complete', host: 'a', stream, until: at(1_000 * second) });
      join.advance(at(1_000 * second + 500));
    }
    expect(complete.mock.calls.length).toBe(0);
  });
});
