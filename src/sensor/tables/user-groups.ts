import { parsePasswd } from '../user-table.js';
import { parseGroups } from './group-file.js';
import { defineTable } from './sensor-table.js';

/** The groups of each user, the primary one first. */
export const userGroups = defineTable({
  name: 'user_groups',
  columns: { uid: 'BIGINT', gid: 'BIGINT' },
  *rows({ files }) {
    const groups = parseGroups(files.text('/etc/group') ?? '');
    for (const { uid, gid, username } of parsePasswd(files.text('/etc/passwd') ?? '')) {
      const others = groups.filter(({ members }) => members.includes(username ?? '')).map((group) => group.gid);
      for (const each of new Set([gid, ...others])) yield { uid, gid: each };
    }
  },
});
