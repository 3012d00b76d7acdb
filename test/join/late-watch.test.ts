import { describe, expect, it } from 'vitest';
import { LateWatch } from '../../src/join/late-watch.js';
import type { HostRow } from '../../src/records/host-row.js';

const second = 1_000_000;
const start = 1_700_000_000 * second;
const lateness = 10 * second;

function userRow(at: number, seq = 1, stream = 'users'): HostRow {
  const columns = { uid: seq };
  return {
    kind: 'row',
    host: 'h',
    stream,
    table: 'users',
    action: 'added',
    time: start + at * second,
    resolution: 1,
    seq,
    columns,
  };
}

function complete(at: number, stream = 'users'): HostRow {
  return { kind: 'complete', host: 'h', stream, until: start + at * second };
}

describe('the watch for late rows', () => {
  it('counts rows that are later than the lateness, and no others', () => {
    const watch = new LateWatch(lateness);
    watch.row(userRow(-1000));
    watch.advance(start + 20 * second);
    watch.row(userRow(10));
    expect([watch.rows, watch.take(true)]).toEqual([0, []]);
    watch.row(userRow(9));
    expect([watch.rows, watch.take(true)]).toEqual([1, [{ host: 'h', from: start + 9 * second }]]);
    expect(watch.take(true)).toEqual([]);
  });

  it('waits until a burst is over, but not for ever', () => {
    const watch = new LateWatch(lateness);
    watch.advance(start + 20 * second);
    watch.row(userRow(5));
    expect(watch.take(false)).toEqual([]);
    watch.advance(start + 22 * second);
    expect(watch.take(false)).toHaveLength(1);
    for (let at = 30; at < 95; at++) {
      watch.advance(start + at * second);
      watch.row(userRow(5, at));
      if (watch.take(false).length > 0) {
        expect(at).toBe(90);
        return;
      }
    }
    expect.fail('it waited on');
  });

  it('takes a watermark that comes late for news of all since the one before', () => {
    const watch = new LateWatch(lateness);
    watch.row(complete(1));
    watch.advance(start + 60 * second);
    watch.row(complete(30));
    expect([watch.rows, watch.take(true)]).toEqual([0, [{ host: 'h', from: start + second }]]);
    watch.row(complete(55));
    expect(watch.take(true)).toEqual([]);
  });

  it('does not take for late what was told before: an engine that starts anew is told it again', () => {
    const before = {
      until: start + 100 * second,
      watermarks: new Map([['h', new Map([['users', start + 50 * second]])]]),
    };
    const watch = new LateWatch(lateness, before);
    watch.row({ kind: 'host', host: 'h', from: start - 1000 * second, streams: [] });
    expect(watch.take(true)).toEqual([{ host: 'h', from: start + 50 * second }]);
    watch.row(userRow(40));
    watch.row(complete(50));
    expect([watch.rows, watch.take(true)]).toEqual([0, []]);
    watch.row(userRow(40, 1, 'more users'));
    expect([watch.rows, watch.take(true)]).toEqual([1, [{ host: 'h', from: start + 40 * second }]]);
    watch.row(userRow(60));
    expect(watch.rows).toBe(2);
  });

  it('knows that a clock may be ahead', () => {
    const watch = new LateWatch(lateness);
    watch.row({ kind: 'clock', host: 'h', capture: 'eth0', offset: 300 * second, err: 0, from: start });
    watch.advance(start + 20 * second);
    watch.row(userRow(309));
    watch.row(userRow(310));
    expect(watch.rows).toBe(1);
  });
});
