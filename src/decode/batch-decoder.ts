import { frameKernel, totalOf } from '../capture/frame-kernel.js';
import { BYTES_WANTED_OFFSET, type PacketBatch } from '../capture/packet-batch.js';
import type { HashKey } from '../core/hash.js';
import type { WeirdCounts } from '../core/weird.js';
import type { DecodedBatch, OtherPacket, PacketSide } from './decoded-batch.js';
import { Decoder } from './decoder.js';
import { META_ODD_SCALE, META_PROTO, Packet, type RestOfFrame, ROW_BYTES, ROW_META, ROW_WORDS } from './packet.js';
import { PROTO_TCP } from './transport.js';

export interface DecodeOptions {
  /** Packets with a wrong checksum are marked; otherwise none is looked at. */
  readonly verifyChecksums: boolean;
  /** Keys the hash of connections. */
  readonly key: HashKey;
}

/** Hashes the rows of a batch that was decoded by code in WebAssembly without. */
export function hashRows(decoded: DecodedBatch, { k0, k1 }: HashKey): void {
  frameKernel(decoded.memory)!.hashes(decoded.address, decoded.count, k0, k1);
  decoded.isHashed = true;
}

/** Not 0 where not all that there is to know of a packet is in its row: it is no TCP, or a SYN whose window scale is out of its range. */
function bytesWanted(meta: number): number {
  return ((meta & META_PROTO) ^ PROTO_TCP) | (meta & META_ODD_SCALE);
}

/** Decodes whole batches. */
export class BatchDecoder {
  readonly #decoder: Decoder;
  readonly #weird: WeirdCounts;
  readonly #packet = new Packet();
  readonly #options: DecodeOptions;

  constructor(options: DecodeOptions, weird: WeirdCounts) {
    this.#options = options;
    this.#weird = weird;
    this.#decoder = new Decoder(options.verifyChecksums, options.key, weird);
  }

  /**
   * Fills `decoded` with packets [from, to) of `batch`, on whose bytes it stands until either is used again; or adds them to what it has, of which
   * nothing is beside a row, and on whose bytes it stands no more. `hashLater`: where all of them are usual ones, `hashRows` is left to who takes them.
   */
  decode(batch: PacketBatch, from: number, to: number, decoded: DecodedBatch, hashLater = false, adds = false): void {
    const { view, timeUs, capLen, wireLen, offset, link } = batch;
    const packet = this.#packet;
    const decoder = this.#decoder;
    const weird = this.#weird;
    decoder.sums.use(batch);
    packet.i32 = decoded.rows.i32;
    packet.f64 = decoded.rows.f64;
    if (!adds) decoded.clear();
    const before = decoded.count;
    let sides: Map<number, PacketSide> | undefined;
    decoded.view = view;
    const kernel = batch.memory === decoded.memory ? frameKernel(batch.memory) : undefined;
    let others = 0;
    for (let i = from; i < to; i++) {
      if (kernel !== undefined) {
        const { verifyChecksums, key } = this.#options;
        const first = i;
        const rows = decoded.address + (before + i - from) * ROW_BYTES;
        i = kernel.frames(view.byteOffset, view.byteLength, i, to, rows, verifyChecksums);
        others |= view.getUint32(BYTES_WANTED_OFFSET, true);
        const isLater = hashLater && first === from && i === to && (!decoded.isHashed || before === 0);
        if (isLater) decoded.isHashed = false;
        else kernel.hashes(rows, i - first, key.k0, key.k1);
        if (!isLater && !decoded.isHashed) {
          kernel.hashes(decoded.address, before, key.k0, key.k1);
          decoded.isHashed = true;
        }
        if (i === to) break;
      }
      packet.base = (before + i - from) * ROW_WORDS;
      packet.timeUs = timeUs[i]!;
      packet.source = link[i]! >>> 16;
      decoder.decode(packet, view, link[i]! & 0xffff, offset[i]!, capLen[i]!, wireLen[i]!, kernel === undefined);
      others |= bytesWanted(packet.meta);
      if (packet.view !== view || packet.depth > 0 || weird.news.length > 0 || packet.rest !== undefined) {
        sides ??= new Map();
        const side = this.#sideOf(packet, view);
        sides.set(before + i - from, side);
        for (const other of side.others ?? []) others |= bytesWanted(other.row[ROW_META]!);
      }
    }
    decoded.count = before + to - from;
    decoded.wireBytes += totalOf(batch, wireLen, from, to);
    decoded.isAllInRows &&= others === 0;
    if (sides !== undefined) decoded.sides = sides;
  }

  #sideOf(packet: Packet, view: DataView): PacketSide {
    const side = this.#ownSideOf(packet, view);
    const { rest } = packet;
    if (rest === undefined) return side;
    packet.rest = undefined;
    return { ...side, others: this.#othersIn(rest, packet, view) };
  }

  /** The packets in the rest of the frame of `first`. */
  #othersIn(rest: RestOfFrame, first: Packet, view: DataView): OtherPacket[] {
    const others: OtherPacket[] = [];
    for (let next: RestOfFrame | undefined = rest; next !== undefined; ) {
      const packet = new Packet();
      packet.timeUs = first.timeUs;
      packet.source = first.source;
      this.#decoder.decodeRest(packet, next);
      next = packet.rest;
      others.push({ row: packet.i32, side: this.#ownSideOf(packet, view) });
    }
    return others;
  }

  #ownSideOf(packet: Packet, view: DataView): PacketSide {
    return {
      ...(packet.view !== view && { view: packet.view }),
      ...(packet.depth > 0 && { tunnel: packet.tunnel, parent: packet.parent }),
      ...(this.#weird.news.length > 0 && { weirds: this.#weird.takeNews() }),
    };
  }
}
