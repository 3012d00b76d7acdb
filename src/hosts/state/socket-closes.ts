import { type HashKey, hashFour } from '../../core/hash.js';
import type { Micros } from '../../core/time.js';
import { HashIndex } from './hash-index.js';
import { CLOSE_QUEUE, type HostColumns } from './host-columns.js';
import { OFFSET, RecordPages } from './record-pages.js';
import { RowQueue } from './row-queue.js';
import type { SocketFact } from './socket-fact.js';
import { openInode, releaseInode } from './socket-record.js';
import type { TextPool } from './text-pool.js';

/** A record: words for host, next of the same key, next of the host, process (0: the key is a socket's number), stream; doubles for the rest. */
const HOST = 0;
const NEXT = 1;
const NEXT_OF_HOST = 2;
const PID = 3;
const STREAM = 4;
const KEY = 3;
const LO = 4;
const HI = 5;
const SEQ = 6;
const WORDS = 14;
/** In place of a process: it is in no list any more. */
const DEAD = -1;

/** Closes kept of one socket number or descriptor, the latest. */
const MAX_CLOSES = 256;

/** Bounds of the moment at which a socket was closed. */
export interface Close {
  readonly lo: Micros;
  readonly hi: Micros;
}

/** Calls of all hosts that closed a socket, by its number, or else by process and descriptor. Hosts bound how many they keep. */
export class SocketCloses {
  readonly #key: HashKey;
  readonly #texts: TextPool;
  readonly #pages = new RecordPages();
  /** First close of each key. */
  readonly #index = new HashIndex();
  readonly #queue: RowQueue;

  constructor(key: HashKey, texts: TextPool, columns: HostColumns) {
    this.#key = key;
    this.#texts = texts;
    this.#queue = new RowQueue(columns, CLOSE_QUEUE, this.#pages, NEXT_OF_HOST);
  }

  /** Closes of a host. */
  count(host: number): number {
    return this.#queue.count(host);
  }

  /** False: it was known. */
  add(host: number, fact: SocketFact): boolean {
    const { inode, pid, fd, lo, hi, row } = fact;
    if (inode === undefined && fd === undefined) return true;
    const texts = this.#texts;
    const key = inode === undefined ? fd! : openInode(texts, inode);
    const owner = inode === undefined ? pid : 0;
    const stream = texts.open(row.stream);
    const handle = this.#pages.allocate(WORDS);
    const words = this.#pages.words[handle >>> 16]!;
    const doubles = this.#pages.doubles[handle >>> 16]!;
    const at = handle & OFFSET;
    words[at + HOST] = host;
    words[at + NEXT] = 0;
    words[at + PID] = owner;
    words[at + STREAM] = stream;
    doubles[(at >>> 1) + KEY] = key;
    doubles[(at >>> 1) + LO] = lo;
    doubles[(at >>> 1) + HI] = hi;
    doubles[(at >>> 1) + SEQ] = row.seq;
    if (!this.#insert(handle, host, owner, key)) {
      this.#free(handle);
      return false;
    }
    this.#queue.add(host, handle);
    return true;
  }

  /** The first close of this socket at or after `from`; by its number where it has one (see openInode), else by process and descriptor. */
  find(host: number, inode: number, pid: number, fd: number | undefined, from: Micros): Close | undefined {
    const owner = inode === 0 ? pid : 0;
    const key = inode === 0 ? fd : inode;
    if (key === undefined || this.count(host) === 0) return undefined;
    const slot = this.#slotOf(host, owner, key);
    if (slot < 0) return undefined;
    let handle = this.#index.value(slot);
    while (handle !== 0 && this.#double(handle, LO) < from) handle = this.#word(handle, NEXT);
    return handle === 0 ? undefined : { lo: this.#double(handle, LO), hi: this.#double(handle, HI) };
  }

  /**
   * Forgets the close that came first, and the others of its key: a later one would be taken for it. Returns the last possible moment
   * of all.
   */
  forgetOldest(host: number): Micros {
    const oldest = this.#takeOldest(host);
    const slot = this.#slotOf(host, this.#word(oldest, PID), this.#double(oldest, KEY));
    let until = -Infinity;
    for (let handle = this.#index.value(slot); handle !== 0; handle = this.#word(handle, NEXT)) {
      until = Math.max(until, this.#double(handle, HI));
      this.#set(handle, PID, DEAD);
      this.#queue.discount(host);
    }
    this.#index.remove(slot);
    this.#free(oldest);
    return until;
  }

  /** Takes the close that came first out of the host's order, and frees the dead ones before it. */
  #takeOldest(host: number): number {
    for (;;) {
      const handle = this.#queue.takeOldest(host);
      if (this.#word(handle, PID) !== DEAD) return handle;
      this.#free(handle);
    }
  }

  /** Forgets closes of times before the horizon. */
  prune(host: number, horizon: Micros): void {
    this.#queue.retain(host, (handle) => {
      if (this.#word(handle, PID) !== DEAD && this.#double(handle, HI) >= horizon) return true;
      this.#unlink(handle);
      this.#free(handle);
      return false;
    });
  }

  /** Puts a close among those of its key in order of time; false when it is a duplicate. */
  #insert(handle: number, host: number, owner: number, key: number): boolean {
    const lo = this.#double(handle, LO);
    const slot = this.#slotOf(host, owner, key);
    if (slot < 0) {
      this.#index.add(this.#hash(host, owner, key), handle);
      return true;
    }
    const first = this.#index.value(slot);
    let before = 0;
    let count = 0;
    for (let other = first; other !== 0 && this.#double(other, LO) <= lo; other = this.#word(other, NEXT)) {
      const isSame =
        this.#double(other, LO) === lo &&
        this.#double(other, SEQ) === this.#double(handle, SEQ) &&
        this.#word(other, STREAM) === this.#word(handle, STREAM);
      if (isSame) return false;
      before = other;
      count++;
    }
    this.#set(handle, NEXT, before === 0 ? first : this.#word(before, NEXT));
    if (before === 0) this.#index.replace(slot, handle);
    else this.#set(before, NEXT, handle);
    if (count >= MAX_CLOSES) {
      this.#index.replace(slot, this.#word(first, NEXT));
      this.#set(first, PID, DEAD);
      this.#queue.discount(host);
    }
    return true;
  }

  /** Takes a close out of the list of its key. */
  #unlink(handle: number): void {
    const owner = this.#word(handle, PID);
    if (owner === DEAD) return;
    const slot = this.#slotOf(this.#word(handle, HOST), owner, this.#double(handle, KEY));
    const next = this.#word(handle, NEXT);
    let other = this.#index.value(slot);
    if (other === handle) {
      if (next === 0) this.#index.remove(slot);
      else this.#index.replace(slot, next);
      return;
    }
    while (this.#word(other, NEXT) !== handle) other = this.#word(other, NEXT);
    this.#set(other, NEXT, next);
  }

  #free(handle: number): void {
    releaseInode(this.#texts, this.#double(handle, KEY));
    this.#texts.release(this.#word(handle, STREAM));
    this.#pages.free(handle, WORDS);
  }

  #slotOf(host: number, owner: number, key: number): number {
    const hash = this.#hash(host, owner, key);
    let slot = this.#index.first(hash);
    while (slot >= 0 && !this.#isOf(this.#index.value(slot), host, owner, key)) slot = this.#index.next(slot, hash);
    return slot;
  }

  #isOf(handle: number, host: number, owner: number, key: number): boolean {
    return this.#double(handle, KEY) === key && this.#word(handle, HOST) === host && this.#word(handle, PID) === owner;
  }

  #hash(host: number, owner: number, key: number): number {
    return hashFour(this.#key.k0, this.#key.k1, host, owner, key | 0, (key / 0x1_0000_0000) | 0);
  }

  #word(handle: number, offset: number): number {
    return this.#pages.words[handle >>> 16]![(handle & OFFSET) + offset]!;
  }

  #set(handle: number, offset: number, value: number): void {
    this.#pages.words[handle >>> 16]![(handle & OFFSET) + offset] = value;
  }

  #double(handle: number, offset: number): number {
    return this.#pages.doubles[handle >>> 16]![((handle & OFFSET) >>> 1) + offset]!;
  }
}
