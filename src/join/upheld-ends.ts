import type { HostStates } from '../hosts/state/host-states.js';
import type { Evaluation } from './evaluation.js';
import type { Tracked } from './tracked.js';
import type { TrackedEnd } from './tracked-end.js';
import { awaited, type Turns } from './turns.js';

/**
 * Ends that were decided the short way, of sockets that stand, and of which all is told: each would be found again as it was for as long as nothing
 * comes that is counted (StandingNews), hence is not looked at again when it is let go. What has an end looked at before (a row of its tuple, a clock, a
 * neighbour, a translation) voids that with its appointments, whose column is used.
 */
export class UpheldEnds {
  readonly #states: HostStates<Tracked, TrackedEnd>;
  readonly #turns: Turns;

  constructor(states: HostStates<Tracked, TrackedEnd>, turns: Turns) {
    this.#states = states;
    this.#turns = turns;
  }

  /** The end is what was found, and waits for nothing. */
  uphold({ number, tracked, local, localPort, remotePort }: TrackedEnd, { upheld }: Evaluation): void {
    if (upheld === undefined) return;
    const { soleHost } = local;
    const { protocol } = tracked.tuple;
    const { pid, since } = upheld;
    const known = this.#states.standing.uphold(soleHost, protocol, localPort, remotePort, pid, since);
    this.#turns.awaits(number, soleHost, awaited.nothing, known);
  }

  /** Whether it would be found again as its connection is let go. Of that nothing must be less known than before, and no other capture have it. */
  isUpheld({ number, tracked, localPort, remotePort }: TrackedEnd): boolean {
    const turns = this.#turns;
    if (turns.kindOf(number) !== awaited.nothing) return false;
    if (!tracked.knowsEarlier || tracked.elsewhere !== undefined) return false;
    const { protocol } = tracked.tuple;
    const known = turns.momentOf(number);
    return this.#states.standing.isUpheld(turns.hostOf(number), protocol, localPort, remotePort, known);
  }
}
