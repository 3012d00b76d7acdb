import type { Micros } from '../core/time.js';
import { type AttributedConnection, type Cause, type End, endSchema } from '../records/attributed-connection.js';
import { type Connection, connectionSchema } from '../records/connection.js';
import { type Column, quoted, type StoreValue, selected, type Table } from './column.js';
import { type Leaf, leavesOf, recordOf, valueAt } from './schema-leaf.js';

/** A line about a connection, and the circumstances in which it was written. */
export interface StoredLine {
  readonly line: AttributedConnection;
  /** Host on which it was captured; see ConnectionUpdate. */
  readonly captureHost?: string;
  /** Number of the run that wrote it. */
  readonly run: number;
  /** Capture time when it was written. */
  readonly told: Micros;
}

const connectionLeaves = leavesOf(connectionSchema);
const endLeaves = leavesOf(endSchema);

function columnOf(
  leaf: Leaf,
  prefix: readonly string[],
  part: (line: AttributedConnection) => unknown,
): Column<StoredLine> {
  return { name: [...prefix, ...leaf.path].join('.'), type: leaf.type, of: ({ line }) => valueAt(part(line), leaf) };
}

const circumstances: readonly Column<StoredLine>[] = [
  { name: 'cause', type: 'VARCHAR', of: ({ line }) => line.cause },
  { name: 'rev', type: 'BIGINT', of: ({ line }) => line.rev },
  { name: 'capture', type: 'VARCHAR', of: ({ line }) => line.capture },
  { name: 'capture_host', type: 'VARCHAR', of: ({ captureHost }) => captureHost },
  { name: 'run', type: 'BIGINT', of: ({ run }) => run },
  { name: 'told', type: 'TIMESTAMP', of: ({ told }) => (Number.isFinite(told) ? told : null) },
];

/** Every line that was written; `rev` grows by one with each of a `uid`. Columns are the members of the schemas, `orig.process.pid`. */
export const connectionLines: Table<StoredLine> = {
  name: 'connection_lines',
  time: 'ts',
  columns: [
    ...connectionLeaves.map((leaf) => columnOf(leaf, [], ({ connection }) => connection)),
    ...circumstances,
    ...endLeaves.map((leaf) => columnOf(leaf, ['orig'], ({ orig }) => orig)),
    ...endLeaves.map((leaf) => columnOf(leaf, ['resp'], ({ resp }) => resp)),
  ],
};

/** The last line of each connection. A filter by `ts` reaches the table, since it is part of what lines are put together by. */
export const LAST_LINES = `SELECT * FROM connection_lines
  QUALIFY row_number() OVER (PARTITION BY ts, uid ORDER BY run DESC, rev DESC) = 1`;

/** What the view `connections` has: the last lines, with `id.orig_h` and `orig.process.name` written as in the JSON lines. */
export function connectionsView(): string {
  const flat = connectionLines.columns.filter(({ name }) => !name.includes('.')).map(({ name }) => quoted(name));
  const nested = ['id', 'orig', 'resp'].map((root) => `${structOf(root)} AS ${quoted(root)}`);
  return `CREATE OR REPLACE VIEW connections AS SELECT ${[...flat, ...nested].join(', ')} FROM (${LAST_LINES})`;
}

/** `{'state': "orig.state", 'process': {'pid': "orig.process.pid"}}` */
function structOf(prefix: string): string {
  const members = new Map<string, string>();
  for (const { name } of connectionLines.columns) {
    if (!name.startsWith(`${prefix}.`)) continue;
    const [member, ...deeper] = name.slice(prefix.length + 1).split('.');
    const path = `${prefix}.${member}`;
    members.set(member!, deeper.length === 0 ? quoted(path) : structOf(path));
  }
  return `{${[...members].map(([name, value]) => `'${name}': ${value}`).join(', ')}}`;
}

/** To be selected from lines for `storedLine`. */
export const lineSelection = connectionLines.columns.map(selected).join(', ');

/** A line as it was written, from the values of `lineSelection`. */
export function storedLine(values: readonly StoreValue[]): StoredLine {
  const [connectionEnd, endsFrom] = [connectionLeaves.length, connectionLeaves.length + circumstances.length];
  const [cause, rev, capture, captureHost, run, told] = values.slice(connectionEnd, endsFrom);
  const origEnd = endsFrom + endLeaves.length;
  return {
    line: {
      connection: recordOf(connectionLeaves, values.slice(0, connectionEnd)) as Connection,
      capture: capture as string,
      cause: cause as Cause,
      rev: rev as number,
      orig: recordOf(endLeaves, values.slice(endsFrom, origEnd)) as End,
      resp: recordOf(endLeaves, values.slice(origEnd)) as End,
    },
    ...(captureHost !== null && { captureHost: captureHost as string }),
    run: run as number,
    told: told === null ? -Infinity : (told as Micros),
  };
}
