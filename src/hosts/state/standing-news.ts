import type { Micros } from '../../core/time.js';
import { type HostColumns, NEWS, UPHELD_SINCE } from './host-columns.js';

const CELLS = 1 << 16;
/** A count and a place are one number. */
const COUNTS = 2 ** 32;

/**
 * Counts what may change the owner of a socket that stands, or that there is none: what comes of the host, of a port of it, of a pid. Counts only
 * grow, so that where their sum is what it was none has grown. Those of ports and pids share places, which costs no more than a look.
 */
export class StandingNews {
  readonly #columns: HostColumns;
  readonly #cells = new Int32Array(CELLS);

  constructor(columns: HostColumns) {
    this.#columns = columns;
  }

  /** A host that is new. */
  open(host: number): void {
    this.#columns.values[this.#columns.placeOf(host) + UPHELD_SINCE] = Infinity;
  }

  /** Whatever is known of the host may be another now. */
  ofHost(host: number): void {
    this.#columns.increment(host, NEWS);
    this.open(host);
  }

  /** A row names this port alone of its local end, or this one of its remote end and no local one. */
  ofPort(host: number, protocol: number, port: number): void {
    this.#cells[placeOfPort(host, protocol, port)]!++;
  }

  /** A row tells something else of the pid. */
  ofPid(host: number, pid: number): void {
    this.#cells[placeOfPid(host, pid)]!++;
  }

  /** Rows about times up to the horizon are let go. */
  prune(host: number, horizon: Micros): void {
    if (horizon >= this.#columns.values[this.#columns.placeOf(host) + UPHELD_SINCE]!) this.ofHost(host);
  }

  /** Stands for all that was told so far; `since`: no row about an earlier time matters (host clock). `pid`: that of the owner, undefined where there is none. */
  uphold(
    host: number,
    protocol: number,
    localPort: number,
    remotePort: number,
    pid: number | undefined,
    since: Micros,
  ): number {
    const { values } = this.#columns;
    const at = this.#columns.placeOf(host) + UPHELD_SINCE;
    if (since < values[at]!) values[at] = since;
    const place = pid === undefined ? placeOfPort(host, protocol, localPort) : placeOfPid(host, pid);
    return place * COUNTS + this.#sum(host, protocol, localPort, remotePort, place);
  }

  /** Whether that is still all. */
  isUpheld(host: number, protocol: number, localPort: number, remotePort: number, known: number): boolean {
    const place = Math.floor(known / COUNTS);
    return known === place * COUNTS + this.#sum(host, protocol, localPort, remotePort, place);
  }

  #sum(host: number, protocol: number, localPort: number, remotePort: number, place: number): number {
    const cells = this.#cells;
    const ports = cells[placeOfPort(host, protocol, localPort)]! + cells[placeOfPort(host, protocol, remotePort)]!;
    return (this.#columns.word(host, NEWS) + ports + cells[place]!) >>> 0;
  }
}

function placeOfPort(host: number, protocol: number, port: number): number {
  return placeOf(host, (protocol << 16) | port);
}

function placeOfPid(host: number, pid: number): number {
  return placeOf(host, ~pid);
}

/** Whoever chooses ports so that they share a place makes others be looked at, as they would be without all this. */
function placeOf(host: number, of: number): number {
  const mixed = Math.imul(host, 0x9e3779b1) ^ Math.imul(of, 0x85ebca6b);
  const again = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (again ^ (again >>> 13)) & (CELLS - 1);
}
