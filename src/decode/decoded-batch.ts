import { MAX_PACKETS } from '../capture/packet-batch.js';
import type { CountedWeird } from '../core/weird.js';
import { type Packet, PacketRows, ROW_BYTES, ROW_WORDS } from './packet.js';
import type { TunnelName } from './tunnel/tunnel.js';

/** What a packet's row has no room for, and few packets have. */
export interface PacketSide {
  /** What the packet's offsets point into when that is not the batch: a reassembled datagram. */
  readonly view?: DataView;
  /** Of a packet that came through a tunnel. */
  readonly tunnel?: TunnelName;
  readonly parent?: string;
  /** Weirds of decoding it, where they are to be reported one by one. */
  readonly weirds?: readonly CountedWeird[];
}

/** A packet batch after decoding: a row for each packet, in their order. Borrowed like the packet batch that it stands on. */
export class DecodedBatch {
  readonly rows: PacketRows;
  /** The bytes of the packets, for who looks behind the headers. */
  view: DataView = new DataView(new ArrayBuffer(0));
  count = 0;
  /** Bytes of the packets on the wire. */
  wireBytes = 0;
  /** By row. */
  sides = new Map<number, PacketSide>();

  /** `buffer` has room for `MAX_PACKETS` rows. */
  constructor(buffer: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(DecodedBatch.BYTES)) {
    this.rows = new PacketRows(buffer);
  }

  static readonly BYTES = MAX_PACKETS * ROW_BYTES;

  /** Moves `packet`, made on this batch's rows, to a row. */
  read(packet: Packet, row: number): void {
    packet.base = row * ROW_WORDS;
    packet.view = this.view;
    if (this.sides.size === 0) return;
    const side = this.sides.get(row);
    if (side?.view !== undefined) packet.view = side.view;
    if (side?.tunnel !== undefined) packet.tunnel = side.tunnel;
    if (side?.parent !== undefined) packet.parent = side.parent;
  }
}
