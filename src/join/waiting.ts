import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import { Appointments } from './appointments.js';
import type { Need } from './evaluation.js';
import type { TrackedEnd } from './tracked.js';

/** The ends that wait for one host, by the watermark that releases them. */
export class HostWaiting {
  readonly #calls = new Appointments();
  readonly #sockets = new Appointments();
  readonly #details = new Appointments();

  wait(end: TrackedEnd, { calls, sockets, details }: Omit<Need, 'host'>): void {
    if (calls !== undefined) this.#calls.push(calls, end);
    if (sockets !== undefined) this.waitForSockets(end, sockets);
    if (details !== undefined) this.waitForDetails(end, details);
  }

  waitForSockets(end: TrackedEnd, until: Micros): void {
    this.#sockets.push(until, end);
  }

  waitForDetails(end: TrackedEnd, until: Micros): void {
    this.#details.push(until, end);
  }

  /** Hands over the ends that the host's watermarks now release, each once if that evaluates it. */
  release(host: HostState, to: (end: TrackedEnd) => void): void {
    const { eventsUntil, socketsUntil, detailsUntil } = host.progress;
    const answersUntil = Math.min(eventsUntil, socketsUntil);
    const isAnyDue =
      this.#calls.first <= eventsUntil || this.#sockets.first <= answersUntil || this.#details.first <= detailsUntil;
    if (!isAnyDue) return;
    const due: TrackedEnd[] = [];
    const turns: number[] = [];
    this.#calls.drain(eventsUntil, due, turns);
    this.#sockets.drain(answersUntil, due, turns);
    this.#details.drain(detailsUntil, due, turns);
    for (let i = 0; i < due.length; i++) if (turns[i] === due[i]!.turn) to(due[i]!);
  }
}
