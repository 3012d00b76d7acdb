import { MILLISECOND, type Micros, SECOND } from '../core/time.js';
import type { ClockSample } from '../records/host-row.js';

/** How a host's clock stands to a capture's at a time: host = capture + offset, give or take err. */
export interface HostClock {
  readonly offset: Micros;
  readonly err: Micros;
  /** False: nobody measured it, these are the defaults. */
  readonly measured: boolean;
  /** Offset and error as ends show them; shared by all of them. */
  readonly shown: { readonly offset: Micros; readonly err: Micros };
}

/** A host whose clock was not measured: kept by NTP as a rule, and its log may tell times late. */
export const UNMEASURED_ERR: Micros = 2 * SECOND;
/** The capture's own host has one clock; sensor and capture read it at slightly different moments. */
export const SAME_HOST_ERR: Micros = MILLISECOND;

const unmeasured = clockOf(0, UNMEASURED_ERR, false);
const sameHost = clockOf(0, SAME_HOST_ERR, false);

function clockOf(offset: Micros, err: Micros, measured: boolean): HostClock {
  return { offset, err, measured, shown: { offset, err } };
}

interface Sample extends HostClock {
  readonly from: Micros;
}

/** Samples kept for one host and capture; of more the oldest goes, and the next one covers its time. */
const MAX_SAMPLES = 1_024;

/** Measured clocks by host and capture. */
export class HostClocks {
  readonly #samples = new Map<string, Map<string, Sample[]>>();
  /** What was asked for last, since several things are asked of one end in turn. */
  #host: string | undefined;
  #capture: string | undefined;
  #found: readonly Sample[] | undefined;

  /** Returns the moment from which on connections are concerned; undefined: it is known already. */
  add({ host, capture, offset, err, from }: ClockSample): Micros | undefined {
    this.#host = undefined;
    let captures = this.#samples.get(host);
    if (captures === undefined) {
      captures = new Map();
      this.#samples.set(host, captures);
    }
    const samples = captures.get(capture) ?? [];
    captures.set(capture, samples);
    const sample: Sample = { ...clockOf(offset, err, true), from };
    let at = samples.length;
    while (at > 0 && compare(samples[at - 1]!, sample) > 0) at--;
    if (at > 0 && compare(samples[at - 1]!, sample) === 0) return undefined;
    samples.splice(at, 0, sample);
    if (samples.length > MAX_SAMPLES) samples.shift();
    return from === samples[0]!.from ? -Infinity : from;
  }

  /** The clock that held for a connection that began at `first` (capture clock); before the first sample, the first. Of several from one moment on the most exact. */
  at(host: string, capture: string, captureHost: string | undefined, first: Micros): HostClock {
    if (host !== this.#host || capture !== this.#capture) {
      this.#found = this.#samples.get(host)?.get(capture);
      this.#host = host;
      this.#capture = capture;
    }
    const samples = this.#found;
    if (samples === undefined) return captureHost === host ? sameHost : unmeasured;
    const from = samples[0]!.from;
    let at = samples.length - 1;
    while (samples[at]!.from > first && samples[at]!.from > from) at--;
    return samples[at]!;
  }
}

/** Of samples from one moment on the most exact is the last, and counts. */
function compare(a: Sample, b: Sample): number {
  return a.from - b.from || b.err - a.err || a.offset - b.offset;
}
