import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { scannedPaths } from './scanned-paths.js';
import { defineTable } from './sensor-table.js';

/** Files by path or folder. What is told is that of a link's target, or of the link when the target is missing. */
export const file = defineTable({
  name: 'file',
  columns: {
    path: 'TEXT',
    directory: 'TEXT',
    filename: 'TEXT',
    inode: 'BIGINT',
    uid: 'BIGINT',
    gid: 'BIGINT',
    mode: 'TEXT',
    device: 'BIGINT',
    size: 'BIGINT',
    block_size: 'INTEGER',
    atime: 'BIGINT',
    mtime: 'BIGINT',
    ctime: 'BIGINT',
    btime: 'BIGINT',
    hard_links: 'INTEGER',
    symlink: 'INTEGER',
    type: 'TEXT',
    symlink_target_path: 'TEXT',
    pid_with_namespace: 'INTEGER',
    mount_namespace_id: 'TEXT',
  },
  hidden: ['pid_with_namespace', 'mount_namespace_id'],
  required: ['path', 'directory'],
  *rows(scan) {
    for (const { path, directory } of scannedPaths(scan)) {
      const described = describe(path);
      if (described === undefined) continue;
      yield { path, directory, filename: path.slice(path.lastIndexOf('/') + 1), ...described, pid_with_namespace: 0 };
    }
  },
});

function describe(path: string) {
  const link = attempt(() => lstatSync(path));
  if (link === undefined) return undefined;
  const isLink = link.isSymbolicLink();
  const stats = (isLink ? attempt(() => statSync(path)) : undefined) ?? link;
  const target = isLink ? attempt(() => readlinkSync(path)) : undefined;
  return {
    inode: stats.ino,
    uid: stats.uid,
    gid: stats.gid,
    mode: (stats.mode & 0o7777).toString(8).padStart(4, '0'),
    device: stats.rdev,
    size: stats.size,
    block_size: stats.blksize,
    atime: seconds(stats.atimeMs),
    mtime: seconds(stats.mtimeMs),
    ctime: seconds(stats.ctimeMs),
    btime: seconds(stats.birthtimeMs),
    hard_links: stats.nlink,
    symlink: isLink ? 1 : 0,
    type: typeOf(stats),
    symlink_target_path: target === undefined ? '' : resolve(path, '..', target),
  };
}

/** Undefined for what is not there, may not be read, or is a circle of links. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function typeOf(stats: Stats): string {
  if (stats.isFile()) return 'regular';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isBlockDevice()) return 'block';
  if (stats.isCharacterDevice()) return 'character';
  if (stats.isFIFO()) return 'fifo';
  return stats.isSocket() ? 'socket' : 'unknown';
}
