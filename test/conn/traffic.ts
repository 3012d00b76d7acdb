import { expect } from 'vitest';
import { BYTES_OFFSET, PacketBatch } from '../../src/capture/packet-batch.js';
import { SharedRoom } from '../../src/capture/shared-memory.js';
import { connectionRecord } from '../../src/conn/connection-record.js';
import { ConnectionTracker } from '../../src/conn/connection-tracker.js';
import type { ConnectionView } from '../../src/conn/connection-view.js';
import type { EndedRecords } from '../../src/conn/ended-records.js';
import type { TrackerOptions, TrackerStats } from '../../src/conn/tracker-options.js';
import { parseAddress } from '../../src/core/address.js';
import { SECOND } from '../../src/core/time.js';
import { addWeirds, WeirdCounts } from '../../src/core/weird.js';
import { BatchDecoder } from '../../src/decode/batch-decoder.js';
import { DECODED_AT_ONCE, DECODED_BYTES, DecodedBatch } from '../../src/decode/decoded-batch.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';

/** A frame with its time. `wireBytes` beyond the frame's length means that the capture cut it. */
export interface Frame {
  readonly timeUs: number;
  readonly bytes: Uint8Array;
  readonly wireBytes?: number;
}

export interface Ip {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly payload: Uint8Array;
  /** IPv4 identification and fragment field, for fragments. */
  readonly id?: number;
  readonly fragment?: number;
}

export interface Tcp {
  readonly sport: number;
  readonly dport: number;
  readonly seq: number;
  readonly ack?: number;
  /** Letters of S A F R P U. */
  readonly flags: string;
  readonly payload?: Uint8Array | number;
  readonly window?: number;
  /** A multiple of four bytes. */
  readonly options?: readonly number[];
}

const flagBits: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 };

/** The ones' complement sum by 16-bit words, as RFC 1071 first writes it. */
export function naiveSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65_536);
  return sum;
}

function addressBytes(text: string): Uint8Array {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  const view = new DataView(new ArrayBuffer(4 * parsed.words.length));
  for (const [i, word] of parsed.words.entries()) view.setUint32(4 * i, word);
  return new Uint8Array(view.buffer);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** An IPv4 or IPv6 datagram; its transport checksum is set where the protocol has one at a fixed place. */
export function ip(packet: Ip): Uint8Array {
  const src = addressBytes(packet.src);
  const dst = addressBytes(packet.dst);
  const payload = packet.payload.slice();
  const checksumAt =
    packet.proto === 6 ? 16 : packet.proto === 17 ? 6 : packet.proto === 1 || packet.proto === 58 ? 2 : -1;
  if (checksumAt >= 0 && packet.fragment === undefined) {
    const length = new Uint8Array([0, packet.proto, payload.length >> 8, payload.length & 255]);
    const pseudo = packet.proto === 1 ? payload : concat(src, dst, length, payload);
    const sum = ~naiveSum(pseudo) & 0xffff;
    payload[checksumAt] = sum >> 8;
    payload[checksumAt + 1] = sum & 255;
  }
  if (src.length === 16) {
    const header = new Uint8Array([0x60, 0, 0, 0, payload.length >> 8, payload.length & 255, packet.proto, 64]);
    return concat(header, src, dst, payload);
  }
  const total = 20 + payload.length;
  const id = packet.id ?? 0;
  const fragment = packet.fragment ?? 0;
  const start = [
    0x45,
    0,
    total >> 8,
    total & 255,
    id >> 8,
    id & 255,
    fragment >> 8,
    fragment & 255,
    64,
    packet.proto,
    0,
    0,
  ];
  const header = concat(new Uint8Array(start), src, dst);
  const sum = ~naiveSum(header) & 0xffff;
  header[10] = sum >> 8;
  header[11] = sum & 255;
  return concat(header, payload);
}

function payloadBytes(payload: Uint8Array | number | undefined): Uint8Array {
  if (payload === undefined) return new Uint8Array(0);
  return typeof payload === 'number' ? new Uint8Array(payload).fill(0x61) : payload;
}

export function tcpSegment(t: Tcp): Uint8Array {
  const view = new DataView(new ArrayBuffer(20));
  view.setUint16(0, t.sport);
  view.setUint16(2, t.dport);
  view.setUint32(4, t.seq >>> 0);
  view.setUint32(8, (t.ack ?? 0) >>> 0);
  const options = new Uint8Array(t.options ?? []);
  view.setUint8(12, ((20 + options.length) / 4) << 4);
  view.setUint8(
    13,
    [...t.flags].reduce((bits, flag) => bits | (flagBits[flag] ?? 0), 0),
  );
  view.setUint16(14, t.window ?? 4096);
  return concat(new Uint8Array(view.buffer), options, payloadBytes(t.payload));
}

export function udpDatagram(sport: number, dport: number, payload: Uint8Array | number): Uint8Array {
  const data = payloadBytes(payload);
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, sport);
  view.setUint16(2, dport);
  view.setUint16(4, 8 + data.length);
  return concat(new Uint8Array(view.buffer), data);
}

export function ethernet(datagram: Uint8Array): Uint8Array {
  const type = datagram[0]! >> 4 === 6 ? [0x86, 0xdd] : [8, 0];
  return concat(new Uint8Array([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...type]), datagram);
}

/** Batches of at most `perBatch` frames, all of link type `link`. */
export function batches(frames: readonly Frame[], perBatch = 1000, link = 1): PacketBatch[] {
  const made: PacketBatch[] = [];
  for (let first = 0; first < frames.length; first += perBatch) {
    const some = frames.slice(first, first + perBatch);
    const batch = new PacketBatch(some.reduce((total, { bytes }) => total + bytes.length, 0));
    let at = batch.buffer.byteLength - some.reduce((total, { bytes }) => total + bytes.length, 0);
    for (const [i, { timeUs, bytes, wireBytes }] of some.entries()) {
      batch.bytes.set(bytes, at);
      batch.timeUs[i] = timeUs;
      batch.capLen[i] = bytes.length;
      batch.wireLen[i] = wireBytes ?? bytes.length;
      batch.offset[i] = at;
      batch.link[i] = link;
      at += bytes.length;
    }
    batch.count = some.length;
    made.push(batch);
  }
  return made;
}

export interface Tracked {
  readonly updates: ConnectionUpdate[];
  readonly stats: TrackerStats;
}

/**
 * Everything that a tracker tells of some frames, which lie where the kernels (`native/frames`, `native/follow`) can read them. What is not
 * told while they are taken is told again without either, and by one that tells many ended connections at once, to the same effect.
 */
export function track(
  frames: readonly Frame[],
  options: Partial<TrackerOptions> = {},
  perBatch = 1000,
  link = 1,
): Tracked {
  const tracked = trackWithKernel(frames, options, perBatch, link);
  if (options.onWeird === undefined && options.openStream === undefined && options.emit === undefined) {
    expect(trackWithout(frames, options, perBatch, link)).toEqual(tracked);
    expect(trackLent(frames, options, perBatch, link)).toEqual(tracked);
  }
  return tracked;
}

function trackWithout(
  frames: readonly Frame[],
  options: Partial<TrackerOptions>,
  perBatch: number,
  link: number,
): Tracked {
  const updates: ConnectionUpdate[] = [];
  const emit = (update: ConnectionUpdate) => updates.push(update);
  const key = options.key ?? { k0: 3, k1: 4 };
  const tracker = new ConnectionTracker({ checksums: 'verify', emit, ...options, key });
  const weird = new WeirdCounts();
  const decoder = new BatchDecoder({ verifyChecksums: options.checksums !== 'ignore', key }, weird);
  const decoded = new DecodedBatch();
  for (const batch of batches(frames, perBatch, link)) {
    for (let from = 0; from < batch.count; from += DECODED_AT_ONCE) {
      decoder.decode(batch, from, Math.min(batch.count, from + DECODED_AT_ONCE), decoded);
      tracker.decoded(decoded, [{ name: 'test' }]);
    }
  }
  tracker.end();
  const { stats } = tracker;
  return { updates, stats: { ...stats, weirds: addWeirds(stats.weirds, weird.snapshot()) } };
}

function trackLent(
  frames: readonly Frame[],
  options: Partial<TrackerOptions>,
  perBatch: number,
  link: number,
): Tracked {
  const updates: ConnectionUpdate[] = [];
  const object = ({ connection, ...update }: ConnectionUpdate): ConnectionUpdate => {
    return { ...update, connection: connectionRecord(connection as unknown as ConnectionView) };
  };
  const emit = (update: ConnectionUpdate) => updates.push(object(update));
  const emitEnded = (records: EndedRecords) => {
    for (let i = 0; i < records.count; i++) emit(records.update(i));
  };
  const { stats } = trackWithKernel(frames, { ...options, lends: true, emit, emitEnded }, perBatch, link);
  return { updates, stats };
}

export function trackWithKernel(
  frames: readonly Frame[],
  options: Partial<TrackerOptions>,
  perBatch: number,
  link: number,
): Tracked {
  const updates: ConnectionUpdate[] = [];
  const emit = (update: ConnectionUpdate) => updates.push(update);
  const given = batches(frames, perBatch, link);
  const batchBytes = given.reduce((most, { bytes }) => Math.max(most, bytes.length), BYTES_OFFSET);
  const roomBytes = DECODED_BYTES + batchBytes;
  const tracker = new ConnectionTracker({ checksums: 'verify', emit, ...options, roomBytes });
  const place = tracker.room && new SharedRoom(tracker.room, DECODED_BYTES, roomBytes).take(batchBytes);
  const batch = new PacketBatch(batchBytes - BYTES_OFFSET, place);
  for (const { bytes, count } of given) {
    batch.bytes.set(bytes);
    batch.count = count;
    tracker.batch(batch, [{ name: 'test' }]);
    // Whatever was kept of it without being copied shows.
    batch.bytes.fill(0xdb);
  }
  const open = options.emitEnded && tracker.lendOpen();
  if (open !== undefined) options.emitEnded?.(open);
  tracker.end();
  return { updates, stats: tracker.stats };
}

const CLIENT = '192.0.2.10';
const SERVER = '198.51.100.20';
export const START = 1_700_000_000 * SECOND;

/** Writes TCP frames between two ends, 1 ms apart. Sequence numbers are relative: 0 is the SYN. */
export class TcpScript {
  readonly frames: Frame[] = [];
  timeUs = START;
  readonly #base: readonly [number, number];
  readonly #ports: readonly [number, number];
  readonly #ends: readonly [string, string];

  constructor(
    ports: readonly [number, number] = [40_000, 80],
    base: readonly [number, number] = [1_000, 9_000],
    ends: readonly [string, string] = [CLIENT, SERVER],
  ) {
    this.#ports = ports;
    this.#base = base;
    this.#ends = ends;
  }

  wait(us: number): this {
    this.timeUs += us;
    return this;
  }

  /** A packet of the client. `ack` is relative to the server's SYN; absent: no ACK number (the flag stays as given). */
  client(flags: string, seq: number, ack?: number, payload = 0, window = 4096, options: readonly number[] = []): this {
    return this.#send(0, flags, seq, ack, payload, window, options);
  }

  server(flags: string, seq: number, ack?: number, payload = 0, window = 4096, options: readonly number[] = []): this {
    return this.#send(1, flags, seq, ack, payload, window, options);
  }

  handshake(): this {
    return this.client('S', 0).server('SA', 0, 1).client('A', 1, 1);
  }

  #send(
    dir: 0 | 1,
    flags: string,
    seq: number,
    ack: number | undefined,
    payload: number,
    window: number,
    options: readonly number[],
  ): this {
    const peer = dir === 0 ? 1 : 0;
    const segment = tcpSegment({
      sport: this.#ports[dir],
      dport: this.#ports[peer],
      seq: this.#base[dir] + seq,
      ack: ack === undefined ? 0 : this.#base[peer] + ack,
      flags,
      payload,
      window,
      options,
    });
    const datagram = ip({ src: this.#ends[dir], dst: this.#ends[peer], proto: 6, payload: segment });
    this.frames.push({ timeUs: this.timeUs, bytes: ethernet(datagram) });
    this.timeUs += 1_000;
    return this;
  }
}
