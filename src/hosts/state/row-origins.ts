import type { TextPool } from './text-pool.js';

/**
 * Where rows come from, by number: a host, and the boot of it that the row names. Each pair is kept for as long as it has rows. Bounded
 * by the rows that are kept, besides one per host.
 */
export class RowOrigins {
  readonly #texts: TextPool;
  /** Ids of hosts by their number. */
  readonly #ids: string[] = [];
  /** By host, the origin that its latest row had, as long as that has rows; else -1. */
  readonly #latest: number[] = [];
  readonly #byKey = new Map<string, number>();
  /** By origin: host, text of the boot (0: the row names none), rows. */
  readonly #hosts: number[] = [];
  readonly #boots: number[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  constructor(texts: TextPool) {
    this.#texts = texts;
  }

  /** Pairs that have rows. */
  get size(): number {
    return this.#byKey.size;
  }

  /** A number for a host; hosts are never forgotten. */
  addHost(id: string): number {
    this.#latest.push(-1);
    return this.#ids.push(id) - 1;
  }

  /** The origin of a row, which counts as used once more. */
  open(host: number, boot: string | undefined): number {
    const latest = this.#latest[host]!;
    const origin = latest >= 0 && this.boot(latest) === boot ? latest : this.#find(host, boot);
    this.#uses[origin]!++;
    return origin;
  }

  #find(host: number, boot: string | undefined): number {
    const key = keyOf(host, boot);
    let origin = this.#byKey.get(key);
    if (origin === undefined) {
      origin = this.#free.pop() ?? this.#hosts.length;
      this.#byKey.set(key, origin);
      this.#hosts[origin] = host;
      this.#boots[origin] = boot === undefined ? 0 : this.#texts.open(boot);
      this.#uses[origin] = 0;
    }
    this.#latest[host] = origin;
    return origin;
  }

  release(origin: number): void {
    if (--this.#uses[origin]! > 0) return;
    const host = this.#hosts[origin]!;
    this.#byKey.delete(keyOf(host, this.boot(origin)));
    if (this.#latest[host] === origin) this.#latest[host] = -1;
    if (this.#boots[origin] !== 0) this.#texts.release(this.#boots[origin]!);
    this.#free.push(origin);
  }

  host(origin: number): number {
    return this.#hosts[origin]!;
  }

  hostId(origin: number): string {
    return this.#ids[this.#hosts[origin]!]!;
  }

  boot(origin: number): string | undefined {
    const text = this.#boots[origin]!;
    return text === 0 ? undefined : this.#texts.text(text);
  }
}

function keyOf(host: number, boot: string | undefined): string {
  return boot === undefined ? String(host) : `${host} ${boot}`;
}
