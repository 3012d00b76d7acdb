import { parseLoginRecords } from './login-records.js';
import { defineTable } from './sensor-table.js';

/** The kinds of utmp(5) that begin and end a login. */
const typeNames: Readonly<Record<number, string>> = { 7: 'user-process', 8: 'dead-process' };

/** Logins and their ends, from /var/log/wtmp. */
export const last = defineTable({
  name: 'last',
  columns: {
    username: 'TEXT',
    tty: 'TEXT',
    pid: 'INTEGER',
    type: 'INTEGER',
    type_name: 'TEXT',
    time: 'INTEGER',
    host: 'TEXT',
  },
  rows: ({ files }) =>
    parseLoginRecords(files.bytes('/var/log/wtmp') ?? Buffer.alloc(0))
      .filter(({ type }) => typeNames[type] !== undefined)
      .map(({ user, type, ...record }) => ({ ...record, username: user, type, type_name: typeNames[type] })),
});
