import { randomBytes } from 'node:crypto';
import type { HashKey } from './hash.js';

/** A random key. Apart from the hash, since a thread that gets its key loads no cryptography. */
export function secretKey(): HashKey {
  const bytes = randomBytes(8);
  return { k0: bytes.readInt32LE(0), k1: bytes.readInt32LE(4) };
}
