import { limits } from '../core/limits.js';

/**
 * Ranges of stream data that lie above a hole, as sorted lists without touching ranges. A list is named by its first
 * node, -1 when it is empty. Both the nodes of one list and all nodes are bounded (`limits.segmentsPerDirection`,
 * `limits.segments`).
 */
export class SegmentPool {
  #from = new Float64Array(256);
  #to = new Float64Array(256);
  #next = new Int32Array(256);
  #used = 0;
  #free = -1;

  from(node: number): number {
    return this.#from[node]!;
  }

  to(node: number): number {
    return this.#to[node]!;
  }

  next(node: number): number {
    return this.#next[node]!;
  }

  /** Adds [from, to) to a list. Gives its new first node, or -2 when a bound was hit (the list is as before). */
  add(head: number, from: number, to: number): number {
    let previous = -1;
    let node = head;
    let length = 0;
    while (node >= 0 && this.#to[node]! < from) {
      previous = node;
      node = this.#next[node]!;
      length++;
    }
    if (node >= 0 && this.#from[node]! <= to) {
      if (from < this.#from[node]!) this.#from[node] = from;
      if (to > this.#to[node]!) this.#to[node] = to;
      this.#absorbFollowing(node);
      return head;
    }
    for (let rest = node; rest >= 0; rest = this.#next[rest]!) length++;
    if (length >= limits.segmentsPerDirection) return -2;
    const made = this.#take();
    if (made < 0) return -2;
    this.#from[made] = from;
    this.#to[made] = to;
    this.#next[made] = node;
    if (previous < 0) return made;
    this.#next[previous] = made;
    return head;
  }

  /** Gives the first node back and returns the second. */
  dropFirst(head: number): number {
    const next = this.#next[head]!;
    this.#next[head] = this.#free;
    this.#free = head;
    return next;
  }

  /** Gives a whole list back. */
  drop(head: number): void {
    for (let node = head; node >= 0; ) node = this.dropFirst(node);
  }

  /** Gives all lists back. */
  clear(): void {
    this.#used = 0;
    this.#free = -1;
  }

  #absorbFollowing(node: number): void {
    let next = this.#next[node]!;
    while (next >= 0 && this.#from[next]! <= this.#to[node]!) {
      if (this.#to[next]! > this.#to[node]!) this.#to[node] = this.#to[next]!;
      next = this.dropFirst(next);
    }
    this.#next[node] = next;
  }

  #take(): number {
    const free = this.#free;
    if (free >= 0) {
      this.#free = this.#next[free]!;
      return free;
    }
    if (this.#used >= limits.segments) return -1;
    if (this.#used === this.#from.length) {
      const length = 2 * this.#from.length;
      const from = new Float64Array(length);
      from.set(this.#from);
      this.#from = from;
      const to = new Float64Array(length);
      to.set(this.#to);
      this.#to = to;
      const next = new Int32Array(length);
      next.set(this.#next);
      this.#next = next;
    }
    return this.#used++;
  }
}
