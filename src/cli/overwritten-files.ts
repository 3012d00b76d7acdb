import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CorrelateError } from '../core/errors.js';

/** A file of the command line, under the option that names it. */
export interface NamedFile {
  readonly option: string;
  readonly path: string;
}

/**
 * Whether no output would be written over an input or another output, which opening it empties. Only regular files count, by what they
 * are and not by how they are called; of those that are not there yet, their place.
 * @throws CorrelateError USAGE
 */
export function checkOverwrittenFiles(inputs: readonly NamedFile[], outputs: readonly NamedFile[]): void {
  const taken = new Map<string, NamedFile>();
  for (const input of inputs) {
    const file = identity(input.path);
    if (file !== undefined) taken.set(file, input);
  }
  for (const output of outputs) {
    const file = identity(output.path);
    if (file === undefined) continue;
    const other = taken.get(file);
    if (other !== undefined) {
      const message = `${output.path} of ${output.option} is the file of ${other.option}, which would be lost`;
      throw new CorrelateError('USAGE', message);
    }
    taken.set(file, output);
  }
}

/** Undefined for standard input and output, devices, pipes and folders, which nothing overwrites. */
function identity(path: string): string | undefined {
  if (path === '-') return undefined;
  try {
    const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
    if (stats !== undefined) return stats.isFile() ? `${stats.dev}:${stats.ino}` : undefined;
  } catch {
    // May not be looked at: whoever opens it tells why.
  }
  return join(realFolder(dirname(resolve(path))), basename(path));
}

/** A folder that is not there is made or told by whoever opens the file. */
function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
