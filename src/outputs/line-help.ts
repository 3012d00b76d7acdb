/** Records of a batch, whose lines one of two threads makes. */
export const BATCH_RECORDS = 400;
/** Batches whose lines the other thread may have made before they are written. */
export const HELP_TEXTS = 8;
/** Bytes in the kernel's memory for what it tells of each of those, and for the stack that it has in that thread. */
export const WRITTEN_BYTES = 256;
export const HELP_STACK_BYTES = 4096;
/** A thread that waits looks so often before it sleeps for a moment: mostly it is a few hundredths of a millisecond. */
const LOOKS = 10_000;
const SLEEP_MS = 1;

// Words of `control`: the batch that is taken next; of each text the batch that it has, 0 for none, from 1 on; and the record behind its lines.
const NEXT_BATCH = 0;
const READY = 16;
const NEXT_RECORD = READY + HELP_TEXTS;
const CONTROL_WORDS = NEXT_RECORD + HELP_TEXTS;

/** What a thread needs that makes lines of records for another one: addresses in a memory that both have, with the kernel of `native/lines`. */
export interface LineJob {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  /** Where the addresses of the records are, and how many. */
  readonly placesAt: number;
  readonly count: number;
  /** Batches that may be taken: what comes behind them is left to the other thread. */
  readonly batches: number;
  readonly captureId: number;
  readonly captureWord: number;
  readonly tailsAt: number;
  /** HELP_TEXTS times WRITTEN_BYTES, and behind them HELP_STACK_BYTES. */
  readonly writtenAt: number;
  /** HELP_TEXTS times `textBytes`. */
  readonly textsAt: number;
  readonly textBytes: number;
}

/** A thread that has nothing else to do, with room in a memory that it has in common with this one. */
export interface LineHelper {
  readonly memory: WebAssembly.Memory;
  readonly at: number;
  readonly bytes: number;
  /** Has it call `helpWithLines`. */
  start(job: LineJob): void;
}

export const newControl = (): SharedArrayBuffer => new SharedArrayBuffer(4 * CONTROL_WORDS);

/** Writes lines of records, from `first` on, of a capture; see `native/lines/line.c`. */
export type WriteLines = (
  records: number,
  first: number,
  end: number,
  captureId: number,
  captureWord: number,
  tails: number,
  text: number,
  room: number,
  written: number,
) => number;

/** Whether a word becomes the wanted one within about so many milliseconds. */
function becomes(control: Int32Array, word: number, wanted: number, patienceMs: number): boolean {
  for (let looks = 0; looks < LOOKS; looks++) if (Atomics.load(control, word) === wanted) return true;
  for (let slept = 0; slept < patienceMs; slept += SLEEP_MS) {
    const value = Atomics.load(control, word);
    if (value === wanted) return true;
    Atomics.wait(control, word, value, SLEEP_MS);
  }
  return false;
}

/** The other thread's part: makes lines of batches that nobody has taken, until none is left for it. */
export function helpWithLines(job: LineJob): void {
  const { exports } = new WebAssembly.Instance(job.module, { env: { memory: job.memory } });
  // The two would overwrite what the other one has on the stack.
  (exports.__stack_pointer as WebAssembly.Global).value = job.writtenAt + HELP_TEXTS * WRITTEN_BYTES + HELP_STACK_BYTES;
  const write = exports.lines as WriteLines;
  const control = new Int32Array(job.control);
  const { batches, captureId, captureWord, count, placesAt, tailsAt, textBytes } = job;
  for (let made = 0; ; made++) {
    const text = made % HELP_TEXTS;
    do if (Atomics.load(control, NEXT_BATCH) >= batches) return;
    while (!becomes(control, READY + text, 0, SLEEP_MS));
    const batch = Atomics.add(control, NEXT_BATCH, 1);
    const first = batch * BATCH_RECORDS;
    if (first >= count) return;
    const end = Math.min(count, first + BATCH_RECORDS);
    const textAt = job.textsAt + text * textBytes;
    const writtenAt = job.writtenAt + text * WRITTEN_BYTES;
    const next = write(placesAt, first, end, captureId, captureWord, tailsAt, textAt, textBytes, writtenAt);
    control[NEXT_RECORD + text] = next;
    Atomics.store(control, READY + text, batch + 1);
  }
}

/** The batches of a job, for the thread that writes all lines in order. */
export class SharedBatches {
  readonly #control: Int32Array;
  /** The next one that is for this thread to make. */
  #own: number;
  /** Batches that the other thread made. */
  #taken = 0;
  readonly #patienceMs: number;

  constructor(control: SharedArrayBuffer, patienceMs: number) {
    this.#control = new Int32Array(control);
    this.#patienceMs = patienceMs;
    this.#own = this.#next();
  }

  #next(): number {
    return Atomics.add(this.#control, NEXT_BATCH, 1);
  }

  /**
   * Numbers of the texts that have the lines of a batch and of those behind it, as many as there are. They are in use until they are given back. Each batch
   * is asked for in order but for those whose texts were given back. None when it is for this thread to make, as all are once the other one does not come up with what
   * it took.
   */
  textsOf(batch: number): readonly number[] {
    if (batch === this.#own) {
      this.#own = this.#next();
      return [];
    }
    if (this.#own === Number.POSITIVE_INFINITY) return [];
    const control = this.#control;
    const first = this.#taken % HELP_TEXTS;
    if (!becomes(control, READY + first, batch + 1, this.#patienceMs)) {
      this.end();
      return [];
    }
    const texts = [first];
    for (let next = batch + 1; texts.length < HELP_TEXTS; next++) {
      const text = (this.#taken + texts.length) % HELP_TEXTS;
      // Not where the batch is this thread's.
      if (Atomics.load(control, READY + text) !== next + 1) break;
      texts.push(text);
    }
    return texts;
  }

  /** The record behind the lines of a text. */
  nextRecord(text: number): number {
    return this.#control[NEXT_RECORD + text]!;
  }

  /** Gives so many of the texts back that come first. */
  giveBack(count: number): void {
    for (let i = 0; i < count; i++, this.#taken++) Atomics.store(this.#control, READY + (this.#taken % HELP_TEXTS), 0);
  }

  /** The other thread takes no more. */
  end(): void {
    this.#own = Number.POSITIVE_INFINITY;
    Atomics.store(this.#control, NEXT_BATCH, 2 ** 30);
  }
}
