import { limits } from '../core/limits.js';
import { MILLISECOND, type Micros, SECOND } from '../core/time.js';
import type { HostRow } from '../records/host-row.js';
import type { AgentMessage } from '../wire/message.js';
import type { AgentConnection } from './agent-connection.js';

const EVERY_US = 60 * SECOND;
/** Questions at the start, each as the one before is answered, so that a good reading is there soon; fewer when one is good. */
const FIRST_ASKS = 4;
/** An error that a further reading would not make much smaller, since clocks are read in whole milliseconds. */
const GOOD_US = 3 * MILLISECOND;

export interface ClockQuestionsOptions {
  /** Names of the captures whose clock is this machine's. */
  readonly captures: readonly string[];
  /** Takes the clock rows of hosts. */
  readonly emit: (row: HostRow) => void;
  /** Called with the reason when a clock cannot be believed. */
  readonly refuse: (connection: AgentConnection, reason: string) => void;
  readonly nowUs: () => Micros;
}

/** Asks agents for the time on their hosts, and tells what their clocks are against the captures'. */
export class ClockQuestions {
  readonly #options: ClockQuestionsOptions;

  constructor(options: ClockQuestionsOptions) {
    this.#options = options;
  }

  ask(connection: AgentConnection, now: Micros): void {
    const id = connection.clockAsks++ % 2 ** 30;
    connection.askedId = id;
    connection.clockAskedAt = now;
    connection.send({ type: 'ask_clock', id });
  }

  /** Asks who has not been asked for a while. */
  askAgain(connection: AgentConnection, now: Micros): void {
    if (now - connection.clockAskedAt > EVERY_US) this.ask(connection, now);
  }

  /** Refuses a clock that is off by more than may be believed; `skew`: host minus engine. */
  isBeyond(connection: AgentConnection, skew: Micros): boolean {
    if (Math.abs(skew) <= limits.clockSkewUs) return false;
    this.#options.refuse(connection, `the host's clock is off by ${Math.round(skew / SECOND)} s`);
    return true;
  }

  answer(
    connection: AgentConnection,
    { id, received, sent }: Extract<AgentMessage, { type: 'clock' }>,
    arrived: Micros,
  ): void {
    if (id !== connection.askedId) return;
    connection.askedId = undefined;
    if (this.isBeyond(connection, received - arrived)) return;
    if (sent < received) {
      this.#options.refuse(connection, 'the host answered before it was asked, by its own clock');
      return;
    }
    this.#read(connection, connection.clockAskedAt, received, sent, arrived);
    const { err } = connection.clock.best!;
    if (connection.clockAsks < FIRST_ASKS && err > GOOD_US) this.ask(connection, this.#options.nowUs());
  }

  /**
   * The time that a hello told is an answer to the opening of the connection. With it a clock is known before the first row: a host that
   * is minutes off is not taken for one that is not.
   */
  greeted(connection: AgentConnection): void {
    const { time } = connection.hello!;
    this.#read(connection, connection.since, time, time, connection.greeted);
  }

  #read(connection: AgentConnection, asked: Micros, received: Micros, sent: Micros, arrived: Micros): void {
    const host = connection.host!;
    const news = connection.clock.reading(asked, received, sent, arrived);
    const { best } = connection.clock;
    if (best !== undefined) {
      connection.offset = best.offset;
      host.clock = best;
    }
    if (news === undefined) return;
    for (const capture of this.#options.captures) {
      this.#options.emit({ kind: 'clock', host: host.id, capture, ...news });
    }
  }
}
