import type { LogLine } from './log-lines.js';

const QUOTE = 34;
const BACKSLASH = 92;
const opening: readonly number[] = [91, 123];
const closing: readonly number[] = [93, 125];

/**
 * Makes one line of each JSON object that was printed over several, as `jq` and most programs do for people: its first line is but a brace,
 * those inside are indented, the last one begins with a brace. It has the number of its first line. Other lines stay as they are, also those
 * after a brace that no such object follows. Of an object longer than `maxBytes` the text is left out.
 */
export class SpreadObjects {
  #held: LogLine[] = [];
  #bytes = 0;
  #depth = 0;

  constructor(private readonly maxBytes: number) {}

  /** Appends what is whole with the next line to `out`. */
  take(line: LogLine, out: LogLine[]): void {
    if (this.#depth === 0) {
      if (isBeginning(line.text)) this.#hold(line, out);
      else out.push(line);
    } else if (line.text === undefined || /^[\s}\]]/.test(line.text)) this.#hold(line, out);
    else {
      for (const each of this.end()) out.push(each);
      this.take(line, out);
    }
  }

  /** What is left of an object that has no end. */
  end(): readonly LogLine[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    this.#depth = 0;
    return held;
  }

  #hold(line: LogLine, out: LogLine[]): void {
    this.#bytes += line.bytes;
    if (this.#bytes <= this.maxBytes) this.#held.push(line);
    this.#depth += line.text === undefined ? 0 : deeper(line.text);
    if (this.#depth > 0) return;
    const bytes = this.#bytes;
    const held = this.end();
    const text = bytes > this.maxBytes ? undefined : held.map((each) => each.text).join('\n');
    out.push({ number: held[0]!.number, bytes, text });
  }
}

/** A brace alone, or in an array. */
function isBeginning(text: string | undefined): text is string {
  return text !== undefined && text.length < 100 && /^[\s[,]*\{\s*$/.test(text);
}

/** How many braces and brackets a line opens more than it closes. Texts of JSON do not go over lines. */
function deeper(text: string): number {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inText = false;
    } else if (code === QUOTE) inText = true;
    else if (opening.includes(code)) depth++;
    else if (closing.includes(code)) depth--;
  }
  return depth;
}
