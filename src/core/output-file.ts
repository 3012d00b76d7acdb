import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { basename } from 'node:path';
import { CorrelateError, fileProblem } from './errors.js';

/**
 * Makes an output file, or opens and empties the one that is there, unless another run writes to it: each would overwrite what the other
 * wrote. Who has a file open is asked of the kernel, so that nothing has to be left beside it. The file that standard output or standard
 * error goes to (`/dev/stdout`) is written through that, which whoever started this process has too.
 * @throws CorrelateError OUTPUT_OPEN_FAILED, OUTPUT_IN_USE
 */
export function openOutput(path: string): number {
  let fd: number | undefined;
  try {
    const made = tryToMake(path);
    if (made !== undefined) return made;
    const { O_WRONLY, O_CREAT } = constants;
    fd = openSync(path, O_WRONLY | O_CREAT);
    if (!fstatSync(fd).isFile()) return fd;
    const standard = [1, 2].find((other) => isSameFile(fd!, other));
    if (standard !== undefined) {
      closeSync(fd);
      return standard;
    }
    const writer = writerOf(fd);
    if (writer !== undefined) {
      throw new CorrelateError('OUTPUT_IN_USE', `${path}: process ${writer} writes to it, which would be lost`);
    }
    empty(fd);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (error instanceof CorrelateError) throw error;
    throw new CorrelateError('OUTPUT_OPEN_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
  }
}

/**
 * Empties a file by way of another descriptor: ext4 sends all that was written to a file to the disk when the first descriptor is closed
 * after it was emptied, which took 5 to 27 ms for 76 MB (2026-11).
 */
function empty(fd: number): void {
  try {
    closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_TRUNC));
  } catch {
    // Without /proc.
    ftruncateSync(fd);
  }
}

function isSameFile(one: number, other: number): boolean {
  const [{ ino, dev }, found] = [fstatSync(one, { bigint: true }), fstatSync(other, { bigint: true })];
  return ino === found.ino && dev === found.dev;
}

/** Undefined when something is there. */
function tryToMake(path: string): number | undefined {
  try {
    return openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
}

/** Another process of Node.js that has the open file open for writing, as far as this user may see. */
function writerOf(fd: number): number | undefined {
  const file = fstatSync(fd, { bigint: true });
  for (const name of namesIn('/proc')) {
    const pid = Number(name);
    if (!(pid > 0) || pid === process.pid || !isNode(pid)) continue;
    for (const held of namesIn(`/proc/${pid}/fd`)) {
      const other = statSync(`/proc/${pid}/fd/${held}`, { throwIfNoEntry: false, bigint: true });
      if (other?.ino === file.ino && other.dev === file.dev && isForWriting(pid, held)) return pid;
    }
  }
  return undefined;
}

function isNode(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('node');
  } catch {
    return false;
  }
}

function isForWriting(pid: number, fd: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1];
    return (Number.parseInt(flags ?? '0', 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
  } catch {
    return false;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
