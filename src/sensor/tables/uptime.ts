import { defineTable } from './sensor-table.js';

/** Time since the boot. */
export const uptime = defineTable({
  name: 'uptime',
  columns: { days: 'INTEGER', hours: 'INTEGER', minutes: 'INTEGER', seconds: 'INTEGER', total_seconds: 'BIGINT' },
  rows({ files }) {
    const text = files.text('/proc/uptime');
    if (text === undefined) return [];
    const total = Math.floor(Number.parseFloat(text));
    return [
      {
        days: Math.floor(total / 86_400),
        hours: Math.floor(total / 3600) % 24,
        minutes: Math.floor(total / 60) % 60,
        seconds: total % 60,
        total_seconds: total,
      },
    ];
  },
});
