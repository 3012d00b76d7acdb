import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { CorrelateError, messageOf } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';
import type { Outputs } from './outputs.js';

/** A user of this machine, by numbers. */
export interface RunAs {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Every group that the user is in. */
  readonly groups: readonly number[];
}

/**
 * The user that a name stands for, as the system's user data base knows it.
 * @throws CorrelateError USAGE
 */
export function userOf(name: string): RunAs {
  try {
    const numbers = (flag: string): number[] =>
      execFileSync('id', [flag, '--', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
        .trim()
        .split(' ')
        .map(Number);
    return { name, uid: numbers('-u')[0]!, gid: numbers('-g')[0]!, groups: numbers('-G') };
  } catch (error) {
    throw new CorrelateError('USAGE', `--user: there is no user ${name}`, { cause: error });
  }
}

/**
 * Gives up the rights of root for good, for all threads of the process: groups, group, user. What is open stays open. Only the main
 * thread may call it.
 * @throws CorrelateError USER_CHANGE_FAILED, also when the rights could be had back
 */
function becomeUser({ name, uid, gid, groups }: RunAs): void {
  try {
    process.setgroups?.([...groups]);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw new CorrelateError('USER_CHANGE_FAILED', `cannot become ${name}: ${messageOf(error)}`, { cause: error });
  }
  if (process.getuid?.() !== uid)
    throw new CorrelateError('USER_CHANGE_FAILED', `cannot become ${name} on this system`);
  if (uid === 0) return;
  try {
    process.setuid?.(0);
  } catch {
    return;
  }
  throw new CorrelateError('USER_CHANGE_FAILED', `as ${name} the process could still become root`);
}

/**
 * Becomes `user` once captures and outputs are open. What will then be missing is told: folders in which the outputs cannot be
 * made again after a rotation (OUTPUT_OPEN_FAILED), and what a polling sensor no longer sees of this host (SENSOR_LIMITED).
 */
export function dropPrivileges(user: RunAs, outputs: Outputs, pollsHost: boolean, warn: Warn): void {
  outputs.giveTo(user.uid, user.gid);
  becomeUser(user);
  if (user.uid === 0) return;
  for (const path of outputs.paths) {
    if (path === '-') continue;
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch {
      const message = `${user.name} may not make files in its folder, so SIGHUP cannot open it anew after a rotation`;
      warn({ code: 'OUTPUT_OPEN_FAILED', message, where: path });
    }
  }
  if (pollsHost) {
    const message = `as ${user.name} only the sockets of that user's processes are seen; the capabilities cap_sys_ptrace and cap_dac_read_search show the others`;
    warn({ code: 'SENSOR_LIMITED', message });
  }
}
