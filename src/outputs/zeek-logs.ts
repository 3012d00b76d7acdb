import { CorrelateError, fileProblem } from '../core/errors.js';
import { makeFolder } from '../core/folder.js';
import type { Warn } from '../core/warnings.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { Weird } from '../records/weird.js';
import type { Overflow } from './line-sink.js';
import { connFields } from './zeek-conn.js';
import { type ZeekFormat, ZeekLog, type ZeekLogKind, zeekLogFile } from './zeek-log.js';
import { weirdFields } from './zeek-weird.js';

/** What each log is made of, by its path. */
interface ZeekRecords {
  readonly conn: AttributedConnection;
  readonly weird: Weird;
}

type ZeekPath = keyof ZeekRecords;

/** Every log that is written, by its path: a further log is one entry here and in `ZeekRecords`. */
export const zeekLogKinds: { readonly [P in ZeekPath]: ZeekLogKind<ZeekRecords[P]> } = {
  conn: {
    fields: connFields,
    from: ({ connection }) => connection.ts,
    to: ({ connection }) => connection.ts + (connection.duration ?? 0),
  },
  weird: { fields: weirdFields, from: ({ ts }) => ts, to: ({ ts }) => ts },
};

export interface ZeekLogOptions {
  /** Made when it is missing; logs of an earlier run in it are overwritten. */
  readonly folder: string;
  readonly format: ZeekFormat;
}

export type ZeekLogs = { readonly [P in ZeekPath]: ZeekLog<ZeekRecords[P]> };

/** Paths of the files that are written. */
export function zeekLogFiles(folder: string): string[] {
  return Object.keys(zeekLogKinds).map((path) => zeekLogFile(folder, path));
}

/** Opens every log. Throws OUTPUT_OPEN_FAILED. */
export function openZeekLogs({ folder, format }: ZeekLogOptions, warn: Warn, overflow: Overflow = 'wait'): ZeekLogs {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new CorrelateError('OUTPUT_OPEN_FAILED', `${folder}: ${fileProblem(error)}`, { cause: error });
  }
  const open = <P extends ZeekPath>(path: P) =>
    new ZeekLog<ZeekRecords[P]>(folder, path, zeekLogKinds[path], format, warn, overflow);
  return { conn: open('conn'), weird: open('weird') };
}
