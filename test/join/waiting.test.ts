import { describe, expect, it } from 'vitest';
import type { HostState } from '../../src/hosts/state/host-state.js';
import { Newcomers } from '../../src/join/newcomers.js';
import { Turns } from '../../src/join/turns.js';
import { HostWaiting } from '../../src/join/waiting.js';

const HOST = 3;

const told = (eventsUntil: number, detailsUntil: number): HostState =>
  ({ number: HOST, progress: { eventsUntil, socketsUntil: Infinity, detailsUntil } }) as unknown as HostState;

function released(
  waiting: HostWaiting,
  host: HostState,
  turns: Turns,
  withDetails: readonly number[],
  newcomers = new Newcomers(),
): number[] {
  const out: number[] = [];
  const to = (end: number): void => {
    turns.next(end);
    out.push(end);
  };
  waiting.release(
    host,
    turns,
    newcomers,
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

  it('are released as newcomers by the next watermark, and by a later one where they are not due', () => {
    const waiting = new HostWaiting();
    const turns = new Turns();
    const newcomers = new Newcomers();
    const comes = (end: number, host: number, until: number): void => {
      const turn = turns.next(end);
      turns.awaits(end, host, 3, until);
      if (!newcomers.add(host, end, turn, until)) waiting.waitForCalls(end, turn, until);
    };
    for (const end of [3, 1, 2, 4]) comes(end, HOST, 10 * end);
    comes(700, 400, 10);
    turns.next(2);
    expect(released(waiting, told(9, 9), turns, [], newcomers)).toEqual([]);
    // Of the end that waits anew its place in the list is void.
    comes(2, HOST, 35);
    expect(released(waiting, told(30, 30), turns, [], newcomers)).toEqual([3, 1]);
    expect(released(waiting, told(39, 39), turns, [], newcomers)).toEqual([2]);
    comes(3, HOST, 38);
    expect(released(waiting, told(40, 40), turns, [], newcomers)).toEqual([4, 3]);
    expect(released(waiting, told(Infinity, Infinity), turns, [], newcomers)).toEqual([]);
  });
});
