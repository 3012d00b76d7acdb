import type { Alert } from '../records/alert.js';
import type { Table } from './column.js';

/** Every alert that was raised, updated or withdrawn; of one `id` the greatest `rev` holds. `alert` is all of it, times in microseconds. */
export const alertLines: Table<Alert> = {
  name: 'alert_lines',
  time: 'time',
  columns: [
    { name: 'time', type: 'TIMESTAMP', of: ({ time }) => time },
    { name: 'id', type: 'VARCHAR', of: ({ id }) => id },
    { name: 'status', type: 'VARCHAR', of: ({ status }) => status },
    { name: 'rev', type: 'BIGINT', of: ({ rev }) => rev },
    { name: 'rule_id', type: 'VARCHAR', of: ({ rule }) => rule.id },
    { name: 'level', type: 'VARCHAR', of: ({ rule }) => rule.level },
    { name: 'title', type: 'VARCHAR', of: ({ title }) => title },
    { name: 'host', type: 'VARCHAR', of: ({ host }) => host },
    { name: 'side', type: 'VARCHAR', of: ({ side }) => side },
    { name: 'uid', type: 'VARCHAR', of: ({ connection }) => connection?.connection.uid },
    { name: 'alert', type: 'JSON', of: (alert) => JSON.stringify(alert) },
  ],
};

/** The last word on each alert. */
export const alertsView = `CREATE OR REPLACE VIEW alerts AS SELECT * FROM alert_lines
  QUALIFY row_number() OVER (PARTITION BY id, time ORDER BY rev DESC) = 1`;
