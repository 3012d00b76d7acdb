import type { ProcFiles } from '../proc-files.js';
import { defineTable } from './sensor-table.js';

/** Of the system, whose lines name a user before the command, and of users. */
const folders = ['/etc/cron.d', '/var/spool/cron/crontabs', '/var/spool/cron'];

/** The jobs of cron. As in osquery, the command of a system job begins with the user. */
export const crontab = defineTable({
  name: 'crontab',
  columns: {
    event: 'TEXT',
    minute: 'TEXT',
    hour: 'TEXT',
    day_of_month: 'TEXT',
    month: 'TEXT',
    day_of_week: 'TEXT',
    command: 'TEXT',
    path: 'TEXT',
    pid_with_namespace: 'INTEGER',
  },
  hidden: ['pid_with_namespace'],
  *rows({ files }) {
    for (const path of ['/etc/crontab', ...folders.flatMap((folder) => filesIn(files, folder))]) {
      for (const job of parseCrontab(files.text(path) ?? '')) yield { ...job, path, pid_with_namespace: 0 };
    }
  },
});

function filesIn(files: ProcFiles, folder: string): string[] {
  return (files.names(folder) ?? []).map((name) => `${folder}/${name}`);
}

/** The jobs of a text in the form of crontab(5); comments and variables are left out. */
export function parseCrontab(text: string) {
  return text.split('\n').flatMap((line) => {
    const [first = '', ...rest] = line.trim().split(/[ \t]+/);
    if (first === '' || first.startsWith('#')) return [];
    if (first.startsWith('@')) return rest.length === 0 ? [] : [{ event: first, command: rest.join(' ') }];
    const [hour, dayOfMonth, month, dayOfWeek, ...command] = rest;
    if (!/^[\d*]/.test(first) || command.length === 0) return [];
    return [
      {
        event: '',
        minute: first,
        hour,
        day_of_month: dayOfMonth,
        month,
        day_of_week: dayOfWeek,
        command: command.join(' '),
      },
    ];
  });
}
