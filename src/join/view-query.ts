import type { Micros } from '../core/time.js';
import type { Direction } from '../hosts/state/translations.js';
import { type ConnectionView, type EndView, endViewOf, isOpening, mayBeAnswered } from './connection-view.js';
import type { Outlook } from './elsewhere.js';
import type { EndQuery, Going, Role } from './end-query.js';
import type { HostClock } from './host-clocks.js';

/** The end in the clock of a host. What is asked of few ends is worked out when it is asked. */
export class ViewQuery implements EndQuery {
  readonly first: Micros;
  readonly last: Micros;
  readonly err: Micros;
  readonly #view: ConnectionView;
  readonly #offset: Micros;
  readonly #outlook: Outlook;
  readonly #sent: Direction | undefined;

  /** `outlook`: see lookElsewhere. `sent`: its packets as they were before they were translated. Absent: as they reach it. */
  constructor(
    view: ConnectionView,
    readonly role: Role,
    readonly protocol: number,
    { offset, err }: HostClock,
    outlook: Outlook,
    sent?: Direction,
  ) {
    this.#outlook = outlook;
    this.#sent = sent;
    this.#view = view;
    this.#offset = offset;
    this.first = view.first + offset;
    this.last = view.last + offset;
    this.err = err;
  }

  get localAddress(): string {
    return this.#sent?.destination ?? this.#end.local.text;
  }
  get localPort(): number {
    return this.#sent?.destinationPort ?? this.#end.localPort;
  }
  get remoteAddress(): string {
    return this.#sent?.source ?? this.#end.remote.text;
  }
  get remotePort(): number {
    return this.#sent?.sourcePort ?? this.#end.remotePort;
  }
  get isOver(): boolean {
    return this.#view.ended || this.#view.closed;
  }
  get opening(): boolean {
    return isOpening(this.#view.connection);
  }
  get answered(): boolean {
    return mayBeAnswered(this.#view);
  }
  get isRefused(): boolean {
    return this.#view.connection.conn_state === 'REJ';
  }
  get aloneSince(): Micros {
    return Math.max(this.#view.aloneSince, this.#inner?.aloneSince ?? -Infinity) + this.#offset;
  }
  get previousLast(): Micros {
    const own = Math.max(this.#view.previousLast, this.#inner?.previousLast ?? -Infinity) + this.#offset;
    return Math.max(own, this.#outlook.endedBefore);
  }
  get aloneUntil(): Micros {
    const until = Math.min(this.#view.aloneUntil, this.#inner?.aloneUntil ?? Infinity) + this.#offset;
    return Math.min(until, this.#outlook.beganLater);
  }
  get hasElsewhereBefore(): boolean {
    return this.#outlook.hasElsewhereBefore;
  }
  get hasElsewhere(): boolean {
    return this.#outlook.hasElsewhere;
  }
  get beside(): readonly Going[] {
    return this.#outlook.beside;
  }
  get ownUntil(): Micros {
    return this.#outlook.ownUntil;
  }
  get nextFirst(): Micros {
    return Math.min(this.#view.nextFirst, this.#inner?.aloneUntil ?? Infinity) + this.#offset;
  }
  get capturedSince(): Micros {
    return this.#view.capturedSince + this.#offset;
  }
  get mayHaveEarlier(): boolean {
    return !this.#view.knowsEarlier;
  }

  get #end(): EndView {
    return endViewOf(this.#view, this.role);
  }

  get #inner() {
    const { stitch } = this.#end;
    return stitch?.kind === 'inner' && this.#sent === undefined ? stitch : undefined;
  }
}
