/** Rows at first: a frame or two, and so a few pages of memory at the engine. */
const FIRST_ROWS = 64;
/** The window grows by a row for each so many that came through. */
const ROWS_PER_GROWTH = 16;

/**
 * How many rows an agent has under way, sent and not acknowledged. Begins small and grows with what comes through, up to what the engine
 * allows, as the state of a host is a few hundred rows and its connection keeps for good the memory of the most that it ever had to hold. Who has much
 * to tell has a window that doubles in some eleven round trips. Both ends reckon with the same: the engine acknowledges in time for it.
 */
export class RowWindow {
  #acknowledged = 0;

  /** `most`: what the engine allows. */
  constructor(private readonly most: number) {}

  acknowledged(rows: number): void {
    this.#acknowledged += rows;
  }

  get rows(): number {
    return Math.min(this.most, FIRST_ROWS + Math.floor(this.#acknowledged / ROWS_PER_GROWTH));
  }
}
