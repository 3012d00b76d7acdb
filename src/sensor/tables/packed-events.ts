import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** An event with its number among all of this machine. */
export interface LoggedEvent {
  readonly ordinal: number;
  /** Epoch seconds. */
  readonly time: number;
  /** Its row as JSON. */
  readonly text: string;
}

interface Pack {
  /** Of its last event. */
  readonly ordinal: number;
  readonly time: number;
  readonly count: number;
  readonly bytes: Buffer;
}

/** Events of one pack. */
const PACK = 256;

/**
 * Events in order of their numbers, all but the newest of them compressed: they are kept for an hour and seldom read, and as objects
 * took ten times the memory. Oldest ones go pack by pack.
 */
export class PackedEvents {
  readonly #packs: Pack[] = [];
  #open: LoggedEvent[] = [];
  #packed = 0;

  get size(): number {
    return this.#packed + this.#open.length;
  }

  add(event: LoggedEvent): void {
    this.#open.push(event);
    if (this.#open.length < PACK) return;
    const lines = this.#open.map(({ ordinal, time, text }) => `${ordinal} ${time} ${text}`).join('\n');
    const { ordinal, time } = event;
    this.#packs.push({ ordinal, time, count: PACK, bytes: deflateRawSync(lines, { level: 1 }) });
    this.#packed += PACK;
    this.#open = [];
  }

  /** Events after a number, oldest first. */
  *after(ordinal: number): Generator<LoggedEvent> {
    for (const pack of this.#packs) {
      if (pack.ordinal <= ordinal) continue;
      for (const event of unpack(pack)) if (event.ordinal > ordinal) yield event;
    }
    for (const event of this.#open) if (event.ordinal > ordinal) yield event;
  }

  /** Lets the oldest go as long as at least `most` are left. Returns how many went. */
  shrink(most: number): number {
    let gone = 0;
    while (this.#packs.length > 0 && this.size - this.#packs[0]!.count >= most) gone += this.#drop();
    return gone;
  }

  /** Lets those from before a time go; of a pack, once all of it is older. */
  forget(before: number): void {
    while (this.#packs.length > 0 && this.#packs[0]!.time < before) this.#drop();
    if (this.#packs.length > 0) return;
    const first = this.#open.findIndex(({ time }) => time >= before);
    this.#open.splice(0, first < 0 ? this.#open.length : first);
  }

  #drop(): number {
    const { count } = this.#packs.shift()!;
    this.#packed -= count;
    return count;
  }
}

function unpack({ bytes }: Pack): LoggedEvent[] {
  return inflateRawSync(bytes)
    .toString('utf8')
    .split('\n')
    .map((line) => {
      const [first, second] = [line.indexOf(' '), line.indexOf(' ', line.indexOf(' ') + 1)];
      return {
        ordinal: Number(line.slice(0, first)),
        time: Number(line.slice(first + 1, second)),
        text: line.slice(second + 1),
      };
    });
}
