const MIN_SLOTS = 1_024;

/**
 * Numbers by hash, several of one hash apart: open addressing in two typed arrays, which double when half full. Whoever looks
 * something up compares what the numbers stand for. 0 is no number. Grows and shrinks with nothing but what its users enter.
 */
export class HashIndex {
  /** 0: the slot is free. */
  #values = new Int32Array(MIN_SLOTS);
  #hashes = new Int32Array(MIN_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The slot of the first number of this hash, else -1. */
  first(hash: number): number {
    return this.#from(hash & (this.#values.length - 1), hash);
  }

  /** The slot of the next one. */
  next(slot: number, hash: number): number {
    return this.#from((slot + 1) & (this.#values.length - 1), hash);
  }

  value(slot: number): number {
    return this.#values[slot]!;
  }

  replace(slot: number, value: number): void {
    this.#values[slot] = value;
  }

  add(hash: number, value: number): void {
    if (++this.#size * 2 > this.#values.length) this.#grow();
    this.#place(hash, value);
  }

  /** Empties a slot and moves up what had to go past it, so that everything is still found. */
  remove(slot: number): void {
    const values = this.#values;
    const hashes = this.#hashes;
    const mask = values.length - 1;
    let hole = slot;
    for (let at = (hole + 1) & mask; values[at] !== 0; at = (at + 1) & mask) {
      const home = hashes[at]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      hashes[hole] = hashes[at]!;
      values[hole] = values[at]!;
      hole = at;
    }
    values[hole] = 0;
    this.#size--;
  }

  #from(start: number, hash: number): number {
    const values = this.#values;
    const hashes = this.#hashes;
    const mask = values.length - 1;
    for (let slot = start; values[slot] !== 0; slot = (slot + 1) & mask) if (hashes[slot] === hash) return slot;
    return -1;
  }

  #place(hash: number, value: number): void {
    const mask = this.#values.length - 1;
    let slot = hash & mask;
    while (this.#values[slot] !== 0) slot = (slot + 1) & mask;
    this.#values[slot] = value;
    this.#hashes[slot] = hash;
  }

  #grow(): void {
    const values = this.#values;
    const hashes = this.#hashes;
    this.#values = new Int32Array(2 * values.length);
    this.#hashes = new Int32Array(2 * values.length);
    for (let slot = 0; slot < values.length; slot++) {
      if (values[slot] !== 0) this.#place(hashes[slot]!, values[slot]!);
    }
  }
}
