import type { ProcFiles } from '../proc-files.js';
import type { Scan } from './sensor-table.js';

/** The processes that a scan of a table with the key `pid` is about: the one asked for, or all. */
export function scannedProcesses({ constraint, files }: Pick<Scan, 'constraint' | 'files'>): number[] {
  return constraint === undefined ? allProcesses(files) : [Number(constraint.value)];
}

/** The pids of /proc. */
export function allProcesses(files: ProcFiles): number[] {
  return (files.names('/proc') ?? []).map(Number).filter((pid) => Number.isSafeInteger(pid) && pid > 0);
}
