import { defineTable } from './sensor-table.js';

/** The lines of /etc/hosts (hosts(5)). */
export const etcHosts = defineTable({
  name: 'etc_hosts',
  columns: { address: 'TEXT', hostnames: 'TEXT', pid_with_namespace: 'INTEGER' },
  hidden: ['pid_with_namespace'],
  rows: ({ files }) => parseHosts(files.text('/etc/hosts') ?? ''),
});

export function parseHosts(text: string) {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([address, name]) => address && name)
    .map(([address, ...names]) => ({ address, hostnames: names.join(' '), pid_with_namespace: 0 }));
}
