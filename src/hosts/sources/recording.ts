import { type TSchema, Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { CorrelateError } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { HostRow } from '../../records/host-row.js';
import { type ColumnType, type HostTable, hostTables } from '../../records/host-tables.js';
import { recordingMark, recordingVersion } from '../recording-format.js';
import {
  type HostLogDecoder,
  type HostSource,
  isJsonObject,
  type JsonObject,
  type LineVerdict,
} from './host-source.js';

const BATCH_ROWS = 1024;

/** The program's own recording (`RecordingWriter`): every host row as it was, in the order in which it was written. */
export const recording: HostSource = {
  name: 'recording',
  recognises: (line) => Object.hasOwn(line, recordingMark),
  goesOn: false,
  timeOf: () => undefined,
  open: (where) => new Recording(where),
};

const name = Type.String({ minLength: 1, maxLength: limits.hostNameChars });
const integer = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER });
const table = Type.Union(Object.keys(hostTables).map((each) => Type.Literal(each)));
const boot = Type.Optional(name);

/** The members of every kind of row but `kind` itself; columns are checked apart. */
const shapes: Readonly<Record<HostRow['kind'], TSchema>> = {
  row: Type.Object({
    host: name,
    boot,
    stream: name,
    table,
    action: Type.Union([Type.Literal('event'), Type.Literal('added'), Type.Literal('removed')]),
    time: integer,
    since: Type.Optional(integer),
    resolution: integer,
    seq: integer,
  }),
  host: Type.Object({
    host: name,
    boot,
    streams: Type.Array(Type.Object({ stream: name, table, pause: Type.Optional(integer) }), {
      maxItems: limits.hostStreams,
    }),
    from: integer,
    net_namespace: Type.Optional(name),
  }),
  clock: Type.Object({ host: name, capture: Type.String(), offset: integer, err: integer, from: integer }),
  complete: Type.Object({ host: name, stream: name, until: integer }),
  lost: Type.Object({ host: name, stream: name, from: integer, to: integer }),
  host_timeout: Type.Object({ host: name, at: integer }),
};

const checks = new Map(Object.entries(shapes).map(([kind, shape]) => [kind, TypeCompiler.Compile(shape)]));

class Recording implements HostLogDecoder {
  private rows: HostRow[] = [];

  constructor(private readonly where: string) {}

  /** Throws HOST_LOG_VERSION at a header of another version. */
  accept(line: JsonObject): LineVerdict {
    if (Object.hasOwn(line, recordingMark)) {
      const version = line[recordingMark];
      if (version === recordingVersion) return undefined;
      const told = typeof version === 'number' || typeof version === 'string' ? version : 'unknown';
      throw new CorrelateError(
        'HOST_LOG_VERSION',
        `${this.where}: the recording has version ${told}, this program reads version ${recordingVersion}`,
      );
    }
    if (typeof line.kind !== 'string' || checks.get(line.kind)?.Check(line) !== true)
      return { bad: 'the line is no host row' };
    if (line.kind === 'row' && !areColumns(line.table as HostTable, line.columns)) {
      return { bad: 'the columns are not those of the table' };
    }
    // Checked member by member above.
    this.rows.push(line as unknown as HostRow);
    return undefined;
  }

  ready(): Iterable<HostRow[]> {
    return this.rows.length >= BATCH_ROWS ? this.end() : [];
  }

  *end(): Iterable<HostRow[]> {
    const { rows } = this;
    this.rows = [];
    if (rows.length > 0) yield rows;
  }
}

/** Whether all values are text or numbers, and those of the table's own columns of their type. */
function areColumns(of: HostTable, columns: unknown): boolean {
  if (!isJsonObject(columns)) return false;
  const types: Readonly<Record<string, ColumnType>> = hostTables[of];
  const names = Object.keys(columns);
  if (names.length > limits.hostRowColumns || names.includes('__proto__')) return false;
  return names.every((each) => {
    const value = columns[each];
    if (typeof value === 'number' && !Number.isFinite(value)) return false;
    if (!Object.hasOwn(types, each)) return typeof value === 'string' || typeof value === 'number';
    return typeof value === (types[each] === 'TEXT' ? 'string' : 'number');
  });
}
