import type { AddressKind } from '../core/address.js';
import type { End } from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';
import type { Coverage } from './coverage.js';

// As they are numbered in `native/lines/tail.h`.
export const kinds: readonly AddressKind[] = ['host', 'group', 'unspecified'];
const protocols: readonly Connection['proto'][] = ['tcp', 'udp', 'icmp', 'unknown_transport'];

/** The ends that connections have by the kinds of both their addresses: of each kind of the originator's all of the responder's. */
export type EndsByKinds = readonly { readonly orig: End; readonly resp: End }[];

/** What the kernel for lines tells of those that it wrote last; see `native/lines/line.c`. */
export class WrittenLines {
  readonly #bytes: Uint32Array;
  readonly #counts: Uint32Array;

  /** `at`: where it tells. */
  constructor(
    memory: WebAssembly.Memory,
    readonly at: number,
    private readonly ends: EndsByKinds,
  ) {
    this.#bytes = new Uint32Array(memory.buffer, at, 1);
    this.#counts = new Uint32Array(memory.buffer, at + 4, protocols.length * ends.length);
  }

  get bytes(): number {
    return this.#bytes[0]!;
  }

  count(coverage: Coverage): void {
    this.#counts.forEach((lines, i) => {
      if (lines === 0) return;
      const { orig, resp } = this.ends[i % this.ends.length]!;
      coverage.lines(protocols[Math.floor(i / this.ends.length)]!, orig, resp, lines);
    });
  }
}
