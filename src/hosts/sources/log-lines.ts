import { endOfLastObject } from './json-objects.js';
import { SpreadObjects } from './spread-objects.js';

/** One line of a log, without its line end. `text` is undefined when the line is longer than allowed. */
export interface LogLine {
  readonly number: number;
  readonly bytes: number;
  readonly text: string | undefined;
}

const LINE_FEED = 10;

/**
 * Splits byte chunks into lines (numbered from 1; a last one without a line feed counts), and gives those that end in a chunk together. A line longer
 * than `maxBytes` is told without its text, so that no input makes this hold more than that; where objects of JSON stand behind each other it is given
 * in parts, of whole objects each, under one number. An object over several lines is one. Empty lines are left out.
 */
export async function* readLogLines(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number,
): AsyncGenerator<readonly LogLine[]> {
  const lines = new LogLines(maxBytes);
  for await (const chunk of chunks) yield lines.take(chunk);
  yield lines.end();
}

class LogLines {
  readonly #objects: SpreadObjects;
  #number = 1;
  /** What there is of a line that has no end yet, without its text where that is too long. */
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(private readonly maxBytes: number) {
    this.#objects = new SpreadObjects(maxBytes);
  }

  take(chunk: Buffer): readonly LogLine[] {
    const out: LogLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      if (this.#heldBytes > 0 || end - start > this.maxBytes) {
        this.#hold(chunk.subarray(start, end), out);
        this.#finish(out);
      } else this.#add(chunk.toString('utf8', start, end), end - start, out);
      this.#number++;
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start), out);
    return out;
  }

  /** The log is over. */
  end(): readonly LogLine[] {
    const out: LogLine[] = [];
    if (this.#heldBytes > 0) this.#finish(out);
    for (const each of this.#objects.end()) out.push(each);
    return out;
  }

  #hold(part: Buffer, out: LogLine[]): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.maxBytes && this.#held.length > 0) {
      const before = Buffer.concat(this.#held);
      // One character a byte; what counts is ASCII in UTF-8 too.
      const whole = endOfLastObject(before.toString('latin1'));
      if (whole > 0) {
        out.push({ number: this.#number, bytes: whole, text: before.toString('utf8', 0, whole) });
        this.#held = [before.subarray(whole)];
        this.#heldBytes -= whole;
      }
    }
    if (this.#heldBytes <= this.maxBytes) this.#held.push(part);
    else this.#held = [];
  }

  #finish(out: LogLine[]): void {
    const isTooLong = this.#heldBytes > this.maxBytes;
    this.#add(isTooLong ? undefined : Buffer.concat(this.#held).toString('utf8'), this.#heldBytes, out);
    this.#held = [];
    this.#heldBytes = 0;
  }

  #add(text: string | undefined, bytes: number, out: LogLine[]): void {
    if (text !== undefined && text.trim() === '') return;
    this.#objects.take({ number: this.#number, bytes, text }, out);
  }
}
