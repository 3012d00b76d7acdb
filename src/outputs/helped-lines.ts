import type { Coverage } from './coverage.js';
import { BATCH_RECORDS, HELP_TEXTS, type LineJob, SharedBatches, WRITTEN_BYTES } from './line-help.js';
import type { LineSink } from './line-sink.js';
import { type EndsByKinds, WrittenLines } from './written-lines.js';

/** So long the other thread is waited for. */
const PATIENCE_MS = 1000;

/** Lines of records of which another thread makes some, batch by batch, for the thread that writes all of them in order. */
export class HelpedLines {
  readonly #batches: SharedBatches;
  readonly #count: number;
  readonly #texts: readonly { readonly written: WrittenLines; readonly text: Buffer }[];

  constructor({ control, count, memory, textBytes, textsAt, writtenAt }: LineJob, ends: EndsByKinds) {
    this.#batches = new SharedBatches(control, PATIENCE_MS);
    this.#count = count;
    this.#texts = Array.from({ length: HELP_TEXTS }, (_, i) => ({
      written: new WrittenLines(memory, writtenAt + i * WRITTEN_BYTES, ends),
      text: Buffer.from(memory.buffer, textsAt + i * textBytes, textBytes),
    }));
  }

  /**
   * Writes what the other thread has made of the batch that begins with the record `first`, and of those behind it. It is followed by records
   * [next, end), which are for this thread to write before it asks for those from `end` on.
   */
  write(first: number, sink: LineSink, coverage: Coverage): { readonly next: number; readonly end: number } {
    const batches = this.#batches;
    const lines: Buffer[] = [];
    let next = first;
    let end = first;
    for (const made of batches.textsOf(first / BATCH_RECORDS)) {
      // Of the batch before some records were left.
      if (next < end) break;
      const { written, text } = this.#texts[made]!;
      lines.push(text.subarray(0, written.bytes));
      written.count(coverage);
      next = batches.nextRecord(made);
      end += BATCH_RECORDS;
    }
    if (next > first) sink.texts(lines, next - first);
    batches.giveBack(lines.length);
    return { next, end: Math.min(this.#count, Math.max(end, first + BATCH_RECORDS)) };
  }

  /** The other thread is no longer wanted. */
  end(): void {
    this.#batches.end();
  }
}
