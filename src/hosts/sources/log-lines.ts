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
 * Splits byte chunks into lines (numbered from 1; a last one without a line feed counts). A line longer than `maxBytes`
 * is told without its text, so that no input makes this hold more than that; where objects of JSON stand behind each other it is given in parts, of
 * whole objects each, under one number. An object over several lines is one. Empty lines are left out.
 */
export async function* readLogLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<LogLine> {
  const objects = new SpreadObjects(maxBytes);
  let number = 1;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const finish = (): LogLine | undefined => {
    const text = heldBytes > maxBytes ? undefined : Buffer.concat(held, heldBytes).toString('utf8');
    const line = { number, bytes: heldBytes, text };
    held = [];
    heldBytes = 0;
    return text !== undefined && text.trim() === '' ? undefined : line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    while (start < chunk.length) {
      const found = chunk.indexOf(LINE_FEED, start);
      const end = found < 0 ? chunk.length : found;
      heldBytes += end - start;
      if (heldBytes > maxBytes && held.length > 0) {
        const before = Buffer.concat(held);
        // One character a byte; what counts is ASCII in UTF-8 too.
        const whole = endOfLastObject(before.toString('latin1'));
        if (whole > 0) {
          yield { number, bytes: whole, text: before.toString('utf8', 0, whole) };
          held = [before.subarray(whole)];
          heldBytes -= whole;
        }
      }
      if (heldBytes <= maxBytes) held.push(chunk.subarray(start, end));
      else held = [];
      if (found < 0) break;
      const line = finish();
      if (line !== undefined) for (const each of objects.take(line)) yield each;
      number++;
      start = found + 1;
    }
  }
  const last = heldBytes > 0 ? finish() : undefined;
  if (last !== undefined) yield* objects.take(last);
  yield* objects.end();
}
