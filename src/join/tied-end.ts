import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { AmbiguousEnd, AttributedEnd, Candidate } from '../records/attributed-connection.js';
import type { AnyTableRow } from '../records/host-row.js';
import type { OwnedEnd, User } from './owned-end.js';
import { isSameEnd } from './same-end.js';

/** One of several who may own an end. What it does not have it has no property for. */
class TiedEnd implements Candidate {
  readonly method: AttributedEnd['method'];
  readonly host: AttributedEnd['host'];
  declare readonly clock?: NonNullable<AttributedEnd['clock']>;
  readonly process: AttributedEnd['process'];
  declare readonly user?: User;
  declare readonly container?: NonNullable<AttributedEnd['container']>;
  declare readonly from?: Micros;
  declare readonly to?: Micros;
  readonly tie: string;
  readonly #owner: OwnedEnd;

  /** As if it were the owner of the end, with a socket from one moment of the capture to another. */
  constructor(owner: OwnedEnd, from: Micros | undefined, to: Micros | undefined, tie: string) {
    const { clock, user, container } = owner;
    // In the order of the schema, which lines follow.
    this.method = owner.method;
    this.host = owner.host;
    if (clock !== undefined) this.clock = clock;
    this.process = owner.process;
    if (user !== undefined) this.user = user;
    if (container !== undefined) this.container = container;
    if (from !== undefined) this.from = from;
    if (to !== undefined) this.to = to;
    this.tie = tie;
    this.#owner = owner;
  }

  /** See OwnedEnd. */
  get evidence(): AnyTableRow[] {
    return this.#owner.evidence;
  }

  /** Whether it is known by the same rows. */
  isOfRowsOf(other: TiedEnd): boolean {
    return this.#owner.isOfRowsOf(other.#owner);
  }
}

/**
 * One who may own an end. Where many processes hold a listener, each connection to it has all of these, so ends share what is the same: such a
 * one, which is remembered with its pid, and all of them together, with the first one's pid.
 */
export function tiedEnd(
  host: HostState,
  pid: number,
  ...[owner, from, to, tie]: ConstructorParameters<typeof TiedEnd>
): Candidate {
  const fresh = new TiedEnd(owner, from, to, tie);
  const knowledge = host.processes.pids.of(pid);
  const known = knowledge.tied as TiedEnd | undefined;
  if (known?.isOfRowsOf(fresh) && isSameEnd(known, fresh)) return known;
  knowledge.tied = fresh;
  return fresh;
}

/** The end that one of these owns, of whom the first is this process. */
export function ambiguousEnd(host: HostState, pid: number, candidates: Candidate[]): AmbiguousEnd {
  const knowledge = host.processes.pids.of(pid);
  const known = knowledge.ambiguous as AmbiguousEnd | undefined;
  if (known !== undefined && areSame(known.candidates, candidates)) return known;
  const fresh: AmbiguousEnd = { state: 'ambiguous', candidates };
  knowledge.ambiguous = fresh;
  return fresh;
}

function areSame(a: readonly Candidate[], b: readonly Candidate[]): boolean {
  return a.length === b.length && a.every((candidate, at) => candidate === b[at]);
}
