import { parseGroups } from './group-file.js';
import { defineTable } from './sensor-table.js';

/** The groups of /etc/group. */
export const groups = defineTable({
  name: 'groups',
  columns: { gid: 'BIGINT', gid_signed: 'BIGINT', groupname: 'TEXT', pid_with_namespace: 'INTEGER' },
  hidden: ['pid_with_namespace'],
  rows: ({ files }) =>
    parseGroups(files.text('/etc/group') ?? '').map(({ name, gid }) => ({
      gid,
      gid_signed: gid | 0,
      groupname: name,
      pid_with_namespace: 0,
    })),
});
