import { lstatSync, type Stats } from 'node:fs';
import type { ProcFiles } from '../proc-files.js';
import { parsePasswd } from '../user-table.js';
import { parseGroups } from './group-file.js';
import { defineTable } from './sensor-table.js';

const folders = ['/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/tmp'];

const SET_UID = 0o4000;
const SET_GID = 0o2000;

/** Programs in the usual folders that run as their owner (S) or with their group (G), whoever starts them. */
export const suidBin = defineTable({
  name: 'suid_bin',
  columns: { path: 'TEXT', username: 'TEXT', groupname: 'TEXT', permissions: 'TEXT' },
  *rows({ files }) {
    const users = new Map(parsePasswd(files.text('/etc/passwd') ?? '').map(({ uid, username }) => [uid, username]));
    const groups = new Map(parseGroups(files.text('/etc/group') ?? '').map(({ gid, name }) => [gid, name]));
    for (const { path, stats } of programs(files)) {
      const permissions = `${(stats.mode & SET_UID) === 0 ? '' : 'S'}${(stats.mode & SET_GID) === 0 ? '' : 'G'}`;
      if (permissions === '') continue;
      yield { path, username: users.get(stats.uid), groupname: groups.get(stats.gid), permissions };
    }
  },
});

/** Regular files, each once, however many of the folders are links to the same one. */
function* programs(files: ProcFiles): Generator<{ path: string; stats: Stats }> {
  const seen = new Set<string | undefined>();
  for (const folder of folders) {
    const real = files.realPath(folder);
    if (seen.has(real)) continue;
    seen.add(real);
    for (const name of files.names(folder) ?? []) {
      const path = `${folder}/${name}`;
      const stats = attempt(path);
      if (stats?.isFile() === true) yield { path, stats };
    }
  }
}

function attempt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
