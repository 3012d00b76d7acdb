import { type HashKey, hashFour } from '../../core/hash.js';
import { HashIndex } from './hash-index.js';
import { type HostColumns, LATEST_ORIGINS } from './host-columns.js';
import type { TextPool } from './text-pool.js';

const WIDTH = 4;
const HOST = 0;
const BOOT = 1;
const LOCAL = 2;
const USES = 3;
const FEW = 64;

/**
 * Where rows come from, by number: a host, the boot of it that the row names, and which address of its own. Each combination is kept for as
 * long as it has rows, and found by its hash, keyed with a secret. Bounded by the rows that are kept, besides one per host.
 */
export class RowOrigins {
  readonly #texts: TextPool;
  readonly #key: HashKey;
  readonly #columns: HostColumns;
  /** Ids of hosts by their number. */
  readonly #ids: string[] = [];
  /** Numbers of origins plus 1. */
  readonly #index = new HashIndex();
  /** By origin: host, text of the boot (0: the row names none), text of the address (0: none), rows. They lie together, as all are asked for. */
  #origins = new Int32Array(WIDTH * FEW);
  #next = 0;
  readonly #free: number[] = [];

  constructor(texts: TextPool, key: HashKey, columns: HostColumns) {
    this.#texts = texts;
    this.#key = key;
    this.#columns = columns;
  }

  /** Combinations that have rows. */
  get size(): number {
    return this.#index.size;
  }

  /** A number for a host; hosts are never forgotten. */
  addHost(id: string): number {
    const number = this.#ids.push(id) - 1;
    this.#columns.open(number);
    return number;
  }

  /** The origin of a row, which counts as used once more. `local`: the text of the address, 0 for none. */
  open(host: number, boot: string | undefined, local: number): number {
    const { words } = this.#columns;
    const place = this.#latestPlace(host, local);
    const latest = words[place]! - 1;
    const isLatest = latest >= 0 && this.local(latest) === local && this.boot(latest) === boot;
    const origin = isLatest ? latest : this.#find(host, boot, local);
    if (!isLatest) words[place] = origin + 1;
    this.#origins[origin * WIDTH + USES]!++;
    return origin;
  }

  #find(host: number, bootText: string | undefined, local: number): number {
    const boot = bootText === undefined ? 0 : this.#texts.open(bootText);
    const slot = this.#slotOf(host, boot, local);
    if (slot >= 0) {
      if (boot !== 0) this.#texts.release(boot);
      return this.#index.value(slot) - 1;
    }
    const origin = this.#free.pop() ?? this.#next++;
    this.#index.add(this.#hash(host, boot, local), origin + 1);
    if (origin * WIDTH >= this.#origins.length) this.#origins = grown(this.#origins);
    const at = origin * WIDTH;
    this.#origins[at + HOST] = host;
    this.#origins[at + BOOT] = boot;
    this.#origins[at + LOCAL] = local;
    this.#origins[at + USES] = 0;
    if (local !== 0) this.#texts.use(local);
    return origin;
  }

  release(origin: number): void {
    const at = origin * WIDTH;
    if (--this.#origins[at + USES]! > 0) return;
    const [host, boot, local] = [this.host(origin), this.#origins[at + BOOT]!, this.local(origin)];
    this.#index.remove(this.#slotOf(host, boot, local));
    const { words } = this.#columns;
    const place = this.#latestPlace(host, local);
    if (words[place] === origin + 1) words[place] = 0;
    if (boot !== 0) this.#texts.release(boot);
    if (local !== 0) this.#texts.release(local);
    this.#free.push(origin);
  }

  host(origin: number): number {
    return this.#origins[origin * WIDTH + HOST]!;
  }

  hostId(origin: number): string {
    return this.#ids[this.host(origin)]!;
  }

  boot(origin: number): string | undefined {
    const text = this.#origins[origin * WIDTH + BOOT]!;
    return text === 0 ? undefined : this.#texts.text(text);
  }

  /** The text of the address, 0 for none. */
  local(origin: number): number {
    return this.#origins[origin * WIDTH + LOCAL]!;
  }

  #latestPlace(host: number, local: number): number {
    return this.#columns.wordsOf(host) + LATEST_ORIGINS + (local === 0 ? 0 : 1);
  }

  #slotOf(host: number, boot: number, local: number): number {
    const hash = this.#hash(host, boot, local);
    let slot = this.#index.first(hash);
    while (slot >= 0 && !this.#isOf(this.#index.value(slot) - 1, host, boot, local))
      slot = this.#index.next(slot, hash);
    return slot;
  }

  #isOf(origin: number, host: number, boot: number, local: number): boolean {
    const at = origin * WIDTH;
    const origins = this.#origins;
    return origins[at + HOST] === host && origins[at + BOOT] === boot && origins[at + LOCAL] === local;
  }

  #hash(host: number, boot: number, local: number): number {
    return hashFour(this.#key.k0, this.#key.k1, host, boot, local, 0);
  }
}

function grown(columns: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const out = new Int32Array(2 * columns.length);
  out.set(columns);
  return out;
}
