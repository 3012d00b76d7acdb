const BITS = 3;
const FEW = 8;

/** Places in the columns of a host. */
export const EVENTS = 0;
export const SOCKETS = 1;
export const PROCESSES = 2;
export const DETAILS = 3;
/** 1: it tells of sockets and of calls, and was never given up. */
export const PLAIN = 4;
/** No row is about an earlier time; -Infinity after the first sweep, since what stands is never swept. */
export const EARLIEST = 5;

/**
 * What is asked of hosts most often, by number, a line of the processor's cache for each. Properties that are no small integers lie apart
 * from each other and from their object. Grows with the hosts, which are bounded.
 */
export class HostColumns {
  values = new Float64Array(FEW << BITS);

  /** Where the columns of a host begin. */
  placeOf(number: number): number {
    return number << BITS;
  }

  /** Makes room for a host. */
  open(number: number): number {
    const place = this.placeOf(number);
    if (place >= this.values.length) {
      const grown = new Float64Array(2 * place);
      grown.set(this.values);
      this.values = grown;
    }
    return place;
  }
}
