import { statfsSync } from 'node:fs';
import { defineTable } from './sensor-table.js';

/** The mounted file systems that we see. */
export const mounts = defineTable({
  name: 'mounts',
  columns: {
    device: 'TEXT',
    device_alias: 'TEXT',
    path: 'TEXT',
    type: 'TEXT',
    blocks_size: 'BIGINT',
    blocks: 'BIGINT',
    blocks_free: 'BIGINT',
    blocks_available: 'BIGINT',
    inodes: 'BIGINT',
    inodes_free: 'BIGINT',
    flags: 'TEXT',
  },
  *rows({ files, wants }) {
    const wantsSizes = wants('blocks_size', 'blocks', 'blocks_free', 'blocks_available', 'inodes', 'inodes_free');
    for (const mount of parseMounts(files.text('/proc/self/mounts') ?? '')) {
      const { device } = mount;
      const alias = wants('device_alias') && device.startsWith('/') ? files.realPath(device) : undefined;
      yield { ...mount, device_alias: alias ?? device, ...(wantsSizes && sizes(mount.path)) };
    }
  },
});

/** The lines of /proc/mounts, in the form of fstab(5): blanks and backslashes are octal escapes. */
export function parseMounts(text: string) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [device = '', path = '', type = '', flags = ''] = line.split(' ').map(unescaped);
      return { device, path, type, flags };
    });
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function sizes(path: string) {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(path);
    return {
      blocks_size: bsize,
      blocks,
      blocks_free: bfree,
      blocks_available: bavail,
      inodes: files,
      inodes_free: ffree,
    };
  } catch {
    // Not permitted, or gone.
    return {};
  }
}
