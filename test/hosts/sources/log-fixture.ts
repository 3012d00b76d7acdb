import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Warning } from '../../../src/core/warnings.js';
import { type HostLogCounts, noHostLines, readHostLogs } from '../../../src/hosts/sources/host-log.js';
import type { AnyTableRow, HostRow } from '../../../src/records/host-row.js';

/** What reading a log gave. */
export interface ReadLog {
  readonly rows: HostRow[];
  readonly warnings: Warning[];
  readonly counts: Omit<HostLogCounts, 'unusedKinds'>;
  readonly unusedKinds: Readonly<Record<string, number>>;
  readonly tableRows: AnyTableRow[];
}

export const readLog = (path: string): Promise<ReadLog> => readLogs([path]);

export async function readLogs(paths: readonly string[]): Promise<ReadLog> {
  const rows: HostRow[] = [];
  const warnings: Warning[] = [];
  const all = noHostLines();
  for await (const batch of readHostLogs(paths, { warn: (warning) => warnings.push(warning), counts: all }))
    rows.push(...batch);
  const { unusedKinds, ...counts } = all;
  return {
    rows,
    warnings,
    counts,
    unusedKinds: Object.fromEntries(unusedKinds),
    tableRows: rows.filter((row) => row.kind === 'row'),
  };
}

/** Runs `use` with a file of these contents, which is gone afterwards. */
export async function withFile<T>(contents: string | Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'correlate-log-'));
  try {
    const path = join(folder, 'log');
    writeFileSync(path, contents);
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reads a log given as lines: objects are written as JSON, texts as they are. */
export function readLines(lines: readonly (object | string)[]): Promise<ReadLog> {
  const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
  return withFile(text, readLog);
}

/** A row in short: action, time, since (seconds) and some columns. */
export function brief(row: AnyTableRow): unknown[] {
  const { action, time, since, columns } = row;
  return [action, time / 1e6, since === undefined ? '-' : since / 1e6, columns];
}
