const FEWEST = 256;
const MOST = 1 << 16;
/** Characters that tell texts apart. */
const TAIL = 6;
/** That of FNV-1. */
const FACTOR = 0x01000193;

/**
 * What was found last by texts alike in their last characters. A look-up in a `Map` follows every text of the same bucket into memory, which is
 * what it costs where there are thousands; here one is compared, by whoever asks. Bound: grows to eight times what is found, so that one in twenty look-ups falls on another's place, at most 65,536.
 */
export class TextCache<T> {
  #items: (T | undefined)[] = empty<T>(FEWEST);

  /** Makes room where so many things can be found. What was found is forgotten then. */
  makeRoom(count: number): void {
    const { length } = this.#items;
    if (8 * count > length && length < MOST) this.#items = empty<T>(2 * length);
  }

  /** The place of a text until room is made. */
  placeOf(text: string): number {
    const { length } = text;
    let mixed = length;
    for (let at = Math.max(length - TAIL, 0); at < length; at++) mixed = Math.imul(mixed, FACTOR) + text.charCodeAt(at);
    return (mixed ^ (mixed >>> 15)) & (this.#items.length - 1);
  }

  at(place: number): T | undefined {
    return this.#items[place];
  }

  put(place: number, item: T | undefined): void {
    this.#items[place] = item;
  }
}

function empty<T>(length: number): (T | undefined)[] {
  return new Array<T | undefined>(length).fill(undefined);
}
