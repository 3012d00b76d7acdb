/** Of a place that is free. */
const FREE = '';

/** Parts that grow each on its own, so that with a million texts no single one waits until all have moved. */
const PARTS = 64;

/** Tells texts apart as well as it takes to spread them: those of one kind differ in their last characters. */
function partOf(text: string): number {
  const { length } = text;
  if (length < 2) return length;
  return (length + 7 * text.charCodeAt(length - 1) + 31 * text.charCodeAt(length - 2)) % PARTS;
}

/** Texts remembered besides: most are among the few that many rows have. */
const RECENT = 1_024;

function placeOf(text: string): number {
  const { length } = text;
  if (length < 3) return length;
  const [last, second] = [text.charCodeAt(length - 1), text.charCodeAt(length - 2)];
  return (length + 37 * last + 331 * second + 1_031 * text.charCodeAt(length - 3)) % RECENT;
}

/**
 * Texts by number, equal ones once, each for as long as it is used. Numbers begin at 1 and are used again. Unbounded itself; what
 * uses texts is bounded.
 */
export class TextPool {
  readonly #ids = Array.from({ length: PARTS }, () => new Map<string, number>());
  #size = 0;
  readonly #texts: string[] = [FREE];
  readonly #uses: number[] = [0];
  readonly #free: number[] = [];
  /** By the last characters, the text that was asked for last. */
  readonly #recent = new Int32Array(RECENT);

  get size(): number {
    return this.#size;
  }

  /** The number of the text, which counts as used once more. */
  open(text: string): number {
    const place = placeOf(text);
    const recent = this.#recent[place]!;
    // What is free is the empty text, which may be used as well.
    if (recent !== 0 && this.#texts[recent] === text && this.#uses[recent]! > 0) {
      this.#uses[recent]!++;
      return recent;
    }
    const id = this.#intern(text);
    this.#recent[place] = id;
    return id;
  }

  /** A text of this number, which is in use, is used once more. */
  use(id: number): void {
    this.#uses[id]!++;
  }

  #intern(text: string): number {
    const ids = this.#ids[partOf(text)]!;
    const known = ids.get(text);
    if (known !== undefined) {
      this.#uses[known]!++;
      return known;
    }
    const id = this.#free.pop() ?? this.#texts.length;
    this.#texts[id] = text;
    this.#uses[id] = 1;
    ids.set(text, id);
    this.#size++;
    return id;
  }

  /** The number of a text in use, else 0. */
  find(text: string): number {
    return this.#ids[partOf(text)]!.get(text) ?? 0;
  }

  release(id: number): void {
    if (--this.#uses[id]! > 0) return;
    const text = this.#texts[id]!;
    this.#ids[partOf(text)]!.delete(text);
    this.#size--;
    this.#texts[id] = FREE;
    this.#free.push(id);
  }

  text(id: number): string {
    return this.#texts[id]!;
  }
}
