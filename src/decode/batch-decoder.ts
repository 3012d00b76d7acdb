import type { PacketBatch } from '../capture/packet-batch.js';
import type { HashKey } from '../core/hash.js';
import type { WeirdCounts } from '../core/weird.js';
import type { DecodedBatch } from './decoded-batch.js';
import { Decoder } from './decoder.js';
import { Packet, ROW_WORDS } from './packet.js';

export interface DecodeOptions {
  /** Packets with a wrong checksum are marked; otherwise none is looked at. */
  readonly verifyChecksums: boolean;
  /** Keys the hash of connections. */
  readonly key: HashKey;
}

/** Decodes whole batches. */
export class BatchDecoder {
  readonly #decoder: Decoder;
  readonly #weird: WeirdCounts;
  readonly #packet = new Packet();

  constructor(options: DecodeOptions, weird: WeirdCounts) {
    this.#weird = weird;
    this.#decoder = new Decoder(options.verifyChecksums, options.key, weird);
  }

  /** Fills `decoded` with what is in `batch`, on whose bytes it stands until either is used again. */
  decode(batch: PacketBatch, decoded: DecodedBatch): void {
    const { view, count, timeUs, capLen, wireLen, offset, link } = batch;
    const packet = this.#packet;
    const decoder = this.#decoder;
    const weird = this.#weird;
    packet.i32 = decoded.rows.i32;
    packet.f64 = decoded.rows.f64;
    decoded.sides.clear();
    decoded.view = view;
    decoded.count = count;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      const wire = wireLen[i]!;
      bytes += wire;
      packet.base = i * ROW_WORDS;
      packet.timeUs = timeUs[i]!;
      packet.source = link[i]! >>> 16;
      decoder.decode(packet, view, link[i]! & 0xffff, offset[i]!, capLen[i]!, wire);
      if (packet.view !== view || packet.depth > 0 || weird.news.length > 0) this.#noteSide(packet, view, i, decoded);
    }
    decoded.wireBytes = bytes;
  }

  #noteSide(packet: Packet, view: DataView, row: number, decoded: DecodedBatch): void {
    decoded.sides.set(row, {
      ...(packet.view !== view && { view: packet.view }),
      ...(packet.depth > 0 && { tunnel: packet.tunnel, parent: packet.parent }),
      ...(this.#weird.news.length > 0 && { weirds: this.#weird.takeNews() }),
    });
  }
}
