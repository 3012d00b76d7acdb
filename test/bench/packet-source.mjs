// TCP packets over IPv4 for benches, written into packet batches as they are wanted, so that making them is not timed.

const FRAME_BYTES = 14 + 20 + 20;

/** Fills batches with packets of numbered connections. */
export class PacketWriter {
  #batch;
  #offset;
  #view;

  constructor({ PacketBatch, BYTES_OFFSET, MAX_PACKETS }, payloadBytes = 0) {
    this.#batch = new PacketBatch(MAX_PACKETS * (FRAME_BYTES + payloadBytes));
    this.#offset = BYTES_OFFSET;
    this.#view = new DataView(this.#batch.buffer);
    this.most = MAX_PACKETS;
    this.length = FRAME_BYTES + payloadBytes;
    const head = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6];
    for (let i = 0; i < MAX_PACKETS; i++) {
      const at = BYTES_OFFSET + i * this.length;
      this.#batch.bytes.set(head, at);
      this.#view.setUint16(at + 16, this.length - 14);
      this.#view.setUint16(at + 46, 0x5000);
      this.#view.setUint16(at + 48, 4096);
      this.#batch.capLen[i] = this.length;
      this.#batch.wireLen[i] = this.length;
      this.#batch.offset[i] = at;
      this.#batch.link[i] = 1;
    }
  }

  /** A packet of the connection between client `a`:`aPort` and server `b`:`bPort`. */
  put(i, timeUs, fromClient, [a, aPort, b, bPort], seq, ack, flags) {
    const view = this.#view;
    const at = this.#offset + i * this.length;
    view.setUint32(at + 26, fromClient ? a : b);
    view.setUint32(at + 30, fromClient ? b : a);
    view.setUint16(at + 34, fromClient ? aPort : bPort);
    view.setUint16(at + 36, fromClient ? bPort : aPort);
    view.setUint32(at + 38, seq >>> 0);
    view.setUint32(at + 42, ack >>> 0);
    view.setUint8(at + 47, flags);
    this.#batch.timeUs[i] = timeUs;
  }

  batch(count) {
    this.#batch.count = count;
    return this.#batch;
  }
}

/** Ends of the connection with a number: a million of them differ. */
export const endsOf = (number) => [
  0x0a000000 + (number >>> 4),
  20_000 + (number & 15),
  0xc0a80001 + (number % 200),
  443,
];
