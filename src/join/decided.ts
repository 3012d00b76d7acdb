import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { ProcessMoment } from '../hosts/state/process-history.js';
import type { End } from '../records/attributed-connection.js';
import type { ConnectionView } from './connection-view.js';
import { attributed, type OwnerContext, processOf } from './end-record.js';
import type { HostClock } from './host-clocks.js';
import type { HostKnowledge } from './host-knowledge.js';
import type { OwnerChoice } from './owner-choice.js';

/**
 * One certain call of the full tuple and nothing beside it: whatever other rows say, it owns the end. What may still come is who its
 * process was. Void when a row of the tuple, a clock, a loss or a neighbour of the connection comes.
 */
export class Decided implements OwnerContext {
  readonly host: HostState;
  readonly choice: OwnerChoice;
  readonly clock: HostClock;
  readonly first: Micros;
  readonly firstLatest: Micros;
  readonly detailsMoment: Micros;
  /** The owner's process; undefined until `hasDetails`, and where the rows do not tell for sure. */
  found: ProcessMoment | undefined;
  lastLatest: Micros;
  hasDetails: boolean;
  end: End;

  constructor(choice: OwnerChoice, known: HostKnowledge) {
    this.host = choice.owner.host;
    this.choice = choice;
    this.clock = known.clock;
    this.first = known.first;
    this.firstLatest = known.firstLatest;
    this.detailsMoment = known.detailsMoment;
    this.lastLatest = known.lastLatest;
    this.hasDetails = known.hasDetails;
    this.found = processOf(choice.owner, this);
    this.end = attributed(choice, this, this.found);
  }

  /** Takes in how far the host's streams and the connection have come. Returns whether no row that may still come changes the end. */
  complete(view: ConnectionView): boolean {
    const { progress } = this.host;
    this.lastLatest = Math.max(view.last + this.clock.offset, this.first) + this.clock.err;
    if (!this.hasDetails && progress.detailsUntil >= this.detailsMoment) {
      this.hasDetails = true;
      this.found = processOf(this.choice.owner, this);
      this.end = attributed(this.choice, this, this.found);
    }
    return view.closed || (view.ended && this.isLasting);
  }

  /**
   * Whether no row that may still come changes the end: only on a host that lost nothing, since a removal tells of times long before
   * it, and only when the process is known. All else is looked at once more when the lateness is over.
   */
  get isLasting(): boolean {
    const { progress } = this.host;
    if (!this.hasDetails || Math.min(progress.socketsUntil, progress.eventsUntil) < this.lastLatest) return false;
    return !progress.hasLost(this.lastLatest) && (!progress.hasProcessStream || this.found !== undefined);
  }
}
