// A list of packets as the input of a target, so that it can be kept and run again: of each the time step (4 bytes, negative where time goes back),
// link type (2), wire bytes beyond those captured (2), length (2), bytes.
import { Buffer } from 'node:buffer';

const HEAD = 10;
/** Packets of a list, and of a batch made of one. */
export const PACKETS = 256;

export class PacketList {
  #bytes = Buffer.alloc(1 << 20);
  #used = 0;
  count = 0;

  add(step, type, beyond, packet) {
    const bytes = this.#bytes;
    const at = this.#used;
    if (at + HEAD + packet.length > bytes.length) return;
    bytes.writeInt32LE(step, at);
    bytes.writeUInt16LE(type, at + 4);
    bytes.writeUInt16LE(beyond, at + 6);
    bytes.writeUInt16LE(packet.length, at + 8);
    bytes.set(packet, at + HEAD);
    this.#used += HEAD + packet.length;
    this.count++;
  }

  take() {
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
    this.count = 0;
    return bytes;
  }
}

/** Time to the next packet, in microseconds. */
export const step = (random) => (random(20) === 0 ? random(400_000_000) : random(200_000));

/** Gives the packets of `input` to `take`, in `batch`; tells how many there were. `bytesOffset`: where packets start in a batch. */
export function giveBatches(input, batch, bytesOffset, take) {
  let time = 1_700_000_000_000_000;
  let used = bytesOffset;
  let packets = 0;
  batch.count = 0;
  const flush = () => {
    take(batch);
    batch.count = 0;
    used = bytesOffset;
  };
  for (let at = 0; at + HEAD <= input.length; ) {
    const length = Math.min(input.readUInt16LE(at + 8), input.length - at - HEAD);
    if (used + length > batch.bytes.length || batch.count === PACKETS) flush();
    batch.bytes.set(input.subarray(at + HEAD, at + HEAD + length), used);
    time += input.readInt32LE(at);
    const i = batch.count++;
    batch.timeUs[i] = time;
    batch.capLen[i] = length;
    batch.wireLen[i] = length + input.readUInt16LE(at + 6);
    batch.offset[i] = used;
    batch.link[i] = input.readUInt16LE(at + 4);
    used += length;
    at += HEAD + length;
    packets++;
  }
  flush();
  return packets;
}
