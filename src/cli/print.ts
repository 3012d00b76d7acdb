import { writeSync } from 'node:fs';
import { CorrelateError, messageOf } from '../core/errors.js';

const STDOUT_FD = 1;
const AGAIN_MS = 5;

/**
 * Writes what a command answers to standard output, all of it before it comes back. Whoever reads may have gone: the rest is for nobody then.
 * @throws CorrelateError OUTPUT_WRITE_FAILED
 */
export function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(STDOUT_FD, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN')
        throw new CorrelateError('OUTPUT_WRITE_FAILED', `standard output: ${messageOf(error)}`, { cause: error });
      // A pipe that is full and non-blocking, which is the caller's choice.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
  }
}
