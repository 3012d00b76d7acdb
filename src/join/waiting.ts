import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { Need } from './evaluation.js';
import { Heap } from './heap.js';
import type { Tracked } from './tracked.js';

interface Appointment {
  readonly at: Micros;
  readonly tracked: Tracked;
  /** Void unless the connection is still in this turn. */
  readonly turn: number;
}

/** The connections that wait for one host, by the watermark that releases them. */
export class HostWaiting {
  readonly #calls = new Heap<Appointment>();
  readonly #sockets = new Heap<Appointment>();
  readonly #details = new Heap<Appointment>();
  /** Every connection that waits for this host, for rows that may concern each of them (clocks, losses, timeouts). */
  readonly members = new Set<Tracked>();

  wait(tracked: Tracked, need: Need): void {
    this.members.add(tracked);
    const { turn } = tracked;
    if (need.calls !== undefined) this.#calls.push({ at: need.calls, tracked, turn });
    if (need.sockets !== undefined) this.#sockets.push({ at: need.sockets, tracked, turn });
    if (need.details !== undefined) this.#details.push({ at: need.details, tracked, turn });
  }

  /** The connections that the host's watermarks now release. */
  released(host: HostState): Tracked[] {
    const { eventsUntil, socketsUntil, detailsUntil } = host.progress;
    const out: Tracked[] = [];
    drain(this.#calls, eventsUntil, out);
    drain(this.#sockets, Math.min(eventsUntil, socketsUntil), out);
    drain(this.#details, detailsUntil, out);
    return out;
  }
}

function drain(heap: Heap<Appointment>, until: Micros, out: Tracked[]): void {
  for (let due = heap.pop(until); due !== undefined; due = heap.pop(until)) {
    if (due.turn === due.tracked.turn && !due.tracked.gone) out.push(due.tracked);
  }
}
