import type { Micros } from '../../core/time.js';

interface Mark {
  readonly sequence: number;
  readonly at: Micros;
}

/** Marks kept of one lateness; each is its thirtieth part apart. */
const MARKS = 30;

/**
 * How far a host's journal has been taken. Rows come in order of sequence but some come again after a reconnect: what is not above the
 * position was taken before. What was taken longer ago than the lateness may be released by the agent: before that, this engine may
 * need it again when it has been started anew.
 */
export class JournalPosition {
  received = -1;
  #releasable = -1;
  #marks: Mark[] = [];

  constructor(readonly journal: string) {}

  /** Whether a row with this sequence was taken before. */
  has(sequence: number): boolean {
    return sequence <= this.received;
  }

  /** Rows up to a sequence have been taken. */
  take(sequence: number, now: Micros, latenessUs: Micros): void {
    if (sequence <= this.received) return;
    this.received = sequence;
    const last = this.#marks.at(-1);
    if (last === undefined || now - last.at >= latenessUs / MARKS) this.#marks.push({ sequence, at: now });
  }

  /** Up to here the agent may forget; undefined while there is nothing. */
  releasable(now: Micros, latenessUs: Micros): number | undefined {
    while (this.#marks.length > 0 && this.#marks[0]!.at <= now - latenessUs) {
      this.#releasable = this.#marks.shift()!.sequence;
    }
    return this.#releasable < 0 ? undefined : this.#releasable;
  }
}
