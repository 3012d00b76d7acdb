import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorrelateError, messageOf } from '../core/errors.js';
import { makeFolder } from '../core/folder.js';

/**
 * Holds a spool folder for this process, since two agents in one would spoil it. The lock of a process that is gone is taken over. Throws
 * SPOOL_FAILED when another holds it. Returns what gives it up.
 */
export function lockSpool(folder: string): () => void {
  const path = join(folder, 'lock');
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  try {
    makeFolder(folder, 0o700);
    const holder = holderOf(path);
    if (holder !== undefined) throw new Error(`process ${holder} uses it`);
    rmSync(path, { force: true });
    writeFileSync(path, mine, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new CorrelateError('SPOOL_FAILED', `${folder}: ${messageOf(error)}`, { cause: error });
  }
  return () => rmSync(path, { force: true });
}

/** The living process that holds the lock. */
function holderOf(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const [pid, start] = text.trim().split(' ');
  return start !== undefined && start !== '' && startOf(Number(pid)) === start ? Number(pid) : undefined;
}

/** When a process started, in ticks since the boot (proc(5), field 22 of stat): a pid alone may have been given again. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
