import { type HashKey, hashFour } from '../core/hash.js';
import { limits } from '../core/limits.js';
import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from './packet.js';

/** Zeek's bounds of a usual fragment, bytes. */
const SMALL_FRAGMENT = 64;
const LARGE_DATAGRAM = 64_000;
/** Bytes that a block takes beside those of the datagram. */
const BLOCK_BYTES = 16;
/** What the length of an IP packet is counted to. */
const LENGTH_MASK = 0xffff;

const IPV6_HEADER = 40;

/** An IP datagram of which fragments have come. */
interface Datagram {
  readonly hash: number;
  readonly ordinal: number;
  readonly src: readonly [number, number, number, number];
  readonly dst: readonly [number, number, number, number];
  readonly id: number;
  readonly version: 4 | 6;
  readonly headerBytes: number;
  proto: number;
  /** Length of the payload, 0 until the last fragment came; as in Zeek one that would leave it 0 does not count. */
  total: number;
  bytes: Uint8Array;
  /** Where the blocks that came start and end, sorted and apart. A fragment is one, or those of its bytes that were new. */
  readonly starts: number[];
  readonly ends: number[];
  /** How many of them follow each other without a hole from 0 on, and where they end. */
  leading: number;
  reach: number;
  next: Datagram | undefined;
}

/**
 * Puts fragmented datagrams together (RFC 791 3.2, RFC 8200 4.5); where fragments overlap, what came first stays, as in
 * Zeek. Bounded by `limits.fragmentDatagrams` and `limits.fragmentBytes`; at either bound the oldest datagram is dropped
 * and counted as `fragment_table_full`.
 */
export class FragmentTable {
  readonly #byHash = new Map<number, Datagram>();
  readonly #byAge = new Map<number, Datagram>();
  readonly #key: HashKey;
  readonly #weird: WeirdCounts;
  #ordinal = 0;
  #heldBytes = 0;

  constructor(key: HashKey, weird: WeirdCounts) {
    this.#key = key;
    this.#weird = weird;
  }

  /** Datagrams that wait for fragments. */
  get size(): number {
    return this.#byAge.size;
  }

  /**
   * Takes the fragment that `packet` stands for, wholly captured. True when it completes its datagram: then `packet`
   * stands for that.
   */
  add(packet: Packet, id: number, offset: number, more: boolean, headerBytes: number, proto: number): boolean {
    const end = offset + packet.length;
    const datagram = this.#find(packet, id) ?? this.#begin(packet, id, headerBytes, proto);
    const isSame = datagram.proto === proto && datagram.headerBytes === headerBytes;
    if (!isSame) this.#weird.count('fragment_protocol_inconsistency');
    if (more && packet.ipBytes < SMALL_FRAGMENT) this.#weird.count('excessively_small_fragment');
    if (end > LARGE_DATAGRAM) this.#weird.count('excessively_large_fragment');
    // The header of an IPv4 packet is that of the fragment which came first, whatever its place.
    if (offset === 0 && packet.version === 6) datagram.proto = proto;
    if (!more || (datagram.total > 0 && end > datagram.total)) {
      if (datagram.total > 0 && end !== datagram.total) this.#weird.count('fragment_size_inconsistency');
      if (end > datagram.total) datagram.total = end;
    }
    // Nothing is looked at anew for a fragment without a byte.
    if (end === offset) return false;
    this.#insert(datagram, packet, offset, end);
    return this.#completes(datagram) && this.#standFor(datagram, packet);
  }

  /** Whether all of it has come; more than the last fragment allows for is taken as far as it is in one piece. */
  #completes({ total, reach, leading, starts }: Datagram): boolean {
    if (total === 0 || reach < total || leading === 0) return false;
    if (leading < starts.length || reach > total) this.#weird.count('fragment_size_inconsistency');
    return true;
  }

  /** Makes `packet` stand for a whole datagram, unless its length is one that its header does not fit in. */
  #standFor(datagram: Datagram, packet: Packet): boolean {
    this.#remove(datagram);
    const { headerBytes, version } = datagram;
    const counted = version === 6 ? headerBytes - IPV6_HEADER : headerBytes;
    // As in Zeek, which writes the length into the header again: of a longer one it keeps the low bits.
    const total = headerBytes - counted + ((counted + datagram.reach) & LENGTH_MASK);
    if (headerBytes > total) {
      this.#weird.count('invalid_IP_header_size', { source: 'IP' });
      return false;
    }
    packet.view = new DataView(datagram.bytes.buffer);
    packet.cut = 0;
    packet.proto = datagram.proto;
    packet.ipBytes = total;
    packet.at = 0;
    packet.length = total - headerBytes;
    packet.captured = total - headerBytes;
    return true;
  }

  #find(packet: Packet, id: number): Datagram | undefined {
    let datagram = this.#byHash.get(this.#hash(packet, id));
    for (; datagram !== undefined; datagram = datagram.next) {
      const { src, dst } = datagram;
      if (
        datagram.id === id &&
        datagram.version === packet.version &&
        src[3] === packet.src3 &&
        dst[3] === packet.dst3 &&
        src[0] === packet.src0 &&
        src[1] === packet.src1 &&
        src[2] === packet.src2 &&
        dst[0] === packet.dst0 &&
        dst[1] === packet.dst1 &&
        dst[2] === packet.dst2
      ) {
        return datagram;
      }
    }
    return undefined;
  }

  #hash(p: Packet, id: number): number {
    const { k0, k1 } = this.#key;
    return hashFour(
      k0,
      k1,
      hashFour(k0, k1, p.src0, p.src1, p.src2, p.src3),
      hashFour(k0, k1, p.dst0, p.dst1, p.dst2, p.dst3),
      id,
      p.version,
    );
  }

  #begin(packet: Packet, id: number, headerBytes: number, proto: number): Datagram {
    if (this.#byAge.size >= limits.fragmentDatagrams) this.#dropOldest();
    const hash = this.#hash(packet, id);
    const datagram: Datagram = {
      hash,
      ordinal: this.#ordinal++,
      src: [packet.src0, packet.src1, packet.src2, packet.src3],
      dst: [packet.dst0, packet.dst1, packet.dst2, packet.dst3],
      id,
      version: packet.version,
      headerBytes,
      proto,
      total: 0,
      bytes: new Uint8Array(0),
      starts: [],
      ends: [],
      leading: 0,
      reach: 0,
      next: this.#byHash.get(hash),
    };
    this.#byHash.set(hash, datagram);
    this.#byAge.set(datagram.ordinal, datagram);
    return datagram;
  }

  /** Copies what is new of a fragment, and compares the rest with what had come before, block by block. */
  #insert(datagram: Datagram, packet: Packet, offset: number, end: number): void {
    const { starts, ends } = datagram;
    if (datagram.bytes.length < end) this.#grow(datagram, end);
    const source = new Uint8Array(packet.view.buffer, packet.view.byteOffset + packet.at, packet.length);
    let from = offset;
    let i = blockAfter(ends, offset);
    for (; i < starts.length && starts[i]! < end; i++) {
      const start = starts[i]!;
      const stop = ends[i]!;
      this.#overlap(datagram.bytes, source, offset, Math.max(start, offset), Math.min(stop, end));
      if (from < start) {
        this.#addBlock(datagram, i, source.subarray(from - offset, start - offset), from);
        i++;
      }
      from = stop;
    }
    if (from < end) this.#addBlock(datagram, i, source.subarray(from - offset), from);
    while (datagram.leading < starts.length && starts[datagram.leading] === datagram.reach) {
      datagram.reach = ends[datagram.leading]!;
      datagram.leading++;
    }
    while (this.#heldBytes > limits.fragmentBytes && this.#byAge.size > 1) this.#dropOldest();
  }

  #addBlock(datagram: Datagram, i: number, bytes: Uint8Array, start: number): void {
    datagram.bytes.set(bytes, start);
    datagram.starts.splice(i, 0, start);
    datagram.ends.splice(i, 0, start + bytes.length);
    this.#heldBytes += BLOCK_BYTES;
  }

  /** Tells whether a fragment that begins at `offset` says from `low` to `high` what had come before. */
  #overlap(bytes: Uint8Array, source: Uint8Array, offset: number, low: number, high: number): void {
    const before = bytes.subarray(low, high);
    const isSame = source.subarray(low - offset, high - offset).every((byte, i) => byte === before[i]);
    this.#weird.count(isSame ? 'fragment_overlap' : 'fragment_inconsistency');
  }

  #grow(datagram: Datagram, bytes: number): void {
    const grown = new Uint8Array(Math.max(bytes, 2 * datagram.bytes.length));
    grown.set(datagram.bytes);
    this.#heldBytes += grown.length - datagram.bytes.length;
    datagram.bytes = grown;
  }

  #dropOldest(): void {
    for (const datagram of this.#byAge.values()) {
      this.#remove(datagram);
      this.#weird.count('fragment_table_full');
      return;
    }
  }

  #remove(datagram: Datagram): void {
    if (!this.#byAge.delete(datagram.ordinal)) return;
    this.#heldBytes -= datagram.bytes.length + BLOCK_BYTES * datagram.starts.length;
    let link = this.#byHash.get(datagram.hash);
    if (link === datagram) {
      if (datagram.next === undefined) this.#byHash.delete(datagram.hash);
      else this.#byHash.set(datagram.hash, datagram.next);
      return;
    }
    while (link !== undefined && link.next !== datagram) link = link.next;
    if (link !== undefined) link.next = datagram.next;
  }
}

/** The first of sorted blocks that ends behind `at`. */
function blockAfter(ends: readonly number[], at: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
