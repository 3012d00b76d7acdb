import type { AddressUser, KnownAddress } from '../hosts/state/address-table.js';
import type { Direction } from '../hosts/state/translations.js';
import type { End } from '../records/attributed-connection.js';
import type { EndView } from './connection-view.js';
import type { Decided } from './decided.js';
import type { Role } from './end-query.js';
import { hasFlag, withFlag } from './flags.js';
import { NO_AGENT, NONE, PENDING } from './kept-ends.js';
import { isSameEnd } from './same-end.js';
import type { Stitch } from './stitch.js';
import type { Tracked, TrackedTuple } from './tracked.js';

/** Rivals remembered of one end; with more, as when a scan has one source port, nothing is believed that any of them may claim. */
const MAX_RIVALS = 16;
const none: readonly TrackedEnd[] = [];

/** Flags, below the number of the end, whose lowest bit is the role that it had at first. */
const SETTLED = 1;
const LACKS_DETAILS = 2;
const CROWDED = 4;
const CAPTURED_FORWARD = 8;
const POSTPONED = 16;
const NUMBER_BITS = 5;

/** What few ends have. */
interface Rare {
  rivals: readonly TrackedEnd[];
  stitch: Stitch | undefined;
  hasTranslations: boolean;
  /** The endpoints behind the translation. */
  inner: { readonly tuple: TrackedTuple; readonly isForward: boolean } | undefined;
}

/** One end of a connection that the join still knows. There are very many, hence flags in one number, what is rare aside, and no private methods (see Tracked). */
export class TrackedEnd implements EndView, AddressUser {
  /** Numbers, in the kept ends, of what was found of it, where that is not what `decided` says, and of what the last line said of it. */
  #found = NONE;
  #told = NONE;
  /** An answer that only watermarks complete. */
  decided: Decided | undefined;
  readonly tracked: Tracked;
  #bits: number;
  #rare: Rare | undefined;

  /** `number` tells it from every other end that is known; it is odd for the one that was the responding end at first. */
  constructor(tracked: Tracked, isCapturedForward: boolean, number: number) {
    this.tracked = tracked;
    this.#bits = (number << NUMBER_BITS) | (isCapturedForward ? CAPTURED_FORWARD : 0);
  }

  /** What is to be said of it; undefined: nothing yet. */
  get end(): End | undefined {
    return this.#found === NONE ? this.decided?.end : this.tracked.ends.at(this.#found);
  }
  set end(end: End | undefined) {
    const { ends } = this.tracked;
    const before = this.#found;
    this.#found = end !== undefined && ends.at(this.#told) === end ? ends.use(this.#told) : ends.keep(end);
    ends.drop(before);
  }
  /** What the last line said of it. */
  get shown(): End | undefined {
    return this.tracked.ends.at(this.#told);
  }
  set shown(end: End | undefined) {
    const { ends } = this.tracked;
    const before = this.#told;
    this.#told = end !== undefined && ends.at(this.#found) === end ? ends.use(this.#found) : ends.keep(end);
    ends.drop(before);
  }
  /** Whether the last line said of it what is to be said now. */
  get isTold(): boolean {
    return (this.#found !== NONE && this.#found === this.#told) || isSameEnd(this.end, this.shown);
  }
  /** Whether `end` has an owner, without asking who it is. */
  get isOwned(): boolean {
    return this.#found === NONE
      ? this.decided !== undefined
      : this.tracked.ends.at(this.#found)!.state === 'attributed';
  }
  /** Nothing was found of it yet. */
  get isOpen(): boolean {
    return this.decided === undefined && (this.#found === NONE || this.#found === PENDING);
  }
  /** No watched host had its address, when it was looked at. */
  get isUnhosted(): boolean {
    return this.#found === NO_AGENT;
  }
  get number(): number {
    return this.#bits >>> NUMBER_BITS;
  }
  get role(): Role {
    return ((this.number & 1) === 0) !== this.tracked.isTurned ? 'orig' : 'resp';
  }
  /** Its endpoint as it was captured is the first of the connection's tuple. */
  get isCapturedForward(): boolean {
    return hasFlag(this.#bits, CAPTURED_FORWARD);
  }
  /** No row that may still come changes it. */
  get settled(): boolean {
    return hasFlag(this.#bits, SETTLED);
  }
  set settled(is: boolean) {
    this.#bits = withFlag(this.#bits, SETTLED, is);
  }
  /** Who the owner's process was is not all known yet. */
  get lacksDetails(): boolean {
    return hasFlag(this.#bits, LACKS_DETAILS);
  }
  set lacksDetails(is: boolean) {
    this.#bits = withFlag(this.#bits, LACKS_DETAILS, is);
  }
  /** It was not looked at, since before its appointments nothing could be told of it. */
  get isPostponed(): boolean {
    return hasFlag(this.#bits, POSTPONED);
  }
  set isPostponed(is: boolean) {
    this.#bits = withFlag(this.#bits, POSTPONED, is);
  }
  get isCrowded(): boolean {
    return hasFlag(this.#bits, CROWDED);
  }
  get rivals(): readonly TrackedEnd[] {
    return this.#rare === undefined ? none : this.#rare.rivals;
  }
  /** How its packets are translated, as of the last evaluation. */
  get stitch(): Stitch | undefined {
    return this.#rare?.stitch;
  }
  set stitch(stitch: Stitch | undefined) {
    if (stitch === undefined && this.#rare === undefined) return;
    this.#rare ??= noneRare();
    this.#rare.stitch = stitch;
  }
  /** Some host is known to have translated packets like those that are sent to it, at whatever time. */
  get hasTranslations(): boolean {
    return this.#rare?.hasTranslations === true;
  }
  set hasTranslations(is: boolean) {
    if (!is && this.#rare === undefined) return;
    this.#rare ??= noneRare();
    this.#rare.hasTranslations = is;
  }

  get tuple(): TrackedTuple {
    return this.#rare?.inner === undefined ? this.tracked.tuple : this.#rare.inner.tuple;
  }
  get isForward(): boolean {
    return this.#rare?.inner === undefined ? this.isCapturedForward : this.#rare.inner.isForward;
  }
  get local(): KnownAddress<TrackedEnd> {
    return this.isForward ? this.tuple.first : this.tuple.second;
  }
  get seenOn(): string | undefined {
    return this.tracked.captureHost;
  }
  /** Whoever sent first accepts nothing, if it is known. The other end of such connections, a busy server, may be that of very many. */
  get mayAccept(): boolean {
    const { proto, history } = this.tracked.connection;
    return this.role === 'resp' || (proto === 'tcp' && history?.startsWith('S') !== true);
  }
  get localPort(): number {
    return this.isForward ? this.tuple.firstPort : this.tuple.secondPort;
  }
  get remote(): KnownAddress<TrackedEnd> {
    return this.isForward ? this.tuple.second : this.tuple.first;
  }
  get remotePort(): number {
    return this.isForward ? this.tuple.secondPort : this.tuple.firstPort;
  }

  /** The packets that are sent to it, as they were captured. */
  get captured(): Direction {
    const { first, firstPort, second, secondPort } = this.tracked.tuple;
    return this.isCapturedForward
      ? { source: second.text, sourcePort: secondPort, destination: first.text, destinationPort: firstPort }
      : { source: first.text, sourcePort: firstPort, destination: second.text, destinationPort: secondPort };
  }

  /** From now on it has the endpoints of this tuple, or its own again. Returns the tuple that it had instead. */
  move(tuple: TrackedTuple | undefined, isForward: boolean): TrackedTuple | undefined {
    const before = this.#rare?.inner;
    const isKept = before?.tuple === tuple && (tuple === undefined || before?.isForward === isForward);
    if (isKept) return undefined;
    const isIn = this.local.isUsedBy(this);
    if (isIn) this.local.leave(this);
    if (before !== undefined) leaveInner(this, before.tuple);
    this.#rare ??= noneRare();
    this.#rare.inner = tuple === undefined ? undefined : { tuple, isForward };
    if (tuple !== undefined) tuple.translated = [...(tuple.translated ?? []), this];
    if (isIn) this.local.enter(this);
    return before?.tuple;
  }

  /** Its connection is let go. Rivals still ask which endpoints it had, the tuple of a translation does not know it any more. Returns that tuple. */
  letGo(): TrackedTuple | undefined {
    const tuple = this.#rare?.inner?.tuple;
    if (tuple !== undefined) leaveInner(this, tuple);
    return tuple;
  }

  /** See EndView.rivals. */
  meet(other: TrackedEnd): void {
    if (other.tracked === this.tracked || this.isCrowded || this.rivals.includes(other)) return;
    if (other.tuple === this.tuple) return;
    this.#rare ??= noneRare();
    const rare = this.#rare;
    if (rare.rivals.length < MAX_RIVALS) rare.rivals = [...rare.rivals, other];
    else this.#bits = withFlag(this.#bits, CROWDED, true);
  }

  /** It is to be decided anew. */
  forgetOwner(): void {
    this.end = undefined;
    this.decided = undefined;
    this.#bits = withFlag(this.#bits, LACKS_DETAILS | POSTPONED, false);
  }

  /** It has no rivals any more. */
  forgetRivals(): void {
    if (this.#rare !== undefined) this.#rare.rivals = none;
  }

  /** It wants to know nothing more: news of its address pass it by. */
  rest(): void {
    if (this.#found === NONE) this.end = this.decided?.end;
    this.decided = undefined;
    // What is let go leaves at once.
    if (!this.tracked.closed) this.local.rest(this);
  }

  /** What was found of it and told is not needed any more. */
  forgetTold(): void {
    this.end = undefined;
    this.shown = undefined;
  }

  /** Nobody is to meet it any more. */
  leave(): void {
    this.decided = undefined;
    this.forgetTold();
    if (this.local.isUsedBy(this)) this.local.leave(this);
  }
}

function noneRare(): Rare {
  return { rivals: none, stitch: undefined, hasTranslations: false, inner: undefined };
}

/** The tuple of a translation does not know the end any more. */
function leaveInner(of: TrackedEnd, tuple: TrackedTuple): void {
  const left = tuple.translated!.filter((end) => end !== of);
  tuple.translated = left.length === 0 ? undefined : left;
}
