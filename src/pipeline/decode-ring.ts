import type { BatchPlace } from '../capture/packet-batch.js';
import { SharedRoom, sharedPlace } from '../capture/shared-memory.js';
import { adviseHugePages } from '../core/huge-pages.js';
import { DecodedBatch } from '../decode/decoded-batch.js';
import { ROW_BYTES } from '../decode/packet.js';

/** Packets of a slot: those of some pieces of a file, so that little is done for each slot, and as seldom that V8 need not compile it. */
export const SLOT_ROWS = 8192;
/**
 * Slots of the ring: as many packets as are read while V8's compiler keeps the other thread from its core. At other times a few do, which stay
 * in the shared cache.
 */
const SLOTS = 32;
/**
 * A thread that finds the ring empty or full looks again for some ten microseconds before it sleeps. A slot is a millisecond's
 * work, and V8's compiler wants the processor too (2026-11).
 */
const LOOKS = 1000;
/** Who sleeps is woken when so many slots are there for it, or when the other thread has to sleep too. */
const WORTH_READING = 1;
/** Waking takes the thread that wakes up to half a millisecond, most of all where it has the processor that the other one is put on (2026-11). */
const WORTH_WRITING = SLOTS / 2;
/** A sleeping thread looks again after this long, since at the end fewer may come. */
const SLEEP_MS = 5;

// Words that both threads look at, each on a cache line of its own.
const PRODUCED = 0;
const CONSUMED = 16;
const STOPPED = 32;
/** Behind a counter: the value that its waiter wants to be woken at; 0 when nobody sleeps. */
const WANTED = 8;
const CALLED = 48;
const CONTROL_WORDS = 64;

/** What is told of a slot besides its rows. */
export interface SlotInfo {
  /** Number of the packet batch that the rows stand on; -1 when nobody reads its bytes. */
  readonly batch: number;
  readonly count: number;
  readonly wireBytes: number;
  /** Bytes of the packets as captured. */
  readonly bytes: number;
  /** Bytes read from the files so far. */
  readonly readBytes: number;
  /** Messages that were posted for this slot or before it and have to be read first. */
  readonly messages: number;
  /** Its rows have their hashes. */
  readonly isHashed: boolean;
}
const INFO_NUMBERS = 8;
const SLOT_BYTES = SLOT_ROWS * ROW_BYTES;
/** glibc starts a large block 16 bytes behind a cache line, on which each row is to begin: the other core has it then with one line. */
const ALIGN = 48;
const ROWS_BYTES = ALIGN + SLOTS * SLOT_BYTES;
/** Room for the packet batches of a file or two; the memory of none is touched before it is used. */
const BATCHES_BYTES = 1 << 26;
/** What a ring takes of a memory. */
export const RING_BYTES = ROWS_BYTES + BATCHES_BYTES;

/** The memory of a ring, to be given to a worker. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly info: SharedArrayBuffer;
  /** Rows, and behind them batches: in one memory of WebAssembly, where it can be had, for the code that makes the ones of the others. */
  readonly place: BatchPlace;
}

/** With RING_BYTES at `place`. */
export function ringMemory(place = sharedPlace(RING_BYTES)): RingMemory {
  adviseHugePages(new Uint8Array(place.buffer, place.offset, RING_BYTES));
  return {
    control: new SharedArrayBuffer(4 * CONTROL_WORDS),
    info: new SharedArrayBuffer(8 * INFO_NUMBERS * SLOTS),
    place,
  };
}

/** Where the packet batches are made whose rows go through the ring. */
export function batchRoom({ place }: RingMemory): SharedRoom {
  return new SharedRoom(place, ROWS_BYTES, RING_BYTES);
}

/** Memory of slots that are used in every run, for when none is any more. */
export function spareRoom({ place }: RingMemory): { readonly at: number; readonly bytes: number } {
  return { at: place.offset, bytes: 2 * SLOT_BYTES };
}

/** Decoded batches on their way from the thread that reads to the thread that follows connections, in order. */
class Ring {
  protected readonly control: Int32Array;
  protected readonly info: Float64Array;
  protected readonly slots: readonly DecodedBatch[];

  constructor(memory: RingMemory) {
    this.control = new Int32Array(memory.control);
    this.info = new Float64Array(memory.info);
    const { place } = memory;
    const first = place.offset + (place.memory === undefined ? ALIGN : 0);
    this.slots = Array.from({ length: SLOTS }, (_, i) => {
      return new DecodedBatch(place.buffer, first + i * SLOT_BYTES, place.memory, SLOT_ROWS);
    });
  }

  protected load(word: number): number {
    return Atomics.load(this.control, word);
  }

  /** Moves a counter on; wakes who sleeps until it gets so far. */
  protected step(word: number, value: number): void {
    const { control } = this;
    Atomics.store(control, word, value);
    const wanted = Atomics.load(control, word + WANTED);
    if (wanted !== 0 && value >= wanted) this.#wake(word);
  }

  /** Wakes who sleeps for a counter, once: waking takes it a while. */
  #wake(word: number): void {
    Atomics.store(this.control, word + WANTED, 0);
    Atomics.notify(this.control, word);
  }

  /** Whether a counter leaves `value` while it is looked at. A loop by itself, whose compiled code V8 need not leave for what follows it. */
  #leaves(word: number, value: number): boolean {
    const { control } = this;
    for (let looks = 0; looks < LOOKS; looks++) if (Atomics.load(control, word) !== value) return true;
    return false;
  }

  /**
   * Waits a few milliseconds at most for a counter to leave `value`, asleep until it is `worth` further; true when it has left. `own`: the
   * counter that this thread moves.
   */
  protected waitFor(word: number, value: number, own: number, worth: number): boolean {
    if (this.#leaves(word, value)) return true;
    const { control } = this;
    Atomics.store(control, word + WANTED, value + worth);
    // The other thread may sleep until there is more for it than there will be while this one sleeps.
    if (Atomics.load(control, own + WANTED) !== 0) this.#wake(own);
    Atomics.wait(control, word, value, SLEEP_MS);
    Atomics.store(control, word + WANTED, 0);
    return Atomics.load(control, word) !== value;
  }
}

/** The reading thread's end. It may block. */
export class RingWriter extends Ring {
  #produced = 0;
  /** Numbers of the slots that were handed over last, in that order. */
  readonly #given = new Int32Array(SLOTS);
  /** Slots that the other thread gave back, as far as they are known to be free. */
  #returned = 0;
  /** Those that it gave back: the last one is the next to be filled, so that no more memory is used than has to be. */
  readonly #free: number[] = [];
  /** Slots that were ever filled. */
  #used = 0;
  /** Number of the slot that is being filled. */
  #claimed = 0;

  /** Slots handed over so far. */
  get produced(): number {
    return this.#produced;
  }

  /** Slots that the other thread is done with. */
  get consumed(): number {
    return this.load(CONSUMED);
  }

  get stopped(): boolean {
    return this.load(STOPPED) !== 0;
  }

  /** Waits until `slot` of `produced` has been used; false when the other thread wants no more. */
  untilConsumed(slot: number): boolean {
    for (;;) {
      if (this.stopped) return false;
      const consumed = this.consumed;
      if (consumed >= slot) return true;
      this.waitFor(CONSUMED, consumed, PRODUCED, WORTH_WRITING);
    }
  }

  /** A slot to fill, once one is free; undefined when the other thread wants no more. It has to be handed over before the next one is claimed. */
  claim(): DecodedBatch | undefined {
    if (!this.untilConsumed(this.#produced + 1 - SLOTS)) return undefined;
    for (const { consumed } = this; this.#returned < consumed; this.#returned++)
      this.#free.push(this.#given[this.#returned % SLOTS]!);
    this.#claimed = this.#free.pop() ?? this.#used++;
    return this.slots[this.#claimed];
  }

  /** Hands the claimed slot over. */
  publish(slot: SlotInfo): void {
    const place = this.#produced % SLOTS;
    this.#given[place] = this.#claimed;
    const at = place * INFO_NUMBERS;
    const { info } = this;
    info[at] = slot.batch;
    info[at + 1] = slot.count;
    info[at + 2] = slot.wireBytes;
    info[at + 3] = slot.bytes;
    info[at + 4] = slot.readBytes;
    info[at + 5] = slot.messages;
    info[at + 6] = this.#claimed;
    info[at + 7] = slot.isHashed ? 1 : 0;
    this.step(PRODUCED, ++this.#produced);
  }

  /** Waits until the other thread calls; false when it wants no more. */
  untilCalled(): boolean {
    for (;;) {
      if (this.load(CALLED) !== 0) return true;
      if (this.stopped) return false;
      Atomics.wait(this.control, CALLED, 0, SLEEP_MS);
    }
  }

  /** Wakes the other thread whatever it waits for. */
  flush(): void {
    Atomics.notify(this.control, PRODUCED);
  }
}

/** The following thread's end. It blocks for a few milliseconds at most. */
export class RingReader extends Ring {
  #consumed = 0;

  /** Whether a slot is there, after a short wait if need be. */
  ready(): boolean {
    return this.waitFor(PRODUCED, this.#consumed, CONSUMED, WORTH_READING);
  }

  /** The slot that is there. */
  get slot(): { readonly decoded: DecodedBatch; readonly info: SlotInfo } {
    const at = (this.#consumed % SLOTS) * INFO_NUMBERS;
    const { info } = this;
    return {
      decoded: this.slots[info[at + 6]!]!,
      info: {
        batch: info[at]!,
        count: info[at + 1]!,
        wireBytes: info[at + 2]!,
        bytes: info[at + 3]!,
        readBytes: info[at + 4]!,
        messages: info[at + 5]!,
        isHashed: info[at + 7] === 1,
      },
    };
  }

  /** Gives the slot back. */
  done(): void {
    this.step(CONSUMED, ++this.#consumed);
  }

  /** Calls the other thread, which has read all. */
  call(): void {
    Atomics.store(this.control, CALLED, 1);
    Atomics.notify(this.control, CALLED);
  }

  /** Tells the other thread to end. */
  stop(): void {
    Atomics.store(this.control, STOPPED, 1);
    Atomics.notify(this.control, CONSUMED);
    Atomics.notify(this.control, CALLED);
  }
}
