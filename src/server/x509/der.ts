/**
 * Values of ASN.1 in DER (ITU-T X.690), as far as certificates need them. Every function returns a whole value: tag, length, content.
 */

function value(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => value(0x30, Buffer.concat(parts));
export const set = (...parts: readonly Uint8Array[]): Buffer => value(0x31, Buffer.concat(parts));
export const octets = (content: Uint8Array): Buffer => value(0x04, content);
export const utf8 = (text: string): Buffer => value(0x0c, Buffer.from(text));
export const boolean = (is: boolean): Buffer => value(0x01, Buffer.of(is ? 0xff : 0));

/** A number that is not negative, from its bytes, highest first. */
export function integer(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const rest = bytes.subarray(from);
  return value(0x02, (rest[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), rest]) : rest);
}

/** `unused` bits at the end are not part of the string. */
export const bits = (content: Uint8Array, unused = 0): Buffer =>
  value(0x03, Buffer.concat([Buffer.of(unused), content]));

/** An object identifier as dotted numbers. */
export function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const number of [first * 40 + second, ...rest]) {
    const digits = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) digits.unshift(0x80 | (left & 0x7f));
    bytes.push(...digits);
  }
  return value(0x06, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
export function time(at: Date): Buffer {
  const digits = `${at.toISOString().slice(0, 19).replace(/\D/g, '')}Z`;
  return at.getUTCFullYear() < 2050 ? value(0x17, Buffer.from(digits.slice(2))) : value(0x18, Buffer.from(digits));
}

/** A value with the context's own tag `number`: explicit around a whole value, or implicit in place of its tag. */
export const explicit = (number: number, inner: Uint8Array): Buffer => value(0xa0 | number, inner);
export const implicit = (number: number, content: Uint8Array): Buffer => value(0x80 | number, content);
