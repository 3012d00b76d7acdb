import { appended } from '../core/short-list.js';
import { MILLISECOND, type Micros, SECOND } from '../core/time.js';

/** A host's clock minus the engine's, give or take. */
export interface ClockReading {
  readonly offset: Micros;
  readonly err: Micros;
}

/** A clock from a moment of the engine's on. */
export interface ToldClock extends ClockReading {
  readonly from: Micros;
}

/** Readings that are looked at; a clock drifts, so old ones go. */
const READINGS = 8;
/** Both clocks are read in whole milliseconds. */
const COARSE: Micros = 2 * MILLISECOND;
/** A clock that is set or drifts by less than this between two readings does not show. */
const STEADY: Micros = 5 * MILLISECOND;
const RENEW: Micros = 600 * SECOND;
/** A better reading that comes this soon after one that it agrees with holds for that one's time too: no clock drifts that fast. */
const SETTLING: Micros = 10 * SECOND;

/**
 * The clock of a host, measured by question and answer (RFC 5905 8): the answer was written between question and arrival, so half the
 * time that both ways took bounds the error. The quickest of the last readings counts.
 */
export class HostClock {
  #readings: ClockReading[] = [];
  #told: (ToldClock & { at: Micros }) | undefined;

  get best(): ClockReading | undefined {
    return this.#readings.reduce<ClockReading | undefined>(
      (best, each) => (best === undefined || each.err <= best.err ? each : best),
      undefined,
    );
  }

  /**
   * `asked` and `arrived` are the engine's times, `received` and `sent` the host's. Returns the clock when it is time to tell of it: it
   * is new, has become much more exact, has moved, or was told long ago.
   */
  reading(asked: Micros, received: Micros, sent: Micros, arrived: Micros): ToldClock | undefined {
    const round = Math.max(0, arrived - asked - (sent - received));
    const reading = {
      offset: Math.round((received - asked + (sent - arrived)) / 2),
      err: Math.round(round / 2) + COARSE,
    };
    // A clock that was set makes all before it wrong.
    const isRight = ({ offset, err }: ClockReading) => Math.abs(offset - reading.offset) <= err + reading.err;
    this.#readings = appended(this.#readings.filter(isRight), reading);
    if (this.#readings.length > READINGS) this.#readings.shift();
    const best = this.best!;
    const told = this.#told;
    const isNews =
      told === undefined ||
      best.err * 2 < told.err ||
      Math.abs(best.offset - told.offset) > Math.max(told.err, STEADY) ||
      arrived - told.at > RENEW;
    if (!isNews) return undefined;
    const isRefined =
      told !== undefined && arrived - told.at <= SETTLING && Math.abs(best.offset - told.offset) <= best.err + told.err;
    const from = isRefined ? told.from : asked;
    this.#told = { ...best, from, at: arrived };
    return { offset: best.offset, err: best.err + STEADY, from };
  }
}
