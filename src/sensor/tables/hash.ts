import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { limits } from '../../core/limits.js';
import { scannedPaths } from './scanned-paths.js';
import { defineTable } from './sensor-table.js';

const algorithms = ['md5', 'sha1', 'sha256'] as const;

const CHUNK_BYTES = 1 << 18;

/** Hashes of regular files by path or folder. */
export const hash = defineTable({
  name: 'hash',
  columns: {
    path: 'TEXT',
    directory: 'TEXT',
    md5: 'TEXT',
    sha1: 'TEXT',
    sha256: 'TEXT',
    pid_with_namespace: 'INTEGER',
    mount_namespace_id: 'TEXT',
  },
  hidden: ['pid_with_namespace', 'mount_namespace_id'],
  nocase: ['md5', 'sha1', 'sha256'],
  required: ['path', 'directory'],
  *rows(scan) {
    const wanted = algorithms.filter((algorithm) => scan.wants(algorithm));
    for (const { path, directory } of scannedPaths(scan)) {
      const digests = digestFile(path, wanted);
      if (digests !== undefined) yield { path, directory, ...digests, pid_with_namespace: 0 };
    }
  },
});

/** Undefined for what is not a regular file or may not be read. It neither waits for a pipe's writer nor wakes a device. */
function digestFile(path: string, wanted: readonly (typeof algorithms)[number][]) {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return undefined;
    if (stats.size > limits.sensorHashBytes) return {};
    return digest(file, wanted);
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

function digest(file: number, wanted: readonly (typeof algorithms)[number][]): Record<string, string> {
  const hashes = wanted.map((algorithm) => [algorithm, createHash(algorithm)] as const);
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  while (hashes.length > 0) {
    const got = readSync(file, buffer, 0, buffer.length, null);
    if (got === 0) break;
    for (const [, each] of hashes) each.update(buffer.subarray(0, got));
  }
  return Object.fromEntries(hashes.map(([algorithm, each]) => [algorithm, each.digest('hex')]));
}
