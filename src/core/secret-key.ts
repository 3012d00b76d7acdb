import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { HashKey } from './hash.js';

const load = createRequire(import.meta.url);

/** Eight bytes from the kernel's device: Node.js's cryptography takes longer to load than a small file to read, and serves where there is no device. */
function randomBytes(): Buffer {
  const bytes = Buffer.alloc(8);
  let device: number;
  try {
    device = openSync('/dev/urandom', 'r');
  } catch {
    return (load('node:crypto') as typeof import('node:crypto')).randomBytes(bytes.length);
  }
  try {
    readSync(device, bytes);
  } finally {
    closeSync(device);
  }
  return bytes;
}

/** A random key. Apart from the hash, since a thread that gets its key needs none of this. */
export function secretKey(): HashKey {
  const bytes = randomBytes();
  return { k0: bytes.readInt32LE(0), k1: bytes.readInt32LE(4) };
}
