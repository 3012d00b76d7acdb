import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { JournalPosition } from '../hosts/registry/journal-position.js';
import type { EngineMessage } from '../wire/message.js';
import { RowBudget } from '../wire/row-budget.js';
import { RowWindow } from '../wire/row-window.js';

/**
 * The rows that came on one agent's connection: how many, how many of them are acknowledged, and whether it keeps to its window and its
 * rate. An acknowledgement costs either side about as much as a message of rows, so there are no more of them than keep the agent
 * sending. Times are of the engine's clock.
 */
export class RowAccount {
  readonly #budget = new RowBudget(limits.agentRowsPerSecond * 1.25, limits.agentWindowRows * 2);
  /** What the agent has under way at most. */
  readonly #window = new RowWindow(limits.agentWindowRows);
  #taken = 0;
  #acknowledged = 0;
  #acknowledgedAt: Micros = 0;

  /** Rows that the latest acknowledgement covered. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Half of what the agent may have under way has come: told now, it goes on sending. */
  get isDue(): boolean {
    return (this.#taken - this.#acknowledged) * 2 >= this.#window.rows;
  }

  /** The latest acknowledgement was made so long ago. */
  isOlder(us: Micros, now: Micros): boolean {
    return now - this.#acknowledgedAt >= us;
  }

  /**
   * Rows of a frame were taken that arrived when `acknowledgedThen` rows had been acknowledged. Returns what is wrong when the agent
   * sends beyond its window, however fast we are, or for long beyond its rate.
   */
  take(rows: number, acknowledgedThen: number, arrived: Micros): string | undefined {
    this.#taken += rows;
    this.#budget.take(rows, arrived / 1000);
    if (this.#taken - acknowledgedThen > limits.agentWindowRows + limits.wireRows) {
      return `more than ${limits.agentWindowRows} rows not acknowledged`;
    }
    if (this.#budget.isOverdrawn(arrived / 1000)) return `more than ${limits.agentRowsPerSecond} rows a second`;
    return undefined;
  }

  /** Acknowledges all that was taken. Returns what to tell the agent; undefined while nothing is known of its journal. */
  acknowledge(position: JournalPosition | undefined, now: Micros, latenessUs: Micros): EngineMessage | undefined {
    this.#acknowledgedAt = now;
    this.#window.acknowledged(this.#taken - this.#acknowledged);
    this.#acknowledged = this.#taken;
    if (position === undefined || position.received < 0) return undefined;
    const releasable = position.releasable(now, latenessUs);
    return { type: 'ack', received: position.received, ...(releasable !== undefined && { releasable }) };
  }
}
