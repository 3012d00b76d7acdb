import { limits } from '../../core/limits.js';
import type { WeirdCounts } from '../../core/weird.js';
import type { Packet } from '../../decode/packet.js';
import type { ConnectionTable } from '../connection-table.js';
import {
  DID_EOF,
  FLAGS,
  PARTIAL,
  PORTS,
  REASSEMBLED,
  RECORD_WORDS,
  SKIP_STREAM,
  START_TIME,
  STREAMED,
} from '../record-layout.js';
import type { OpenStream, StreamConsumer, StreamDirection } from './stream-consumer.js';
import { StreamPieces } from './stream-pieces.js';

interface Stream {
  readonly consumer: StreamConsumer;
  readonly pieces: [StreamPieces, StreamPieces];
  readonly ended: [boolean, boolean];
  /** Bytes kept of both directions. */
  held: number;
}

/** What the assembler needs of the tracker. */
export interface AssemblerContext {
  readonly table: ConnectionTable;
  readonly weird: WeirdCounts;
  uidOf(base: number): string;
}

/**
 * Hands the bytes of TCP connections to consumers. How far a stream is known is decided by `tcp-stream.ts` alone, as without a consumer
 * (the record's REASSEMBLED); here only the bytes are kept that lie above a hole, and given out when it closes or shows to be a gap.
 * Bounds: `limits.streamBytes` per connection, `limits.streamPieces` per direction, `limits.streamsBytes` in total. At a bound the
 * newest bytes are not kept (`stream_buffer_full`) and later appear as a gap; the records are the same.
 */
export class StreamAssembler {
  readonly #context: AssemblerContext;
  readonly #open: OpenStream;
  readonly #streams = new Map<number, Stream>();
  /** Bytes kept of all connections. */
  heldBytes = 0;

  constructor(context: AssemblerContext, open: OpenStream) {
    this.#context = context;
    this.#open = open;
  }

  /** Connections that have a consumer. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * A packet of `dir` has been taken into the record at `base`, which is marked STREAMED. Its payload, if it is part of the stream,
   * is the `length` bytes from the relative number `from`, and lies `offset` bytes behind the start of its TCP header.
   */
  packet(base: number, dir: number, packet: Packet, offset: number, from: number, length: number): void {
    const slot = base / RECORD_WORDS;
    let stream = this.#streams.get(slot);
    if (stream === undefined) {
      if (length === 0) return;
      stream = this.#begin(base, slot);
      if (stream === undefined) return;
    }
    const peer = 1 - dir;
    if (!this.#advance(stream, base, peer)) {
      this.#letGo(base);
      return;
    }
    const pieces = stream.pieces[dir]!;
    const flags = this.#context.table.i32[base + FLAGS]!;
    if (length > 0 && (flags & (SKIP_STREAM << dir)) === 0) {
      const { view, at } = packet;
      pieces.add(from, new Uint8Array(view.buffer, view.byteOffset + at + offset, length));
    }
    if (!this.#advance(stream, base, dir)) {
      this.#letGo(base);
      return;
    }
    this.#keep(stream, pieces);
    this.#tellEnds(stream, flags);
  }

  /** Originator and responder of the record at `base` have changed places. */
  flip(base: number): void {
    const stream = this.#streams.get(base / RECORD_WORDS);
    if (stream === undefined) return;
    stream.pieces.reverse();
    stream.ended.reverse();
    stream.consumer.flip();
  }

  /** The connection of the record at `base` is over. */
  close(base: number): void {
    const stream = this.#streams.get(base / RECORD_WORDS);
    if (stream === undefined) return;
    this.#letGo(base);
    stream.consumer.close();
  }

  #begin(base: number, slot: number): Stream | undefined {
    const { i32, f64 } = this.#context.table;
    const consumer = this.#open({
      uid: this.#context.uidOf(base),
      ts: f64[(base >> 1) + START_TIME]!,
      origPort: i32[base + PORTS]! >>> 16,
      respPort: i32[base + PORTS]! & 0xffff,
      isPartial: (i32[base + FLAGS]! & PARTIAL) !== 0,
    });
    if (consumer === undefined) {
      i32[base + FLAGS] = i32[base + FLAGS]! & ~STREAMED;
      return undefined;
    }
    const stream: Stream = {
      consumer,
      pieces: [new StreamPieces(), new StreamPieces()],
      ended: [false, false],
      held: 0,
    };
    this.#streams.set(slot, stream);
    return stream;
  }

  /** Hands over all that is known of a direction. False when the consumer wants no more. */
  #advance(stream: Stream, base: number, dir: number): boolean {
    const upTo = this.#context.table.f64[(base >> 1) + REASSEMBLED + dir]!;
    const pieces = stream.pieces[dir]!;
    const { consumer } = stream;
    const direction = dir as StreamDirection;
    while (pieces.position < upTo) {
      const before = pieces.position;
      const bytes = pieces.take(upTo);
      const goesOn =
        bytes === undefined ? consumer.gap(direction, pieces.position - before) : consumer.data(direction, bytes);
      if (!goesOn) return false;
    }
    stream.held -= pieces.released;
    this.heldBytes -= pieces.released;
    pieces.released = 0;
    return true;
  }

  /** Keeps what came above a hole, within the bounds. */
  #keep(stream: Stream, pieces: StreamPieces): void {
    const room = Math.min(limits.streamBytes - stream.held, limits.streamsBytes - this.heldBytes);
    const { kept, lost } = pieces.keep(room);
    stream.held += kept;
    this.heldBytes += kept;
    if (lost > 0) this.#context.weird.count('stream_buffer_full');
  }

  #tellEnds(stream: Stream, flags: number): void {
    for (const direction of [0, 1] as const) {
      if (stream.ended[direction] || (flags & (DID_EOF << direction)) === 0) continue;
      stream.ended[direction] = true;
      stream.consumer.end(direction);
    }
  }

  /** Forgets the stream; the record no longer has a consumer. */
  #letGo(base: number): void {
    const { i32 } = this.#context.table;
    i32[base + FLAGS] = i32[base + FLAGS]! & ~STREAMED;
    const slot = base / RECORD_WORDS;
    const stream = this.#streams.get(slot)!;
    this.#streams.delete(slot);
    for (const pieces of stream.pieces) this.heldBytes -= pieces.clear() + pieces.released;
  }
}
