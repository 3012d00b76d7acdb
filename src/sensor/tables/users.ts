import { hostTables } from '../../records/host-tables.js';
import { parsePasswd } from '../user-table.js';
import { defineTable } from './sensor-table.js';

/** The users of /etc/passwd; those that only a directory service knows are not there. */
export const users = defineTable({
  name: 'users',
  columns: { ...hostTables.users, pid_with_namespace: 'INTEGER', include_remote: 'INTEGER' },
  hidden: ['pid_with_namespace', 'include_remote'],
  nocase: ['uuid'],
  rows: ({ files }) =>
    parsePasswd(files.text('/etc/passwd') ?? '').map((user) => ({
      description: '',
      shell: '',
      ...user,
      pid_with_namespace: 0,
      include_remote: 0,
    })),
});
