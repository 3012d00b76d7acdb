/**
 * HalfSipHash (Aumasson, Bernstein) over 32-bit words: quick in 32-bit arithmetic and, with a secret key, safe against
 * senders who choose their addresses so that they collide. One round per word and three at the end, as the Linux kernel
 * uses it for its tables. The length is not mixed in: only words of one length are ever compared.
 */

/** A key of two 32-bit words. */
export interface HashKey {
  readonly k0: number;
  readonly k1: number;
}

const SEED2 = 0x6c796765;
const SEED3 = 0x74656462;

/** 32-bit hash of four words; written out because it runs once per packet. */
export function hashFour(k0: number, k1: number, a: number, b: number, c: number, d: number): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = k0 ^ SEED2;
  let v3 = k1 ^ SEED3;
  let word = a;
  for (let round = 0; round < 7; round++) {
    if (round < 4) v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    if (round < 4) v0 ^= word;
    if (round === 0) word = b;
    else if (round === 1) word = c;
    else if (round === 2) word = d;
    else if (round === 3) v2 ^= 0xff;
  }
  return v1 ^ v3;
}

/**
 * Hash of the first `count` words as two 32-bit words, the second written to `out[at + 1]`, the first to `out[at]`.
 */
export function hashWords(key: HashKey, words: Int32Array, count: number, out: Int32Array, at: number): void {
  let v0 = key.k0;
  let v1 = key.k1;
  let v2 = key.k0 ^ SEED2;
  let v3 = key.k1 ^ SEED3;
  const rounds = count + 6;
  for (let round = 0; round < rounds; round++) {
    const word = round < count ? words[round]! : 0;
    v3 ^= word;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= word;
    if (round === count - 1) v2 ^= 0xee;
    else if (round === count + 2) {
      out[at] = v1 ^ v3;
      v1 ^= 0xdd;
    }
  }
  out[at + 1] = v1 ^ v3;
}
