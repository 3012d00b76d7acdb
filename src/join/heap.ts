/** An entry that is due at a time. */
export interface Due {
  readonly at: number;
}

/** Entries taken one by one before the rest is gone through at once. */
const FEW = 16;

/** A binary heap by `at`, earliest first. */
export class Heap<T extends Due> {
  #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const items = this.#items;
    let i = items.length;
    items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (items[parent]!.at <= item.at) break;
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = item;
  }

  /** Takes all entries due at or before `now` to the end of `out`, in no order. */
  drain(now: number, out: T[]): void {
    for (let taken = 0; taken < FEW; taken++) {
      const item = this.pop(now);
      if (item === undefined) return;
      out.push(item);
    }
    const later: T[] = [];
    for (const item of this.#items) {
      if (item.at <= now) out.push(item);
      else later.push(item);
    }
    this.#items = later;
    for (let i = (later.length >> 1) - 1; i >= 0; i--) this.#sink(i, later[i]!);
  }

  /** Takes the earliest entry if it is due at or before `now`. */
  pop(now: number): T | undefined {
    const items = this.#items;
    const top = items[0];
    if (top === undefined || top.at > now) return undefined;
    const last = items.pop()!;
    if (items.length > 0) this.#sink(0, last);
    return top;
  }

  /** Puts an item where it belongs at or below a place. */
  #sink(place: number, item: T): void {
    const items = this.#items;
    const size = items.length;
    let i = place;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && items[child + 1]!.at < items[child]!.at) child++;
      if (items[child]!.at >= item.at) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = item;
  }
}
