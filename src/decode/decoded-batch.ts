import type { WeirdNews } from '../core/weird.js';
import { type Packet, PacketRows, ROW_BYTES, ROW_WORDS } from './packet.js';
import type { TunnelName } from './tunnel/tunnel.js';

/** Packets decoded at once by who takes them himself, so that their rows stay in the processor's nearest caches. */
export const DECODED_AT_ONCE = 128;
/** What their rows take. */
export const DECODED_BYTES = DECODED_AT_ONCE * ROW_BYTES;

/** What a packet's row has no room for, and few packets have. */
export interface PacketSide {
  /** What the packet's offsets point into when that is not the batch: a reassembled datagram. */
  readonly view?: DataView;
  /** Of a packet that came through a tunnel. */
  readonly tunnel?: TunnelName;
  readonly parent?: string;
  /** Weirds of decoding it, where they are to be reported one by one. */
  readonly weirds?: readonly WeirdNews[];
  /** The packets behind it in the same frame. */
  readonly others?: readonly OtherPacket[];
}

/** A packet of which the batch has no row: the row, in memory of its own, and what is beside it. */
export interface OtherPacket {
  readonly row: Int32Array;
  readonly side: PacketSide;
}

/** What few packets have, shared by the batches in which none has. */
export const NO_SIDES: ReadonlyMap<number, PacketSide> = new Map();

/** A packet batch after decoding: a row for each packet, in their order. Borrowed like the packet batch that it stands on. */
export class DecodedBatch {
  readonly rows: PacketRows;
  /** The memory of WebAssembly that they lie in, and where. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly address: number;
  /** The bytes of the packets, for who looks behind the headers. */
  view: DataView = new DataView(new ArrayBuffer(0));
  count = 0;
  /** Bytes of the packets on the wire. */
  wireBytes = 0;
  /** But for streams, all that there is to know of the packets is in their rows: they are TCP, and no SYN has a window scale out of its range. */
  isAllInRows = false;
  /** Its rows have their hashes; else see `hashRows`. */
  isHashed = true;
  /** By row. */
  sides: ReadonlyMap<number, PacketSide> = NO_SIDES;

  /** Its rows, at most `most`, lie in `buffer`, which may be that of a memory, from the byte `offset` on. */
  constructor(
    buffer: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(DECODED_BYTES),
    offset = 0,
    memory?: WebAssembly.Memory,
    most: number = DECODED_AT_ONCE,
  ) {
    this.rows = new PacketRows(buffer, offset, most);
    this.memory = memory;
    this.address = offset;
  }

  /** Takes all packets out. */
  clear(): void {
    this.count = 0;
    this.wireBytes = 0;
    this.isAllInRows = true;
    this.isHashed = true;
    this.sides = NO_SIDES;
  }

  /** Moves `packet`, made on this batch's rows, to a row. */
  read(packet: Packet, row: number): void {
    packet.base = row * ROW_WORDS;
    packet.view = this.view;
    if (this.sides.size === 0) return;
    this.#setSide(packet, this.sides.get(row));
  }

  /** Puts `packet`, of its own, on the row of another packet of a frame. */
  readOther(packet: Packet, { row, side }: OtherPacket): void {
    packet.i32 = row;
    packet.f64 = new Float64Array(row.buffer);
    packet.view = this.view;
    this.#setSide(packet, side);
  }

  #setSide(packet: Packet, side: PacketSide | undefined): void {
    if (side?.view !== undefined) packet.view = side.view;
    if (side?.tunnel !== undefined) packet.tunnel = side.tunnel;
    if (side?.parent !== undefined) packet.parent = side.parent;
  }
}
