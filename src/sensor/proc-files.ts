import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, realpathSync } from 'node:fs';

/**
 * Reads of /proc, in which anything may be gone or forbidden at any time: what cannot be read is undefined. `denied` is
 * set when permission was missing, so that the sensor can say that it sees only a part.
 */
export class ProcFiles {
  denied = false;
  /** Grows to the largest file that was read; half the cost of readFileSync for the many small ones. */
  private buffer = Buffer.allocUnsafe(65_536);

  text(path: string): string | undefined {
    return this.attempt(() => {
      const file = openSync(path, 'r');
      try {
        return this.readAll(file);
      } finally {
        closeSync(file);
      }
    });
  }

  link(path: string): string | undefined {
    return this.attempt(() => readlinkSync(path));
  }

  bytes(path: string): Buffer | undefined {
    return this.attempt(() => readFileSync(path));
  }

  /** The path with every link followed. */
  realPath(path: string): string | undefined {
    return this.attempt(() => realpathSync(path));
  }

  names(path: string): string[] | undefined {
    return this.attempt(() => readdirSync(path));
  }

  private readAll(file: number): string {
    let length = 0;
    for (;;) {
      const got = readSync(file, this.buffer, length, this.buffer.length - length, null);
      if (got === 0) return this.buffer.toString('utf8', 0, length);
      length += got;
      if (length < this.buffer.length) continue;
      const larger = Buffer.allocUnsafe(this.buffer.length * 2);
      this.buffer.copy(larger, 0, 0, length);
      this.buffer = larger;
    }
  }

  private attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EACCES' || code === 'EPERM') this.denied = true;
      return undefined;
    }
  }
}
