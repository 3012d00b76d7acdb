import { describe, expect, it } from 'vitest';
import { StreamProgress } from '../../../src/hosts/state/stream-progress.js';

describe('the progress of a host', () => {
  it('has a gap from a timeout to when the host was seen again, in whatever order both are told', () => {
    for (const isLate of [false, true]) {
      const progress = new StreamProgress();
      progress.seen(0);
      if (isLate) progress.seen(200);
      progress.timedOut(100);
      if (!isLate) progress.seen(200);
      expect(progress.isUnwatched(150, 160)).toBe(true);
      expect(progress.knownUntil(50)).toBe(100);
    }
  });

  it('keeps a watermark that comes before anything else that is told of its stream', () => {
    const [progress, early] = [new StreamProgress(), new StreamProgress()];
    progress.stream('events', 'socket_events');
    expect(progress.complete('events', 50)).toBe(true);
    expect([early.complete('events', 50), early.complete('events', 40)]).toEqual([false, false]);
    early.stream('events', 'socket_events');
    expect([early.eventsUntil, early.complete('events', 50)]).toEqual([50, false]);
    expect(progress.eventsUntil).toBe(50);
  });

  it('has none where the host was seen again right after the timeout: its rows were only late', () => {
    for (const isLate of [false, true]) {
      const progress = new StreamProgress();
      progress.seen(0);
      if (isLate) progress.seen(101);
      progress.timedOut(100);
      if (!isLate) {
        expect(progress.isSilent(100)).toBe(true);
        progress.seen(101);
      }
      expect(progress.isUnwatched(50, 160)).toBe(false);
      expect(progress.isSilent(200)).toBe(false);
      expect(progress.knownUntil(50)).toBe(Infinity);
      expect(progress.hasLost(0, 500)).toBe(false);
      expect(progress.wholeAfter).toBe(-Infinity);
    }
  });

  it('is whole after what was lost, and in the last run of its watcher', () => {
    const progress = new StreamProgress();
    progress.stream('calls', 'socket_events');
    progress.seen(0);
    expect(progress.wholeAfter).toBe(-Infinity);
    progress.timedOut(100);
    expect(progress.wholeAfter).toBe(Infinity);
    progress.seen(200);
    expect(progress.wholeAfter).toBe(199);
    expect([progress.hasLost(150, 300), progress.hasLost(200, 300)]).toEqual([true, false]);
    progress.lost('calls', 210, 220);
    expect(progress.wholeAfter).toBe(220);
    expect([progress.hasLost(215, 300), progress.hasLost(230, 300)]).toEqual([true, false]);
  });

  it('tells until when an address was not there that the first poll of a run shows, if the run before told of a poll', () => {
    const progress = new StreamProgress();
    progress.stream('addresses', 'interface_addresses');
    progress.seen(0);
    progress.looked('addresses', 0, 0);
    progress.polled('addresses', 10, 14);
    progress.timedOut(100);
    progress.seen(160);
    expect(progress.absentUntil('addresses', 160)).toBe(95);
    progress.timedOut(200);
    progress.seen(260);
    expect(progress.absentUntil('addresses', 260)).toBe(-Infinity);
  });
});
