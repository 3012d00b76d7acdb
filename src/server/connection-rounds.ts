import { MILLISECOND, type Micros, SECOND } from '../core/time.js';
import type { CloseName } from '../wire/close-code.js';
import type { AgentConnection } from './agent-connection.js';
import { acknowledgeEveryUs, silenceMs } from './connection-paces.js';

export interface RoundsOptions {
  /** Those to be looked after; they may come and go meanwhile. */
  readonly connections: ReadonlySet<AgentConnection>;
  readonly hosts: () => number;
  readonly cut: (connection: AgentConnection, name: CloseName, reason: string) => void;
  readonly acknowledge: (connection: AgentConnection, now: Micros) => void;
  readonly askClock: (connection: AgentConnection, now: Micros) => void;
}

export const TICK_MS = 20;
/** Every connection is looked after once in this many ticks, a second, so that no tick writes to many. */
export const TICKS_A_ROUND = 50;
const HELLO_US = 20 * SECOND;
/** A tick that comes later than this means that the process stood still. */
const LATE_US = 2 * SECOND;
/** Who waits to be welcomed has nothing to say. */
const WAITING_US = 60 * SECOND;

/** Looks after connections in turn: cuts off who fell silent, asks who may have, and tells who says little that it was heard. */
export class ConnectionRounds {
  readonly #options: RoundsOptions;
  /** Who has yet to be looked after in this round. */
  #round: Iterator<AgentConnection>;
  #lookedAt: Micros;
  /** Nobody is silent before this. */
  #judgesFrom: Micros = 0;

  constructor(options: RoundsOptions, now: Micros) {
    this.#options = options;
    this.#round = options.connections.values();
    this.#lookedAt = now;
  }

  /** Looks after a part of the connections. */
  tick(now: Micros): void {
    const { connections, hosts } = this.#options;
    const silenceUs = silenceMs(hosts()) * MILLISECOND;
    // What was sent while this process stood still has yet to be read.
    if (now - this.#lookedAt > LATE_US) this.#judgesFrom = now + silenceUs;
    this.#lookedAt = now;
    for (let left = Math.ceil(connections.size / TICKS_A_ROUND); left > 0; left--) {
      const { value, done } = this.#round.next();
      if (done === true) {
        this.#round = connections.values();
        break;
      }
      this.#lookAt(value, now, silenceUs);
    }
  }

  #lookAt(connection: AgentConnection, now: Micros, silenceUs: Micros): void {
    const { cut, acknowledge, askClock, hosts } = this.#options;
    const { phase, host } = connection;
    if (phase === 'new') {
      if (now - connection.since > HELLO_US) cut(connection, 'SILENT', 'no hello came');
      return;
    }
    if (host === undefined) return;
    host.heard = Math.max(host.heard, connection.heard);
    const silentUs = connection.isBusy ? 0 : now - connection.heard;
    const isWaiting = phase === 'waiting' || phase === 'contested';
    if (now > this.#judgesFrom && silentUs > (isWaiting ? WAITING_US : silenceUs)) {
      cut(connection, 'SILENT', `nothing was heard for ${Math.round(silentUs / SECOND)} s`);
      return;
    }
    if (silentUs * 2 > silenceUs) connection.ping(now);
    if (isWaiting) return;
    if (connection.account.isOlder(acknowledgeEveryUs(hosts()) - TICK_MS * MILLISECOND, now))
      acknowledge(connection, now);
    askClock(connection, now);
  }
}
