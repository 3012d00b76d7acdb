const BITS = 4;
const FEW = 8;

/** Places in the columns of a host: numbers that are no small integers. */
export const EVENTS = 0;
export const SOCKETS = 1;
export const PROCESSES = 2;
export const DETAILS = 3;
/** 1: it tells of sockets and of calls, and was never given up. */
export const PLAIN = 4;
/** Before this moment nobody watched it; -Infinity: nothing is told. */
export const WATCHED = 5;
/** See StandingNews: no end that is upheld depends on rows about earlier times; Infinity: none is upheld. */
export const UPHELD_SINCE = 6;
/** No row is about an earlier time; -Infinity after the first sweep, since what stands is never swept. */
export const EARLIEST = 8;

/** Words among them: news that are not of a port or pid alone (StandingNews). */
export const NEWS = 14;
/** Queues of rows (RowQueue), each of which takes three. */
export const SOCKET_QUEUE = 18;
export const CLOSE_QUEUE = 21;
export const PROCESS_QUEUE = 24;
/** Rows taken since the last sweep, and how many are awaited before the next. */
export const TAKEN = 27;
export const SWEEP_AFTER = 28;
/** What the latest row that names no address came from, and the latest one that does: numbers of origins plus 1; 0: none. */
export const LATEST_ORIGINS = 29;

/**
 * What is asked of hosts most often, by number: of ends in one line of the processor's cache, of rows in the next. Properties of objects lie
 * apart from each other, and those that are no small integers from their object too. Grows with the hosts, which are bounded.
 */
export class HostColumns {
  values = new Float64Array(FEW << BITS);
  words = new Int32Array(this.values.buffer);

  /** Where the columns of a host begin. */
  placeOf(number: number): number {
    return number << BITS;
  }

  /** Where its words begin. */
  wordsOf(number: number): number {
    return number << (BITS + 1);
  }

  word(number: number, place: number): number {
    return this.words[this.wordsOf(number) + place]!;
  }

  setWord(number: number, place: number, value: number): void {
    this.words[this.wordsOf(number) + place] = value;
  }

  increment(number: number, place: number): void {
    this.words[this.wordsOf(number) + place]!++;
  }

  /** Makes room for a host. */
  open(number: number): number {
    const place = this.placeOf(number);
    if (place >= this.values.length) {
      const grown = new Float64Array(2 * place);
      grown.set(this.values);
      this.values = grown;
      this.words = new Int32Array(grown.buffer);
    }
    return place;
  }
}
