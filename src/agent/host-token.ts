import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorrelateError, messageOf } from '../core/errors.js';
import { makeFolder } from '../core/folder.js';

/**
 * What proves to the engine that this is the agent that enrolled under its host id. Random, kept in the spool folder where only its owner
 * may read it; made before it is first shown, so that none is lost on the way. Without a folder it follows from the id of this
 * installation (machine-id(5), which is not to be told to others), so that it is the same after a restart. Throws SPOOL_FAILED.
 */
export function hostToken(host: string, folder: string | undefined): string {
  if (folder === undefined) return tokenOfMachine(host) ?? random();
  const path = join(folder, 'token');
  try {
    const known = readText(path);
    if (known !== undefined) return known;
    const token = random();
    makeFolder(folder, 0o700);
    writeFileSync(`${path}.new`, `${token}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return token;
  } catch (error) {
    throw new CorrelateError('SPOOL_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
  }
}

const random = (): string => randomBytes(24).toString('base64url');

function tokenOfMachine(host: string): string | undefined {
  const machine = readText('/etc/machine-id');
  return machine && createHmac('sha256', machine).update(`correlate agent ${host}`).digest('base64url');
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
