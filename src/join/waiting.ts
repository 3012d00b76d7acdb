import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import { Appointments, DueEnds } from './appointments.js';
import type { Need } from './evaluation.js';
import type { Newcomers } from './newcomers.js';
import type { Turns } from './turns.js';

/** Used again for every watermark; none comes while one is worked off. */
const due = new DueEnds();
const taken: number[] = [];

/** The ends that wait for one host, by number, by the watermark that releases them. */
export class HostWaiting {
  readonly #calls = new Appointments();
  /** Those for which details came first and were not enough. */
  readonly #callsAlone = new Appointments();
  readonly #sockets = new Appointments();
  readonly #details = new Appointments();

  wait(end: number, turn: number, { calls, sockets, details }: Omit<Need, 'host'>): void {
    if (calls !== undefined) this.waitForCalls(end, turn, calls);
    if (sockets !== undefined) this.waitForSockets(end, turn, sockets);
    if (details !== undefined) this.waitForDetails(end, turn, details);
  }

  waitForCalls(end: number, turn: number, until: Micros): void {
    this.#calls.push(until, end, turn);
  }

  waitForSockets(end: number, turn: number, until: Micros): void {
    this.#sockets.push(until, end, turn);
  }

  waitForDetails(end: number, turn: number, until: Micros): void {
    this.#details.push(until, end, turn);
  }

  /**
   * Hands over the ends that the host's watermarks now release, each once if that evaluates it. `mayDoWithDetails`: whether an end that waits
   * for calls is to be looked at once the details have come. `ahead` is told of all before. Newcomers wait for calls too.
   */
  release(
    host: HostState,
    turns: Turns,
    newcomers: Newcomers,
    mayDoWithDetails: (end: number) => boolean,
    ahead: (due: DueEnds) => void,
    to: (end: number) => void,
  ): void {
    const { eventsUntil, socketsUntil, detailsUntil } = host.progress;
    const answersUntil = Math.min(eventsUntil, socketsUntil);
    const eitherUntil = Math.max(eventsUntil, detailsUntil);
    const areNewDue = newcomers.earliest(host.number) <= eitherUntil;
    const isAnyDue =
      areNewDue ||
      this.#calls.first <= eitherUntil ||
      this.#callsAlone.first <= eventsUntil ||
      this.#sockets.first <= answersUntil ||
      this.#details.first <= detailsUntil;
    if (!isAnyDue) return;
    due.count = 0;
    this.#calls.drain(eitherUntil, due);
    if (areNewDue) this.#take(host, turns, newcomers, eitherUntil);
    const either = due.count;
    this.#callsAlone.drain(eventsUntil, due);
    this.#sockets.drain(answersUntil, due);
    this.#details.drain(detailsUntil, due);
    ahead(due);
    for (let i = 0; i < due.count; i++) {
      const end = due.ends[i]!;
      if (!turns.holds(end, due.turns[i]!)) continue;
      if (i < either && due.moments[i]! > eventsUntil && !mayDoWithDetails(end)) {
        this.#callsAlone.push(due.moments[i]!, end, due.turns[i]!);
        continue;
      }
      turns.hasCome(end);
      to(end);
    }
  }

  /** Those of the newcomers that are not due wait as all others do from now on. */
  #take(host: HostState, turns: Turns, newcomers: Newcomers, until: Micros): void {
    const count = newcomers.take(host.number, turns, taken);
    for (let i = 0; i < count; i++) {
      const end = taken[i]!;
      const [turn, at] = [turns.current(end), turns.momentOf(end)];
      if (at <= until) due.add(end, turn, at);
      else this.#calls.push(at, end, turn);
    }
  }
}
