import type { HostState } from '../hosts/state/host-state.js';
import { Appointments } from './appointments.js';
import type { Need } from './evaluation.js';
import type { TrackedEnd } from './tracked.js';

/** The ends that wait for one host, by the watermark that releases them. */
export class HostWaiting {
  readonly #calls = new Appointments();
  readonly #sockets = new Appointments();
  readonly #details = new Appointments();

  wait(end: TrackedEnd, need: Omit<Need, 'host'>): void {
    if (need.calls !== undefined) this.#calls.push(need.calls, end);
    if (need.sockets !== undefined) this.#sockets.push(need.sockets, end);
    if (need.details !== undefined) this.#details.push(need.details, end);
  }

  /** Hands over the ends that the host's watermarks now release, each once if that evaluates it. */
  release(host: HostState, to: (end: TrackedEnd) => void): void {
    const { eventsUntil, socketsUntil, detailsUntil } = host.progress;
    const due: TrackedEnd[] = [];
    const turns: number[] = [];
    this.#calls.drain(eventsUntil, due, turns);
    this.#sockets.drain(Math.min(eventsUntil, socketsUntil), due, turns);
    this.#details.drain(detailsUntil, due, turns);
    for (const [i, end] of due.entries()) if (turns[i] === end.turn) to(end);
  }
}
