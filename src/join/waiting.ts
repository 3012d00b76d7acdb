import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { Need } from './evaluation.js';
import { Heap } from './heap.js';
import type { TrackedEnd } from './tracked.js';

interface Appointment {
  readonly at: Micros;
  readonly end: TrackedEnd;
  /** Void unless the end is still in this turn. */
  readonly turn: number;
}

/** The ends that wait for one host, by the watermark that releases them. */
export class HostWaiting {
  readonly #calls = new Heap<Appointment>();
  readonly #sockets = new Heap<Appointment>();
  readonly #details = new Heap<Appointment>();

  wait(end: TrackedEnd, need: Omit<Need, 'host'>): void {
    const { turn } = end;
    if (need.calls !== undefined) this.#calls.push({ at: need.calls, end, turn });
    if (need.sockets !== undefined) this.#sockets.push({ at: need.sockets, end, turn });
    if (need.details !== undefined) this.#details.push({ at: need.details, end, turn });
  }

  /** Hands over the ends that the host's watermarks now release, each once if that evaluates it. */
  release(host: HostState, to: (end: TrackedEnd) => void): void {
    const { eventsUntil, socketsUntil, detailsUntil } = host.progress;
    const due: Appointment[] = [];
    this.#calls.drain(eventsUntil, due);
    this.#sockets.drain(Math.min(eventsUntil, socketsUntil), due);
    this.#details.drain(detailsUntil, due);
    for (const { end, turn } of due) if (turn === end.turn) to(end);
  }
}
