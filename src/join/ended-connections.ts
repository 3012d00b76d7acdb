import type { Micros } from '../core/time.js';

/** Fewer places that are void are not worth a copy of the rest. */
const MIN_VOID = 1_024;

interface Ended {
  /** It is kept until here. */
  readonly goneAt: Micros;
  /** It was let go before. */
  readonly gone: boolean;
}

/**
 * Connections that are over, in the order in which they ended, until they are let go. What has gone is not held: no more than as many places as
 * there are connections are void, hence bounded as these are.
 */
export class EndedConnections<T extends Ended> {
  #queue: (T | undefined)[] = [];
  #next = 0;
  /** Places behind the next one whose connections were given up. */
  #givenUp = 0;

  add(connection: T): void {
    this.#queue.push(connection);
  }

  /** One of them has gone before its time. */
  gaveUp(): void {
    this.#givenUp++;
    this.#tidy();
  }

  /** Takes out the next one that is to be let go before `now`; undefined: there is none yet. */
  takeBefore(now: Micros): T | undefined {
    for (;;) {
      const next = this.#queue[this.#next];
      if (next === undefined || (!next.gone && next.goneAt >= now)) return undefined;
      this.#queue[this.#next++] = undefined;
      if (next.gone) this.#givenUp = Math.max(0, this.#givenUp - 1);
      this.#tidy();
      if (!next.gone) return next;
    }
  }

  #tidy(): void {
    const isVoid = this.#next + this.#givenUp;
    if (isVoid <= MIN_VOID || isVoid * 2 <= this.#queue.length) return;
    this.#queue = this.#queue.filter((connection) => connection?.gone === false);
    this.#next = 0;
    this.#givenUp = 0;
  }
}
