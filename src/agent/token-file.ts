import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../core/errors.js';
import type { Warn } from '../core/warnings.js';

/** The proof of enrolment that the engine gave, kept in the spool folder (only its owner may read it) or, without one, in memory. */
export class TokenFile {
  readonly #path: string | undefined;
  #token: string | undefined;

  constructor(
    folder: string | undefined,
    private readonly warn: Warn,
  ) {
    this.#path = folder && join(folder, 'token');
    try {
      if (this.#path !== undefined) this.#token = readFileSync(this.#path, 'utf8').trim() || undefined;
    } catch {
      // Not enrolled yet.
    }
  }

  read(): string | undefined {
    return this.#token;
  }

  write(token: string): void {
    this.#token = token;
    if (this.#path === undefined) return;
    try {
      writeFileSync(`${this.#path}.new`, `${token}\n`, { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.warn({ code: 'SPOOL_FAILED', message: `${this.#path}: ${messageOf(error)}` });
    }
  }
}
