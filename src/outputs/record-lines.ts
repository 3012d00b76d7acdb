import type { EndedRecords } from '../conn/ended-records.js';
import { KERNEL_ROOM } from '../conn/table-memory.js';
import type { AddressKind } from '../core/address.js';
import { heapBase, kernelOver } from '../core/kernel.js';
import type { End } from '../records/attributed-connection.js';
import type { Connection } from '../records/connection.js';
import { connectionTail } from './connection-json.js';
import type { Coverage } from './coverage.js';
import type { LineSink } from './line-sink.js';

/** What the ends of a connection are told to be by what its addresses are alone. */
export type EndsOf = (orig: AddressKind, resp: AddressKind) => { readonly orig: End; readonly resp: End };

/** Room for the rest of a line, and for its length ahead of it; see `native/lines/tail.h`. */
const TAIL_BYTES = 256;
const LENGTH_BYTES = 4;
/** Without so many bytes, four lines at their longest, nothing is written. */
const LEAST_ROOM = 4 * (1024 + TAIL_BYTES);
// As they are numbered there.
const kinds: readonly AddressKind[] = ['host', 'group', 'unspecified'];
const protocols: readonly Connection['proto'][] = ['tcp', 'udp', 'icmp', 'unknown_transport'];
const NEWLINE = '\n';

type WriteLines = (
  records: number,
  first: number,
  end: number,
  captureId: number,
  capture: number,
  tails: number,
  text: number,
  room: number,
) => number;

/** Writes whole lines of many records in a call, by code in WebAssembly (`native/lines`), and counts what their ends are. */
export class RecordLines {
  readonly #write: WriteLines;
  readonly #tailsAt: number;
  /** Where lines are put, to be copied, while the sink has no place for them. */
  readonly #text: Uint8Array;
  readonly #bytes: Uint32Array;
  readonly #counts: Uint32Array;
  readonly #ends: readonly ReturnType<EndsOf>[];

  private constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory, text: Uint8Array, ends: EndsOf) {
    this.#write = exports.lines as WriteLines;
    this.#text = text;
    const at = (exports.result as WebAssembly.Global).value as number;
    this.#bytes = new Uint32Array(memory.buffer, at, 1);
    this.#counts = new Uint32Array(memory.buffer, at + 4, protocols.length * kinds.length ** 2);
    this.#ends = kinds.flatMap((orig) => kinds.map((resp) => ends(orig, resp)));
    // At the end of its room, far behind its constants and what it writes for one record.
    this.#tailsAt = KERNEL_ROOM - this.#ends.length * TAIL_BYTES;
    const tails = new DataView(memory.buffer, this.#tailsAt, this.#ends.length * TAIL_BYTES);
    this.#ends.forEach(({ orig, resp }, i) => {
      const tail = Buffer.from(`${connectionTail({ cause: 'end', rev: 0, orig, resp })}${NEWLINE}`);
      if (tail.length + LENGTH_BYTES > TAIL_BYTES) throw new Error('the rest of a line is too long for the kernel');
      tails.setUint32(i * TAIL_BYTES, tail.length, true);
      new Uint8Array(memory.buffer, this.#tailsAt + i * TAIL_BYTES + LENGTH_BYTES).set(tail);
    });
    if (heapBase(exports) > this.#tailsAt)
      throw new Error('the kernel for lines has more constants than there is room for');
  }

  /** For records whose addresses lie in a memory, and a sink to which room in it is lent; undefined where it was not built. */
  static over(records: EndedRecords, ends: EndsOf, sink: LineSink): RecordLines | undefined {
    const { memory } = records;
    if (memory === undefined) return undefined;
    const exports = kernelOver('lines', memory);
    if (exports === undefined) return undefined;
    const [text, ...lent] = records.texts();
    sink.lend(lent);
    return new RecordLines(exports, memory, text!, ends);
  }

  /** Writes lines of records from `first` on, to the first that is left to others, or fewer. Gives the record that comes next. */
  write(records: EndedRecords, first: number, sink: LineSink, coverage: Coverage): number {
    const { placesAt, count } = records;
    const [id, word] = [records.capture(first), records.captureWord(first)];
    const place = sink.place(LEAST_ROOM);
    const { byteOffset, length } = place ?? this.#text;
    const next = this.#write(placesAt, first, count, id, word, this.#tailsAt, byteOffset, length);
    if (next === first) return first;
    if (place !== undefined) sink.put(this.#bytes[0]!, next - first);
    else sink.lines(this.#text.subarray(0, this.#bytes[0]), next - first);
    this.#counts.forEach((lines, i) => {
      if (lines === 0) return;
      const { orig, resp } = this.#ends[i % this.#ends.length]!;
      coverage.lines(protocols[Math.floor(i / this.#ends.length)]!, orig, resp, lines);
    });
    return next;
  }
}
