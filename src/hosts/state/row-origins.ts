import { type HashKey, hashFour } from '../../core/hash.js';
import { HashIndex } from './hash-index.js';
import type { TextPool } from './text-pool.js';

/**
 * Where rows come from, by number: a host, the boot of it that the row names, and which address of its own. Each combination is kept for as
 * long as it has rows, and found by its hash, keyed with a secret. Bounded by the rows that are kept, besides one per host.
 */
export class RowOrigins {
  readonly #texts: TextPool;
  readonly #key: HashKey;
  /** Ids of hosts by their number. */
  readonly #ids: string[] = [];
  /** Two for each host, of rows that name no address and of those that do: the origin that the latest one had, as long as that has rows; else -1. */
  readonly #latest: number[] = [];
  /** Numbers of origins plus 1. */
  readonly #index = new HashIndex();
  /** By origin: host, text of the boot (0: the row names none), text of the address (0: none), rows. */
  readonly #hosts: number[] = [];
  readonly #boots: number[] = [];
  readonly #locals: number[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  constructor(texts: TextPool, key: HashKey) {
    this.#texts = texts;
    this.#key = key;
  }

  /** Combinations that have rows. */
  get size(): number {
    return this.#index.size;
  }

  /** A number for a host; hosts are never forgotten. */
  addHost(id: string): number {
    this.#latest.push(-1, -1);
    return this.#ids.push(id) - 1;
  }

  /** The origin of a row, which counts as used once more. `local`: the text of the address, 0 for none. */
  open(host: number, boot: string | undefined, local: number): number {
    const place = latestPlace(host, local);
    const latest = this.#latest[place]!;
    const isLatest = latest >= 0 && this.#locals[latest] === local && this.boot(latest) === boot;
    const origin = isLatest ? latest : this.#find(host, boot, local);
    this.#latest[place] = origin;
    this.#uses[origin]!++;
    return origin;
  }

  #find(host: number, bootText: string | undefined, local: number): number {
    const boot = bootText === undefined ? 0 : this.#texts.open(bootText);
    const slot = this.#slotOf(host, boot, local);
    if (slot >= 0) {
      if (boot !== 0) this.#texts.release(boot);
      return this.#index.value(slot) - 1;
    }
    const origin = this.#free.pop() ?? this.#hosts.length;
    this.#index.add(this.#hash(host, boot, local), origin + 1);
    this.#hosts[origin] = host;
    this.#boots[origin] = boot;
    this.#locals[origin] = local;
    if (local !== 0) this.#texts.use(local);
    this.#uses[origin] = 0;
    return origin;
  }

  release(origin: number): void {
    if (--this.#uses[origin]! > 0) return;
    const [host, boot, local] = [this.#hosts[origin]!, this.#boots[origin]!, this.#locals[origin]!];
    this.#index.remove(this.#slotOf(host, boot, local));
    const place = latestPlace(host, local);
    if (this.#latest[place] === origin) this.#latest[place] = -1;
    if (boot !== 0) this.#texts.release(boot);
    if (local !== 0) this.#texts.release(local);
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

  /** The text of the address, 0 for none. */
  local(origin: number): number {
    return this.#locals[origin]!;
  }

  #slotOf(host: number, boot: number, local: number): number {
    const hash = this.#hash(host, boot, local);
    let slot = this.#index.first(hash);
    while (slot >= 0 && !this.#isOf(this.#index.value(slot) - 1, host, boot, local))
      slot = this.#index.next(slot, hash);
    return slot;
  }

  #isOf(origin: number, host: number, boot: number, local: number): boolean {
    return this.#hosts[origin] === host && this.#boots[origin] === boot && this.#locals[origin] === local;
  }

  #hash(host: number, boot: number, local: number): number {
    return hashFour(this.#key.k0, this.#key.k1, host, boot, local, 0);
  }
}

function latestPlace(host: number, local: number): number {
  return 2 * host + (local === 0 ? 0 : 1);
}
