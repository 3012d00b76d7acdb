/** Connections begun in one turn of the event loop: each costs up to a millisecond or two of public-key work. */
const PER_TURN = 8;

/**
 * Connections that wait to be begun, first come first. When a network or this program comes back, thousands of hosts arrive at once: the
 * system hands them over in one turn of the event loop and their handshakes would fill the next, seconds long, with nobody ready until
 * nearly all are. Nobody can hold up those behind by being slow, since a turn never waits. Bound: the listener's limit of connections.
 */
export class ArrivalQueue<T> {
  #waiting: T[] = [];
  #isScheduled = false;

  constructor(private readonly begin: (arrival: T) => void) {}

  get length(): number {
    return this.#waiting.length;
  }

  add(arrival: T): void {
    this.#waiting.push(arrival);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    const now = this.#waiting.slice(0, PER_TURN);
    this.#waiting = this.#waiting.slice(PER_TURN);
    if (this.#waiting.length > 0) this.#schedule();
    for (const arrival of now) this.begin(arrival);
  }
}
