import { parseLoginRecords } from './login-records.js';
import { defineTable } from './sensor-table.js';

/** The types of utmp(5) in their order, with osquery's names. */
const types = ['empty', 'runlevel', 'boot_time', 'new_time', 'old_time', 'init', 'login', 'user', 'dead', 'accounting'];

/** Logins that the machine keeps record of, in /run/utmp; systems without that file have none. */
export const loggedInUsers = defineTable({
  name: 'logged_in_users',
  columns: { type: 'TEXT', user: 'TEXT', tty: 'TEXT', host: 'TEXT', time: 'BIGINT', pid: 'INTEGER' },
  rows: ({ files }) =>
    parseLoginRecords(files.bytes('/run/utmp') ?? Buffer.alloc(0))
      .filter(({ pid }) => pid !== 1)
      .map(({ type, ...record }) => ({ ...record, type: types[type] ?? 'unknown' })),
});
