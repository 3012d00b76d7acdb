import { createHash, timingSafeEqual } from 'node:crypto';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { CorrelateError, messageOf } from '../core/errors.js';

/**
 * Which agent may speak for which host id: the token with which a host id first came is wanted every time after. Only hashes of tokens
 * are kept: in a file, which an engine that is started anew reads, or in memory, where a restart lets every id be enrolled anew.
 */
export class Enrolments {
  readonly #hashes = new Map<string, string>();
  readonly #path: string | undefined;

  /** Throws LISTEN_FAILED when the file cannot be read or written. */
  constructor(path?: string) {
    this.#path = path;
    if (path === undefined) return;
    try {
      for (const line of readFileSync(path, 'utf8').split('\n')) {
        const entry = readLine(line);
        if (entry !== undefined) this.#hashes.set(entry.host, entry.hash);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw failed(path, error);
    }
    this.#write();
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** Whether the agent with this token may speak for the host; it enrols when the host id is free. Throws LISTEN_FAILED. */
  check(host: string, token: string): boolean {
    const shown = hashOf(token);
    const known = this.#hashes.get(host);
    if (known !== undefined) return timingSafeEqual(Buffer.from(shown), Buffer.from(known));
    if (this.#path !== undefined) {
      try {
        appendFileSync(this.#path, `${JSON.stringify({ host, hash: shown })}\n`, { mode: 0o600 });
      } catch (error) {
        throw failed(this.#path, error);
      }
    }
    this.#hashes.set(host, shown);
    return true;
  }

  /** The id is free again. Returns whether it was taken. */
  forget(host: string): boolean {
    const isKnown = this.#hashes.delete(host);
    if (isKnown) this.#write();
    return isKnown;
  }

  #write(): void {
    if (this.#path === undefined) return;
    try {
      const lines = [...this.#hashes].map(([host, hash]) => `${JSON.stringify({ host, hash })}\n`);
      writeFileSync(`${this.#path}.new`, lines.join(''), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      throw failed(this.#path, error);
    }
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

function readLine(line: string): { host: string; hash: string } | undefined {
  try {
    const { host, hash } = JSON.parse(line) as Record<string, unknown>;
    return typeof host === 'string' && typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash)
      ? { host, hash }
      : undefined;
  } catch {
    return undefined;
  }
}

const failed = (path: string, error: unknown): CorrelateError =>
  new CorrelateError('LISTEN_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
