import { intern } from '../core/intern.js';
import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { AnyTableRow, HostRow, StreamSeen } from '../records/host-row.js';
import { type ColumnType, type HostTable, hostTables } from '../records/host-tables.js';

/**
 * Host rows on the wire. A message holds blocks in order: rows of one stream, table and action in columns, or a control row. Every
 * row has a sequence, which grows along the journal of the agent: `first`, `first` + 1, …, or, where rows in between are no longer
 * held, each its own in `sequences`. null in a column: that row has no such column. The host is the connection's, so it is not told.
 *
 *     {"type":"rows","boot":"…","first":17,"blocks":[
 *       {"stream":"processes","table":"processes","action":"added","time":[…],"since":[…],"resolution":[…],"seq":[…],
 *        "columns":{"pid":[…],"name":[…]}},
 *       {"complete":["processes","users"],"until":[…]},
 *       {"lost":"processes","from":…,"to":…}, {"host":[["processes","processes"]],"from":…,"namespace":"…"}, {"timeout":…}]}
 */
export interface RowBatch {
  readonly type: 'rows';
  readonly rows: readonly HostRow[];
  /** Sequence of each row. */
  readonly sequences: readonly number[];
  /** The latest time that any row tells, host clock; -Infinity when none does. */
  readonly latest: Micros;
}

interface TableBlock {
  stream: string;
  table: HostTable;
  action: AnyTableRow['action'];
  time: number[];
  since: (number | null)[];
  resolution: number[];
  seq: number[];
  columns: Record<string, (string | number | null)[]>;
}

type Block =
  | TableBlock
  | { complete: string[]; until: number[] }
  | { lost: string; from: number; to: number }
  | { host: [stream: string, table: string, pause?: Micros][]; from: number; namespace?: string }
  | { timeout: number };

/** A message and its rows in the order of their sequences. */
export interface EncodedRows {
  readonly text: string;
  readonly rows: readonly HostRow[];
}

/**
 * Rows as one message. They keep their order within a stream and against control rows, and get sequences from `first` on, or those
 * given, one for each. Clock rows are not an agent's to tell.
 */
export function encodeRows(
  rows: readonly HostRow[],
  first: number | readonly number[],
  boot: string | undefined,
): EncodedRows {
  const blocks: Block[] = [];
  // The order in which rows take their sequences is that of the blocks.
  const open = new Map<string, TableBlock>();
  const order: number[][] = [];
  const places = new Map<Block, number[]>();
  rows.forEach((row, at) => {
    let block: Block | undefined;
    if (row.kind === 'row') block = tableBlock(row, open, blocks);
    else {
      open.clear();
      block = controlBlock(row, blocks);
    }
    let place = places.get(block);
    if (place === undefined) {
      place = [];
      places.set(block, place);
      order.push(place);
    }
    place.push(at);
  });
  const inOrder = order.flat();
  const numbering = typeof first === 'number' ? { first } : { sequences: inOrder.map((at) => first[at]) };
  return {
    text: JSON.stringify({ type: 'rows', ...(boot !== undefined && { boot }), ...numbering, blocks }),
    rows: inOrder.map((at) => rows[at]!),
  };
}

/** A frame stays far below its bound: what an engine once read at a time, its connection keeps the memory of. */
const FRAME_ROWS = limits.wireRows >> 2;
const FRAME_CHARS = limits.wireFrameBytes >> 7;

/** As encodeRows, in as many messages as it takes to keep each of them in a frame; a single row may still be too long for one. */
export function encodeFrames(
  rows: readonly HostRow[],
  first: number | readonly number[],
  boot: string | undefined,
): EncodedRows[] {
  if (rows.length === 0) return [];
  let parts = Math.ceil(rows.length / FRAME_ROWS);
  if (parts === 1) {
    const encoded = encodeRows(rows, first, boot);
    if (encoded.text.length <= FRAME_CHARS || rows.length === 1) return [encoded];
    parts = Math.ceil(encoded.text.length / FRAME_CHARS);
  }
  const size = Math.ceil(rows.length / parts);
  const frames: EncodedRows[] = [];
  for (let at = 0; at < rows.length; at += size) {
    const part = typeof first === 'number' ? first + at : first.slice(at, at + size);
    frames.push(...encodeFrames(rows.slice(at, at + size), part, boot));
  }
  return frames;
}

function tableBlock(row: AnyTableRow, open: Map<string, TableBlock>, blocks: Block[]): TableBlock {
  let block = open.get(row.stream);
  if (block === undefined || block.action !== row.action || block.table !== row.table) {
    const { stream, table, action } = row;
    block = { stream, table, action, time: [], since: [], resolution: [], seq: [], columns: {} };
    open.set(stream, block);
    blocks.push(block);
  }
  const at = block.time.length;
  block.time.push(row.time);
  block.since.push(row.since ?? null);
  block.resolution.push(row.resolution);
  block.seq.push(row.seq);
  const columns: Readonly<Record<string, string | number | undefined>> = row.columns;
  for (const name in columns) {
    const value = columns[name];
    if (value === undefined) continue;
    block.columns[name] ??= new Array<null>(at).fill(null);
    block.columns[name].push(value);
  }
  for (const name in block.columns) if (block.columns[name]!.length <= at) block.columns[name]!.push(null);
  return block;
}

function controlBlock(row: Exclude<HostRow, AnyTableRow>, blocks: Block[]): Block {
  const last = blocks.at(-1);
  if (row.kind === 'complete' && last !== undefined && 'complete' in last) {
    last.complete.push(row.stream);
    last.until.push(row.until);
    return last;
  }
  const block = newControlBlock(row);
  blocks.push(block);
  return block;
}

function newControlBlock(row: Exclude<HostRow, AnyTableRow>): Block {
  switch (row.kind) {
    case 'complete':
      return { complete: [row.stream], until: [row.until] };
    case 'lost':
      return { lost: row.stream, from: row.from, to: row.to };
    case 'host':
      return {
        host: row.streams.map(({ stream, table, pause }) =>
          pause === undefined ? [stream, table] : [stream, table, pause],
        ),
        from: row.from,
        ...(row.net_namespace !== undefined && { namespace: row.net_namespace }),
      };
    case 'host_timeout':
      return { timeout: row.at };
    case 'clock':
      throw new TypeError('clock rows are made by the engine');
  }
}

type Unknown = Readonly<Record<string, unknown>>;

/** Checks every value of a parsed `rows` message and makes rows of it; a string says what is wrong. */
export function readRows(message: Unknown, host: string): RowBatch | string {
  const { blocks, first, boot, sequences } = message;
  for (const member in message) if (!rowMembers.has(member)) return `rows: unknown member ${member.slice(0, 40)}`;
  if (boot !== undefined && !isName(boot)) return 'rows: boot is no name';
  if (!Array.isArray(blocks)) return 'rows: blocks are missing';
  const into: Reading = { host, boot: boot as string | undefined, rows: [], latest: -Infinity };
  for (const block of blocks as unknown[]) {
    if (typeof block !== 'object' || block === null || Array.isArray(block)) return 'rows: a block is no object';
    const problem = readBlock(block as Unknown, into);
    if (problem !== undefined) return `rows: ${problem}`;
    if (into.rows.length > limits.wireRows) return 'rows: too many in one message';
  }
  if ((first === undefined) === (sequences === undefined)) return 'rows: give first or sequences';
  const numbered = sequences === undefined ? numberFrom(first, into.rows.length) : numbers(sequences, into.rows.length);
  if (numbered === undefined) return 'rows: sequences do not fit the rows';
  return { type: 'rows', rows: into.rows, sequences: numbered, latest: into.latest };
}

const rowMembers = new Set(['type', 'blocks', 'first', 'boot', 'sequences']);

interface Reading {
  readonly host: string;
  readonly boot: string | undefined;
  readonly rows: HostRow[];
  latest: Micros;
}

function numberFrom(first: unknown, length: number): number[] | undefined {
  if (!isSequence(first) || !isSequence(first + length)) return undefined;
  return Array.from({ length }, (_, i) => first + i);
}

function numbers(sequences: unknown, length: number): number[] | undefined {
  if (!Array.isArray(sequences) || sequences.length !== length) return undefined;
  return sequences.every(isSequence) ? (sequences as number[]) : undefined;
}

function readBlock(block: Unknown, into: Reading): string | undefined {
  if ('table' in block) return readTable(block, into);
  if ('complete' in block) return readComplete(block, into);
  if ('lost' in block) return readLost(block, into);
  if ('host' in block) return readHost(block, into);
  if ('timeout' in block) {
    const at = block.timeout;
    if (!isTime(at) || !hasOnly(block, timeoutMembers)) return 'a timeout has no time';
    into.rows.push({ kind: 'host_timeout', host: into.host, at });
    into.latest = Math.max(into.latest, at);
    return undefined;
  }
  return 'a block is of no known kind';
}

const timeoutMembers = new Set(['timeout']);
const completeMembers = new Set(['complete', 'until']);
const lostMembers = new Set(['lost', 'from', 'to']);
const hostMembers = new Set(['host', 'from', 'namespace']);

function readComplete(block: Unknown, into: Reading): string | undefined {
  const { complete, until } = block;
  if (!Array.isArray(complete) || !Array.isArray(until) || complete.length !== until.length)
    return 'a watermark lacks its times';
  if (!hasOnly(block, completeMembers) || complete.length > limits.wireRows) return 'a watermark has too much';
  for (let i = 0; i < complete.length; i++) {
    const stream: unknown = complete[i];
    const time: unknown = until[i];
    if (!isName(stream) || !isTime(time)) return 'a watermark is malformed';
    into.rows.push({ kind: 'complete', host: into.host, stream: intern(stream), until: time });
    into.latest = Math.max(into.latest, time);
  }
  return undefined;
}

function readLost(block: Unknown, into: Reading): string | undefined {
  const { lost: stream, from, to } = block;
  if (!isName(stream) || !isTime(from) || !isTime(to) || !hasOnly(block, lostMembers)) return 'a loss is malformed';
  into.rows.push({ kind: 'lost', host: into.host, stream: intern(stream), from, to });
  into.latest = Math.max(into.latest, to);
  return undefined;
}

function readHost(block: Unknown, into: Reading): string | undefined {
  const { host: streams, from, namespace } = block;
  if (!Array.isArray(streams) || !isTime(from) || !hasOnly(block, hostMembers)) return 'a host is malformed';
  if (namespace !== undefined && !isName(namespace)) return 'a network namespace has no name';
  if (streams.length > limits.agentTables) return 'a host has too many streams';
  const read: StreamSeen[] = [];
  for (const each of streams as unknown[]) {
    if (!Array.isArray(each) || each.length < 2 || each.length > 3) return 'a stream is malformed';
    const [stream, table, pause] = each as unknown[];
    if (!isName(stream) || !isTable(table)) return 'a stream is malformed';
    if (pause !== undefined && !isSequence(pause)) return 'a pause is no time';
    read.push({ stream: intern(stream), table, ...(pause !== undefined && { pause }) });
  }
  const { host, boot } = into;
  into.rows.push({
    kind: 'host',
    host,
    ...(boot !== undefined && { boot }),
    streams: read,
    from,
    ...(namespace !== undefined && { net_namespace: namespace }),
  });
  into.latest = Math.max(into.latest, from);
  return undefined;
}

const tableMembers = new Set(['stream', 'table', 'action', 'time', 'since', 'resolution', 'seq', 'columns']);
const actions = new Set<unknown>(['event', 'added', 'removed']);

function readTable(block: Unknown, into: Reading): string | undefined {
  const { stream, table, action, time, since, resolution, seq, columns } = block;
  if (!hasOnly(block, tableMembers) || !isName(stream) || !isTable(table) || !actions.has(action)) {
    return 'a table block is malformed';
  }
  if (!Array.isArray(time)) return `${table}: time is missing`;
  const { length } = time;
  if (length > limits.wireRows) return `${table}: too many rows`;
  if (!areTimes(time) || !areTimes(resolution, length) || !areTimes(seq, length)) return `${table}: a number is none`;
  if (!Array.isArray(since) || since.length !== length) return `${table}: since is missing`;
  if (typeof columns !== 'object' || columns === null) return `${table}: columns are missing`;
  const names = Object.keys(columns);
  if (names.length > limits.hostRowColumns) return `${table}: too many columns`;
  const values: unknown[][] = [];
  const streamName = intern(stream);
  for (const name of names) {
    const column = (columns as Unknown)[name];
    if (!isColumn(table, name, column, length)) return `${table}.${name.slice(0, 40)}: not of the column's type`;
    values.push(column as unknown[]);
  }
  for (let i = 0; i < length; i++) {
    const before: unknown = since[i];
    if (before !== null && !isTime(before)) return `${table}: since is no time`;
    const cells: Record<string, unknown> = {};
    for (let c = 0; c < names.length; c++) {
      const value = values[c]![i];
      if (value !== null) cells[names[c]!] = value;
    }
    const at = time[i] as number;
    if (at > into.latest) into.latest = at;
    const { host, boot } = into;
    // Every member was checked above.
    into.rows.push({
      kind: 'row',
      host,
      ...(boot !== undefined && { boot }),
      stream: streamName,
      table,
      action,
      time: at,
      ...(before !== null && { since: before }),
      resolution: resolution[i],
      seq: seq[i],
      columns: cells,
    } as unknown as AnyTableRow);
  }
  return undefined;
}

function isColumn(table: HostTable, name: string, column: unknown, length: number): column is unknown[] {
  if (!Array.isArray(column) || column.length !== length) return false;
  if (name === '__proto__' || name.length > 64) return false;
  const types: Readonly<Record<string, ColumnType>> = hostTables[table];
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  const mayBeText = type === undefined || type === 'TEXT';
  const mayBeNumber = type !== 'TEXT';
  for (const value of column as unknown[]) {
    if (value === null) continue;
    if (typeof value === 'string') {
      if (!mayBeText || value.length > limits.wireTextChars) return false;
    } else if (typeof value !== 'number' || !mayBeNumber) return false;
  }
  return true;
}

/** JSON has no numbers that are not finite, except those too large for a double. */
function areTimes(values: unknown, length?: number): values is number[] {
  if (!Array.isArray(values) || (length !== undefined && values.length !== length)) return false;
  for (const value of values as unknown[]) if (!isTime(value)) return false;
  return true;
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value);
const isSequence = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isTable = (value: unknown): value is HostTable => typeof value === 'string' && Object.hasOwn(hostTables, value);
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= limits.hostNameChars;

function hasOnly(block: Unknown, members: ReadonlySet<string>): boolean {
  for (const member in block) if (!members.has(member)) return false;
  return true;
}
