import { describe, expect, it } from 'vitest';
import type { HostState } from '../../src/hosts/state/host-state.js';
import { Turns } from '../../src/join/turns.js';
import { HostWaiting } from '../../src/join/waiting.js';

const told = (eventsUntil: number, detailsUntil: number): HostState =>
  ({ progress: { eventsUntil, socketsUntil: Infinity, detailsUntil } }) as unknown as HostState;

function released(waiting: HostWaiting, host: HostState, turns: Turns, withDetails: readonly number[]): number[] {
  const out: number[] = [];
  const to = (end: number): void => {
    turns.next(end);
    out.push(end);
  };
  waiting.release(
    host,
    turns,
    (end) => withDetails.includes(end),
    () => undefined,
    to,
  );
  return out;
}

describe('ends that wait for calls', () => {
  it('are released by details where these will do, else by calls alone, once each', () => {
    const waiting = new HostWaiting();
    const turns = new Turns();
    for (const end of [1, 2, 3]) waiting.waitForCalls(end, turns.next(end), 10 * end);
    expect(released(waiting, told(5, 9), turns, [2])).toEqual([]);
    expect(released(waiting, told(5, 25), turns, [2])).toEqual([2]);
    // The first went on to wait for calls, whatever else is told.
    expect(released(waiting, told(5, 25), turns, [1, 2, 3])).toEqual([]);
    expect(released(waiting, told(9, 29), turns, [])).toEqual([]);
    expect(released(waiting, told(30, 29), turns, [])).toEqual([3, 1]);
    expect(released(waiting, told(Infinity, Infinity), turns, [])).toEqual([]);
  });

  it('are not released by an appointment that is void', () => {
    const waiting = new HostWaiting();
    const turns = new Turns();
    waiting.waitForCalls(1, turns.next(1), 10);
    released(waiting, told(5, 15), turns, []);
    turns.next(1);
    expect(released(waiting, told(15, 15), turns, [])).toEqual([]);
  });
});
