import type { EndedRecords } from '../conn/ended-records.js';
import { KERNEL_ROOM } from '../conn/table-memory.js';
import type { AddressKind } from '../core/address.js';
import { heapBase, kernelOver, moduleOf } from '../core/kernel.js';
import type { End } from '../records/attributed-connection.js';
import { connectionTail } from './connection-json.js';
import { KERNEL_BYTES } from './connection-kernel.js';
import type { Coverage } from './coverage.js';
import { HelpedLines } from './helped-lines.js';
import {
  BATCH_RECORDS,
  HELP_STACK_BYTES,
  HELP_TEXTS,
  type LineHelper,
  type LineJob,
  newControl,
  WRITTEN_BYTES,
  type WriteLines,
} from './line-help.js';
import type { LineSink } from './line-sink.js';
import { type EndsByKinds, kinds, WrittenLines } from './written-lines.js';

/** What the ends of a connection are told to be by what its addresses are alone. */
export type EndsOf = (orig: AddressKind, resp: AddressKind) => { readonly orig: End; readonly resp: End };

/** Room for the rest of a line, and for its length ahead of it; see `native/lines/tail.h`. */
const TAIL_BYTES = 256;
const LENGTH_BYTES = 4;
/** Without so many bytes, four lines at their longest, nothing is written. */
const LEAST_ROOM = 4 * (1024 + TAIL_BYTES);
/** Batches at the end that are made by the thread that writes them, while the other one ends. */
const OWN_BATCHES = 24;
const NEWLINE = '\n';

/** Writes whole lines of many records in a call, by code in WebAssembly (`native/lines`), and counts what their ends are. */
export class RecordLines {
  readonly #write: WriteLines;
  readonly #tailsAt: number;
  readonly #helpAt: number;
  /** Where lines are put, to be copied, while the sink has no place for them. */
  readonly #text: Uint8Array;
  readonly #written: WrittenLines;
  readonly #memory: WebAssembly.Memory;
  readonly #ends: EndsByKinds;

  private constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory, text: Uint8Array, ends: EndsOf) {
    this.#write = exports.lines as WriteLines;
    this.#text = text;
    this.#memory = memory;
    this.#ends = kinds.flatMap((orig) => kinds.map((resp) => ends(orig, resp)));
    this.#written = new WrittenLines(memory, (exports.result as WebAssembly.Global).value as number, this.#ends);
    // At the end of its room, behind its constants, what it writes for one record, and what another thread has.
    this.#tailsAt = KERNEL_ROOM - this.#ends.length * TAIL_BYTES;
    const tails = new DataView(memory.buffer, this.#tailsAt, this.#ends.length * TAIL_BYTES);
    this.#ends.forEach(({ orig, resp }, i) => {
      const tail = Buffer.from(`${connectionTail({ cause: 'end', rev: 0, orig, resp })}${NEWLINE}`);
      if (tail.length + LENGTH_BYTES > TAIL_BYTES) throw new Error('the rest of a line is too long for the kernel');
      tails.setUint32(i * TAIL_BYTES, tail.length, true);
      new Uint8Array(memory.buffer, this.#tailsAt + i * TAIL_BYTES + LENGTH_BYTES).set(tail);
    });
    this.#helpAt = this.#tailsAt - HELP_STACK_BYTES - HELP_TEXTS * WRITTEN_BYTES;
    if (heapBase(exports) + KERNEL_BYTES > this.#helpAt)
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

  /** Writes lines of records from `first` on, to the first that is left to others, or fewer; none from `end` on. Gives the record that comes next. */
  write(records: EndedRecords, first: number, end: number, sink: LineSink, coverage: Coverage): number {
    const { placesAt } = records;
    const [id, word] = [records.capture(first), records.captureWord(first)];
    const place = sink.place(LEAST_ROOM);
    const { byteOffset, length } = place ?? this.#text;
    const written = this.#written;
    const next = this.#write(placesAt, first, end, id, word, this.#tailsAt, byteOffset, length, written.at);
    if (next === first) return first;
    if (place !== undefined) sink.put(written.bytes, next - first);
    else sink.lines(this.#text.subarray(0, written.bytes), next - first);
    written.count(coverage);
    return next;
  }

  /** Has another thread make lines of records, which are to stay. Undefined where it cannot. */
  share(records: EndedRecords, helper: LineHelper): HelpedLines | undefined {
    const module = moduleOf('lines');
    if (module === undefined || helper.memory !== this.#memory) return undefined;
    const textBytes = Math.floor(helper.bytes / HELP_TEXTS);
    const job: LineJob = {
      module,
      memory: this.#memory,
      control: newControl(),
      placesAt: records.placesAt,
      count: records.count,
      batches: Math.ceil(records.count / BATCH_RECORDS) - OWN_BATCHES,
      captureId: records.capture(0),
      captureWord: records.captureWord(0),
      tailsAt: this.#tailsAt,
      writtenAt: this.#helpAt,
      textsAt: helper.at,
      textBytes,
    };
    helper.start(job);
    return new HelpedLines(job, this.#ends);
  }
}
