/** Parts that grow each on its own, chosen by the upper bits of a hash. */
const PART_BITS = 8;
const PARTS = 1 << PART_BITS;
const PART = PARTS - 1;
const MIN_SLOTS = 8;
/** A part grows by a quarter when more than so much of it is taken. */
const MOST_TAKEN = 0.7;
const GROWTH = 1.25;
/** Turns the bits of a hash below those that choose the part into a fraction of 1. */
const REST = 2 ** (32 - PART_BITS) - 1;
const FRACTION = 1 / (REST + 1);

type Part = Int32Array<ArrayBuffer>;

/**
 * Numbers by hash, several of one hash apart: open addressing in typed arrays, hash and number side by side. It is made of parts, which grow
 * little by little, so that hardly more memory is taken than is needed, and with millions of numbers no single one waits until all have moved.
 * Whoever looks something up compares what the numbers stand for. 0 is no number. Hashes are expected to be even in all of their bits. Grows
 * with nothing but what its users enter.
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
    const number = hash >>> (32 - PART_BITS);
    return this.#from(number, homeOf(hash, this.#parts[number]!.length), hash);
  }

  /** The slot of the next one. */
  next(slot: number, hash: number): number {
    const number = slot & PART;
    return this.#from(number, after(2 * (slot >>> PART_BITS), this.#parts[number]!.length), hash);
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
    if (++this.#sizes[number]! * 2 > part.length * MOST_TAKEN) {
      part = grown(part);
      this.#parts[number] = part;
    }
    place(part, hash, value);
  }

  /** Empties a slot and moves up what had to go past it, so that everything is still found. */
  remove(slot: number): void {
    const part = this.#parts[slot & PART]!;
    const { length } = part;
    let hole = 2 * (slot >>> PART_BITS);
    for (let at = after(hole, length); part[at + 1] !== 0; at = after(at, length)) {
      const home = homeOf(part[at]!, length);
      if (distance(home, at, length) < distance(hole, at, length)) continue;
      part[hole] = part[at]!;
      part[hole + 1] = part[at + 1]!;
      hole = at;
    }
    part[hole + 1] = 0;
    this.#sizes[slot & PART]!--;
    this.#size--;
  }

  #from(number: number, start: number, hash: number): number {
    const part = this.#parts[number]!;
    const { length } = part;
    const wanted = hash | 0;
    for (let at = start; part[at + 1] !== 0; at = after(at, length)) {
      if (part[at] === wanted) return ((at >>> 1) << PART_BITS) | number;
    }
    return -1;
  }
}

/** Where in a part a hash is looked for first. */
function homeOf(hash: number, length: number): number {
  return 2 * Math.floor((hash & REST) * FRACTION * (length >>> 1));
}

function after(at: number, length: number): number {
  return at + 2 === length ? 0 : at + 2;
}

/** How far it is from one place to another that is behind it, or before it where the part begins anew. */
function distance(from: number, to: number, length: number): number {
  return to >= from ? to - from : to - from + length;
}

function place(part: Part, hash: number, value: number): void {
  let at = homeOf(hash, part.length);
  while (part[at + 1] !== 0) at = after(at, part.length);
  part[at] = hash;
  part[at + 1] = value;
}

function grown(part: Part): Part {
  const out = new Int32Array(2 * Math.ceil((part.length / 2) * GROWTH));
  for (let at = 0; at < part.length; at += 2) if (part[at + 1] !== 0) place(out, part[at]!, part[at + 1]!);
  return out;
}
