import { closeSync, fchownSync, fstatSync, openSync, writeSync } from 'node:fs';

/**
 * A file of lines that is only ever added to, each line on disk when `add` returns. It stays open, so that it can be written after the
 * rights it took to open it were given up. Every method throws the system's own errors.
 */
export class LineFile {
  readonly #fd: number;

  constructor(readonly path: string) {
    this.#fd = openSync(path, 'a', 0o600);
  }

  add(value: unknown): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    const written = writeSync(this.#fd, line);
    if (written < line.length) throw new Error('the disk is full');
  }

  /** Makes the file another user's, who can then open it at the next start. Pipes and devices stay as they are. */
  giveTo(uid: number, gid: number): void {
    if (fstatSync(this.#fd).isFile()) fchownSync(this.#fd, uid, gid);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
