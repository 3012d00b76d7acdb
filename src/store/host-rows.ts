import type { Micros } from '../core/time.js';
import type { AnyTableRow, Complete, ControlRow } from '../records/host-row.js';
import { type HostTable, hostTables } from '../records/host-tables.js';
import { type Column, type StoreValue, selected, type Table } from './column.js';

/** Where a row comes from and what it says; osquery's own columns follow. Times are the host's clock. */
const circumstances: readonly Column<AnyTableRow>[] = [
  { name: 'host', type: 'VARCHAR', of: ({ host }) => host },
  { name: 'boot', type: 'VARCHAR', of: ({ boot }) => boot },
  { name: 'stream', type: 'VARCHAR', of: ({ stream }) => stream },
  { name: 'row_action', type: 'VARCHAR', of: ({ action }) => action },
  { name: 'row_time', type: 'TIMESTAMP', of: ({ time }) => time },
  { name: 'row_since', type: 'TIMESTAMP', of: ({ since }) => since },
  { name: 'row_resolution', type: 'BIGINT', of: ({ resolution }) => resolution },
  { name: 'row_seq', type: 'BIGINT', of: ({ seq }) => seq },
];

function columnOf(name: string, sqlType: string): Column<AnyTableRow> {
  const value = ({ columns }: AnyTableRow): StoreValue | undefined => (columns as Record<string, StoreValue>)[name];
  switch (sqlType) {
    case 'TEXT':
      return { name, type: 'VARCHAR', of: value };
    case 'DOUBLE':
      return { name, type: 'DOUBLE', of: value };
    default:
      return { name, type: 'BIGINT', of: value };
  }
}

function tableOf(table: HostTable): Table<AnyTableRow> {
  const own = Object.entries(hostTables[table]).map(([name, type]) => columnOf(name, type));
  return { name: table, time: 'row_time', columns: [...circumstances, ...own] };
}

/** A table of the store for each host table, with its name: every row that was told, not only what holds now. */
export const hostRowTables = Object.fromEntries(
  (Object.keys(hostTables) as HostTable[]).map((table) => [table, tableOf(table)]),
) as Record<HostTable, Table<AnyTableRow>>;

/** To be selected from a host table for `storedRow`. */
export function rowSelection(table: HostTable): string {
  return hostRowTables[table].columns.map(selected).join(', ');
}

/** A row as it was told, from the values of `rowSelection`. */
export function storedRow(table: HostTable, values: readonly StoreValue[]): AnyTableRow {
  const [host, boot, stream, action, time, since, resolution, seq] = values;
  const { columns } = hostRowTables[table];
  const own: Record<string, StoreValue> = {};
  for (let i = circumstances.length; i < columns.length; i++) {
    const value = values[i];
    if (value !== null && value !== undefined) own[columns[i]!.name] = value;
  }
  return {
    kind: 'row',
    host,
    ...(boot !== null && { boot }),
    stream,
    table,
    action,
    time,
    ...(since !== null && { since }),
    resolution,
    seq,
    columns: own,
  } as AnyTableRow;
}

/** What hosts told of themselves and their streams, but for watermarks. */
export type ControlFact = Exclude<ControlRow, Complete>;

function timeOf(row: ControlFact): Micros {
  if (row.kind === 'host_timeout') return row.at;
  return row.kind === 'lost' ? row.to : row.from;
}

/** Every such row; `time` is that of the host's clock, of a clock sample the capture's. */
export const hostControl: Table<ControlFact> = {
  name: 'host_control',
  columns: [
    { name: 'time', type: 'TIMESTAMP', of: timeOf },
    { name: 'host', type: 'VARCHAR', of: ({ host }) => host },
    { name: 'kind', type: 'VARCHAR', of: ({ kind }) => kind },
    { name: 'row', type: 'JSON', of: (row) => JSON.stringify(row) },
  ],
};

/** How far the streams of hosts have come: the greatest `until` holds. */
export const watermarks: Table<Complete> = {
  name: 'watermarks',
  columns: [
    { name: 'host', type: 'VARCHAR', of: ({ host }) => host },
    { name: 'stream', type: 'VARCHAR', of: ({ stream }) => stream },
    { name: 'until', type: 'TIMESTAMP', of: ({ until }) => until },
  ],
};
