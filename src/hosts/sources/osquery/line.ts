import { limits } from '../../../core/limits.js';
import { type Micros, parseSeconds, SECOND } from '../../../core/time.js';
import type { HostTable } from '../../../records/host-tables.js';
import { isJsonObject, type JsonObject } from '../host-source.js';
import { convertRow, type RowColumns } from './columns.js';
import type { KnownQueries, KnownQuery } from './known-queries.js';

/** One line of osquery's result log, whichever of its forms it had. */
export interface ResultLine {
  readonly host: string;
  /** Name of the query. */
  readonly query: string;
  /** Absent when neither the name nor a row tells: an empty set under a name of its own. */
  readonly table: HostTable | undefined;
  /** A column that the rows do not have and without which none of them names the owner of a socket. */
  readonly missing: string | undefined;
  /** As text: an epoch may be any 64-bit number. Empty when the line has none. */
  readonly epoch: string;
  /** Absent when the line has none. */
  readonly counter: number | undefined;
  /** When osquery ran the query; 0 for a line that does not tell, all of whose rows are events with a time. */
  readonly time: Micros;
  /** `snapshot`: `added` is (a part of) all there is. */
  readonly kind: 'changes' | 'snapshot';
  readonly added: readonly RowColumns[];
  readonly removed: readonly RowColumns[];
}

/** A line that is well-formed and holds nothing to use. Its host was alive at `time` all the same. */
export interface OtherLine {
  readonly kind: 'other';
  /** The query, or `status`. */
  readonly what: string;
  readonly host: string | undefined;
  readonly time: Micros | undefined;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const eventTables: readonly HostTable[] = ['process_events', 'socket_events'];

/** Whether the rows of a table are things that happened, not things that are. */
export function isEventTable(table: HostTable): boolean {
  return eventTables.includes(table);
}

/** Whether a line has one of the forms of osquery's result or status log. */
export function isOsqueryLine(line: JsonObject): boolean {
  return isResult(line) || isStatus(line);
}

function isResult(line: JsonObject): boolean {
  return (
    typeof line.name === 'string' &&
    (isJsonObject(line.columns) || isJsonObject(line.diffResults) || Array.isArray(line.snapshot))
  );
}

function isStatus(line: JsonObject): boolean {
  return line.severity !== undefined && typeof line.filename === 'string' && line.message !== undefined;
}

/** Reads a line; a text tells why it is a bad one. */
export function parseResultLine(line: JsonObject, queries: KnownQueries): ResultLine | OtherLine | string {
  const host = hostOf(line);
  const time = timeOf(line);
  if (!isResult(line))
    return isStatus(line) ? { kind: 'other', what: 'status', host, time } : 'the line is no result of osquery';
  const name = line.name as string;
  const rows = rowsOf(line);
  if (typeof rows === 'string') return rows;
  const query = queries.of(name);
  const sample = rows.added[0] ?? rows.removed[0];
  const shape = isJsonObject(sample) ? query.shapeOf(sample) : undefined;
  const table = shape === undefined ? query.named : query.tableOf(shape);
  if (table === undefined && (sample !== undefined || query.isOther))
    return { kind: 'other', what: name.slice(0, limits.hostNameChars), host, time };
  if (host === undefined) return 'the line names no host';
  if (name.length > limits.hostNameChars || host.length > limits.hostNameChars) return 'a name is too long';
  const added = table === undefined ? noRows : convertAll(query, table, rows.added);
  if (typeof added === 'string') return added;
  const removed = table === undefined ? noRows : convertAll(query, table, rows.removed);
  if (typeof removed === 'string') return removed;
  if (time === undefined && !haveTimes(table, added)) return 'the line has no time';
  const counter = counterOf(line.counter);
  if (counter === 'bad') return 'the counter is no number';
  const epoch = epochOf(line.epoch);
  if (epoch === undefined) return 'the epoch is no number';
  const missing = table === undefined ? undefined : shape?.planFor(table).missing;
  return { host, query: name, table, missing, epoch, counter, time: time ?? 0, kind: rows.kind, added, removed };
}

interface RawRows {
  readonly kind: 'changes' | 'snapshot';
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
}

/** The rows of the four forms: batch, snapshot, one change, one row of a snapshot. */
function rowsOf(line: JsonObject): RawRows | string {
  const { diffResults, snapshot, columns, action } = line;
  if (isJsonObject(diffResults)) {
    const added = listOf(diffResults.added);
    const removed = listOf(diffResults.removed);
    if (added === undefined || removed === undefined) return 'diffResults holds no lists of rows';
    return { kind: 'changes', added, removed };
  }
  if (Array.isArray(snapshot)) return { kind: 'snapshot', added: snapshot, removed: [] };
  if (action === 'snapshot') return { kind: 'snapshot', added: [columns], removed: [] };
  if (action === 'added') return { kind: 'changes', added: [columns], removed: [] };
  if (action === 'removed') return { kind: 'changes', added: [], removed: [columns] };
  return 'the line has no known action';
}

/** osquery writes an empty text where there are no rows. */
function listOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === '') return [];
  return Array.isArray(value) ? value : undefined;
}

const noRows: readonly RowColumns[] = [];

function convertAll(query: KnownQuery, table: HostTable, rows: readonly unknown[]): readonly RowColumns[] | string {
  if (rows.length === 0) return noRows;
  const converted = new Array<RowColumns>(rows.length);
  let at = 0;
  for (const raw of rows) {
    if (!isJsonObject(raw)) return 'a row is no object';
    const shape = query.shapeOf(raw);
    if (shape.names.length > limits.hostRowColumns) return `a row has more than ${limits.hostRowColumns} columns`;
    const columns = convertRow(shape.planFor(table), raw);
    if (typeof columns === 'string') return columns;
    converted[at++] = columns;
  }
  return converted;
}

/** Whether all are events that tell when they happened. */
function haveTimes(table: HostTable | undefined, rows: readonly RowColumns[]): boolean {
  return table !== undefined && isEventTable(table) && rows.length > 0 && rows.every(hasTime);
}

function hasTime({ time }: RowColumns): boolean {
  return typeof time === 'number' && time > 0;
}

/** What decorates a line is what an administrator chose; these names are usual. Filebeat's module has `host_identifier`. */
function hostOf(line: JsonObject): string | undefined {
  const more = isJsonObject(line.decorations) ? line.decorations : {};
  for (const name of [line.hostIdentifier, line.host_identifier, line.hostname, more.hostname, more.host_uuid])
    if (typeof name === 'string' && name !== '') return name;
  return undefined;
}

function epochOf(value: unknown): string | undefined {
  if (value === undefined) return '';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function counterOf(value: unknown): number | undefined | 'bad' {
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string' && typeof value !== 'number') return 'bad';
  const counter = Number(value);
  return Number.isSafeInteger(counter) && counter >= 0 ? counter : 'bad';
}

/** When osquery wrote the line; undefined where it does not tell. The names with an underscore are those of Filebeat's module. */
export function timeOf(line: JsonObject): Micros | undefined {
  const { unix_time, unixTime = unix_time, calendar_time, calendarTime = calendar_time } = line;
  const time = typeof unixTime === 'string' || typeof unixTime === 'number' ? parseSeconds(unixTime) : undefined;
  if (time !== undefined && time > 0) return Number.isSafeInteger(time) ? time : undefined;
  return typeof calendarTime === 'string' ? parseCalendarTime(calendarTime) : undefined;
}

/** osquery's calendar time in UTC, `Tue Sep 30 17:37:30 2014 UTC`; old versions leave out the zone. */
function parseCalendarTime(text: string): Micros | undefined {
  const match = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})(?: UTC)?$/.exec(text.trim());
  const month = months.indexOf(match?.[1] ?? '');
  if (match === null || month < 0) return undefined;
  const [day, hour, minute, second, year] = match.slice(2).map(Number);
  return (Date.UTC(year!, month, day!, hour!, minute!, second!) / 1000) * SECOND;
}
