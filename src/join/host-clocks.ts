import { MILLISECOND, type Micros, SECOND } from '../core/time.js';
import type { ClockSample } from '../records/host-row.js';

/** How a host's clock stands to a capture's at a time: host = capture + offset, give or take err. */
export class HostClock {
  /** Offset and error as ends show them; shared by all of them. */
  readonly shown: { readonly offset: Micros; readonly err: Micros };

  constructor(
    readonly offset: Micros,
    readonly err: Micros,
    /** False: nobody measured it, these are the defaults. */
    readonly measured: boolean,
    /** The capture time from which on it holds. */
    readonly from: Micros,
  ) {
    this.shown = { offset, err };
  }
}

/** A host whose clock was not measured: kept by NTP as a rule, and its log may tell times late. */
export const UNMEASURED_ERR: Micros = 2 * SECOND;
/** The capture's own host has one clock; sensor and capture read it at slightly different moments. */
export const SAME_HOST_ERR: Micros = MILLISECOND;

const unmeasured = new HostClock(0, UNMEASURED_ERR, false, -Infinity);
const sameHost = new HostClock(0, SAME_HOST_ERR, false, -Infinity);

/** Samples kept for one host and capture; of more the oldest goes, and the next one covers its time. */
const MAX_SAMPLES = 1_024;

/** Columns of the latest sample of a host. */
const WIDTH = 4;
const OFFSET = 0;
const ERR = 1;
const SINCE = 2;

/** What tells a host from the others: `number` counts them from 0. */
export interface ClockedHost {
  readonly id: string;
  readonly number: number;
}

/** The samples of one host: those of the capture that came first, and of others. Most hosts have one capture. */
interface Lane {
  readonly capture: string;
  readonly samples: HostClock[];
  others: Map<string, HostClock[]> | undefined;
}

/** Measured clocks by host and capture. */
export class HostClocks {
  /** By the number of the host: asked for every end, of whichever host. */
  readonly #lanes: (Lane | undefined)[] = [];
  /** The capture that was told of first, and by the number of the host the latest sample of it: most ends ask for that one. */
  #capture: string | undefined;
  #latest = new Float64Array(0);

  /** Returns the moment from which on connections are concerned; undefined: it is known already. */
  add({ number }: ClockedHost, { capture, offset, err, from }: ClockSample): Micros | undefined {
    const samples = this.#open(number, capture);
    const sample = new HostClock(offset, err, true, from);
    let at = samples.length;
    while (at > 0 && compare(samples[at - 1]!, sample) > 0) at--;
    if (at > 0 && compare(samples[at - 1]!, sample) === 0) return undefined;
    samples.splice(at, 0, sample);
    if (samples.length > MAX_SAMPLES) samples.shift();
    this.#tellLatest(number, capture, samples);
    return from === samples[0]!.from ? -Infinity : from;
  }

  /** Whether a further sample makes the oldest be forgotten. */
  isFull({ number }: ClockedHost, capture: string): boolean {
    return this.#samplesOf(number, capture)?.length === MAX_SAMPLES;
  }

  /** The clock that held for a connection that began at `first` (capture clock); before the first sample, the first. Of several from one moment on the most exact. */
  at({ id, number }: ClockedHost, capture: string, captureHost: string | undefined, first: Micros): HostClock {
    const samples = this.#samplesOf(number, capture);
    if (samples === undefined) return captureHost === id ? sameHost : unmeasured;
    let at = samples.length - 1;
    if (at === 0) return samples[0]!;
    const from = samples[0]!.from;
    while (samples[at]!.from > first && samples[at]!.from > from) at--;
    return samples[at]!;
  }

  /** Whether the latest clock of the host against this capture is known, and holds at `first`: `latestOffset` and `latestErr` tell it. */
  isLatest(number: number, capture: string, first: Micros): boolean {
    return capture === this.#capture && first >= this.#latest[WIDTH * number + SINCE]!;
  }
  latestOffset(number: number): Micros {
    return this.#latest[WIDTH * number + OFFSET]!;
  }
  latestErr(number: number): Micros {
    return this.#latest[WIDTH * number + ERR]!;
  }

  #samplesOf(number: number, capture: string): HostClock[] | undefined {
    const lane = this.#lanes[number];
    return lane?.capture === capture ? lane.samples : lane?.others?.get(capture);
  }

  #tellLatest(number: number, capture: string, samples: readonly HostClock[]): void {
    this.#capture ??= capture;
    if (capture !== this.#capture) return;
    if (WIDTH * number >= this.#latest.length) {
      const grown = new Float64Array(2 * WIDTH * (number + 1)).fill(Infinity);
      grown.set(this.#latest);
      this.#latest = grown;
    }
    const { offset, err, from } = samples.at(-1)!;
    this.#latest[WIDTH * number + OFFSET] = offset;
    this.#latest[WIDTH * number + ERR] = err;
    // Before the first sample that one holds too.
    this.#latest[WIDTH * number + SINCE] = samples.length === 1 ? -Infinity : from;
  }

  #open(number: number, capture: string): HostClock[] {
    const lane = this.#lanes[number];
    if (lane === undefined) {
      const samples: HostClock[] = [];
      // An array without gaps is read fastest.
      while (this.#lanes.length < number) this.#lanes.push(undefined);
      this.#lanes[number] = { capture, samples, others: undefined };
      return samples;
    }
    if (lane.capture === capture) return lane.samples;
    lane.others ??= new Map();
    const samples = lane.others.get(capture) ?? [];
    lane.others.set(capture, samples);
    return samples;
  }
}

/** Of samples from one moment on the most exact is the last, and counts. */
function compare(a: HostClock, b: HostClock): number {
  return a.from - b.from || b.err - a.err || a.offset - b.offset;
}
