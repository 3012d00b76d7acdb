/** Parts that grow each on its own, chosen by the upper bits of a hash. */
const PART_BITS = 8;
const PARTS = 1 << PART_BITS;
const PART = PARTS - 1;
const MIN_SLOTS = 8;

type Part = Int32Array<ArrayBuffer>;

/**
 * Numbers by hash, several of one hash apart: open addressing in typed arrays, hash and number side by side, which double when two thirds
 * full. It is made of parts, so that with millions of numbers no single one waits until all have moved. Whoever looks something up
 * compares what the numbers stand for. 0 is no number. Hashes are expected to be even in all of their bits. Grows with nothing but what
 * its users enter.
 */
export class HashIndex {
  /** Of each part pairs of a hash and its number; number 0: the slot is free. */
  readonly #parts = Array.from({ length: PARTS }, () => new Int32Array(2 * MIN_SLOTS));
  readonly #sizes = new Int32Array(PARTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot of the first number of this hash, else -1. Slots are void after the next `add` or `remove`. */
  first(hash: number): number {
    return this.#from(hash >>> (32 - PART_BITS), hash, hash);
  }

  /** The slot of the next one. */
  next(slot: number, hash: number): number {
    return this.#from(slot & PART, (slot >>> PART_BITS) + 1, hash);
  }

  value(slot: number): number {
    return this.#parts[slot & PART]![2 * (slot >>> PART_BITS) + 1]!;
  }

  replace(slot: number, value: number): void {
    this.#parts[slot & PART]![2 * (slot >>> PART_BITS) + 1] = value;
  }

  add(hash: number, value: number): void {
    const number = hash >>> (32 - PART_BITS);
    let part = this.#parts[number]!;
    this.#size++;
    if (++this.#sizes[number]! * 3 > part.length) {
      part = grown(part);
      this.#parts[number] = part;
    }
    place(part, hash, value);
  }

  /** Empties a slot and moves up what had to go past it, so that everything is still found. */
  remove(slot: number): void {
    const part = this.#parts[slot & PART]!;
    const mask = part.length / 2 - 1;
    let hole = slot >>> PART_BITS;
    for (let at = (hole + 1) & mask; part[2 * at + 1] !== 0; at = (at + 1) & mask) {
      const home = part[2 * at]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      part[2 * hole] = part[2 * at]!;
      part[2 * hole + 1] = part[2 * at + 1]!;
      hole = at;
    }
    part[2 * hole + 1] = 0;
    this.#sizes[slot & PART]!--;
    this.#size--;
  }

  #from(number: number, start: number, hash: number): number {
    const part = this.#parts[number]!;
    const mask = part.length / 2 - 1;
    const wanted = hash | 0;
    for (let at = start & mask; part[2 * at + 1] !== 0; at = (at + 1) & mask) {
      if (part[2 * at] === wanted) return (at << PART_BITS) | number;
    }
    return -1;
  }
}

function place(part: Part, hash: number, value: number): void {
  const mask = part.length / 2 - 1;
  let at = hash & mask;
  while (part[2 * at + 1] !== 0) at = (at + 1) & mask;
  part[2 * at] = hash;
  part[2 * at + 1] = value;
}

function grown(part: Part): Part {
  const out = new Int32Array(2 * part.length);
  for (let at = 0; at < part.length; at += 2) if (part[at + 1] !== 0) place(out, part[at]!, part[at + 1]!);
  return out;
}
