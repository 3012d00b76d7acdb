/** A frame as a client sends it (RFC 6455 5.2). `first` is its first byte, the length may be claimed to be another. */
export function clientFrame(
  first: number,
  data: Buffer,
  claimed = data.length,
  lengthBytes = lengthBytesFor(claimed),
): Buffer {
  const mask = Buffer.from([0x12, 0xf4, 0x56, 0x98]);
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = first;
  head[1] = 0x80 | (lengthBytes === 0 ? claimed : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) head.writeUInt16BE(claimed, 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(claimed), 2);
  return Buffer.concat([head, mask, data.map((byte, i) => byte ^ mask[i & 3]!)]);
}

const lengthBytesFor = (length: number): number => (length < 126 ? 0 : length < 65_536 ? 2 : 8);
