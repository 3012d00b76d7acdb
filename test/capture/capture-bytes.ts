/** Captures built in code for tests. */

export interface TestPacket {
  readonly timeUs: number;
  readonly bytes: Uint8Array;
  /** Longer than `bytes` for a packet that was cut; the length of `bytes` unless given. */
  readonly wireLen?: number;
  readonly linkType?: number;
  /** Index of the source in a merged stream. */
  readonly source?: number;
}

/** A packet whose bytes tell which one it is. */
export function testPacket(index: number, length: number, timeUs = 1_700_000_000_000_000 + index * 1_001): TestPacket {
  return { timeUs, bytes: Uint8Array.from({ length }, (_, i) => (index * 31 + i * 7) & 0xff) };
}

function word(value: number, little: boolean): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, value, little);
  return out;
}

function half(value: number, little: boolean): Uint8Array {
  const out = new Uint8Array(2);
  new DataView(out.buffer).setUint16(0, value, little);
  return out;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export interface PcapOptions {
  readonly little?: boolean;
  readonly nanos?: boolean;
  readonly linkType?: number;
  readonly versionMajor?: number;
  readonly versionMinor?: number;
  /** Eight more bytes in each record's header, as Kuznetzov's libpcap wrote them. */
  readonly modified?: boolean;
  /** The length on the wire before the captured one, as before version 2.3. */
  readonly lengthsSwapped?: boolean;
}

export function pcapHeader({
  little = true,
  nanos = false,
  linkType = 1,
  versionMajor = 2,
  versionMinor = 4,
  modified = false,
}: PcapOptions = {}): Uint8Array {
  const magic = nanos ? 0xa1b23c4d : 0xa1b2c3d4;
  return concat(
    word(modified ? 0xa1b2cd34 : magic, little),
    half(versionMajor, little),
    half(versionMinor, little),
    word(0, little),
    word(0, little),
    word(262_144, little),
    word(linkType, little),
  );
}

export function pcapRecord(packet: TestPacket, options: PcapOptions = {}): Uint8Array {
  const { little = true, nanos = false, modified = false, lengthsSwapped = false } = options;
  const seconds = Math.floor(packet.timeUs / 1e6);
  const micros = packet.timeUs - seconds * 1e6;
  const lengths = [word(packet.bytes.length, little), word(packet.wireLen ?? packet.bytes.length, little)];
  return concat(
    word(seconds, little),
    // 999 ns more than the microsecond: they are cut, not rounded.
    word(nanos ? micros * 1000 + 999 : micros, little),
    ...(lengthsSwapped ? lengths.reverse() : lengths),
    new Uint8Array(modified ? 8 : 0).fill(0xee),
    packet.bytes,
  );
}

export function pcapFile(packets: readonly TestPacket[], options: PcapOptions = {}): Uint8Array {
  return concat(pcapHeader(options), ...packets.map((packet) => pcapRecord(packet, options)));
}

function padded(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array(-bytes.length & 3));
}

export function pcapngBlock(type: number, body: Uint8Array, little = true): Uint8Array {
  const length = word(12 + padded(body).length, little);
  return concat(word(type, little), length, padded(body), length);
}

export function sectionHeader(little = true, options: Uint8Array = new Uint8Array(0), major = 1): Uint8Array {
  const unknownLength = new Uint8Array(8).fill(0xff);
  const body = concat(word(0x1a2b3c4d, little), half(major, little), half(0, little), unknownLength, options);
  return pcapngBlock(0x0a0d0d0a, body, little);
}

export function option(code: number, value: Uint8Array, little = true): Uint8Array {
  return concat(half(code, little), half(value.length, little), padded(value));
}

export interface InterfaceOptions {
  readonly little?: boolean;
  readonly linkType?: number;
  readonly snaplen?: number;
  readonly tsresol?: number;
  readonly tsoffset?: bigint;
}

export function interfaceBlock(options: InterfaceOptions = {}): Uint8Array {
  const { little = true, linkType = 1, snaplen = 0, tsresol, tsoffset } = options;
  const parts = [half(linkType, little), half(0, little), word(snaplen, little)];
  // A name before them: options are found by code, not by place.
  parts.push(option(2, Buffer.from('eth0!'), little));
  if (tsresol !== undefined) parts.push(option(9, Uint8Array.of(tsresol), little));
  if (tsoffset !== undefined) {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigInt64(0, tsoffset, little);
    parts.push(option(14, value, little));
  }
  parts.push(option(0, new Uint8Array(0), little));
  return pcapngBlock(1, concat(...parts), little);
}

export interface PacketBlockOptions {
  readonly little?: boolean;
  readonly interfaceId?: number;
  /** Timestamp as it stands in the block; the packet's microseconds unless given. */
  readonly ticks?: bigint;
  readonly options?: Uint8Array;
}

function ticksOf(packet: TestPacket, ticks: bigint | undefined, little: boolean): Uint8Array {
  const value = ticks ?? BigInt(packet.timeUs);
  return concat(word(Number(value >> 32n), little), word(Number(value & 0xffffffffn), little));
}

function lengthsAndData(packet: TestPacket, little: boolean): Uint8Array {
  const { bytes, wireLen = bytes.length } = packet;
  return concat(word(bytes.length, little), word(wireLen, little), padded(bytes));
}

export function enhancedPacket(packet: TestPacket, options: PacketBlockOptions = {}): Uint8Array {
  const { little = true, interfaceId = 0, ticks } = options;
  const body = concat(word(interfaceId, little), ticksOf(packet, ticks, little), lengthsAndData(packet, little));
  return pcapngBlock(6, concat(body, options.options ?? new Uint8Array(0)), little);
}

export function obsoletePacket(packet: TestPacket, options: PacketBlockOptions = {}): Uint8Array {
  const { little = true, interfaceId = 0, ticks } = options;
  const drops = 7;
  const ids = concat(half(interfaceId, little), half(drops, little));
  return pcapngBlock(2, concat(ids, ticksOf(packet, ticks, little), lengthsAndData(packet, little)), little);
}

export function simplePacket(packet: TestPacket, little = true): Uint8Array {
  return pcapngBlock(3, concat(word(packet.wireLen ?? packet.bytes.length, little), packet.bytes), little);
}

export function pcapngFile(packets: readonly TestPacket[], little = true): Uint8Array {
  const blocks = packets.map((packet) => enhancedPacket(packet, { little }));
  return concat(sectionHeader(little), interfaceBlock({ little }), ...blocks);
}
