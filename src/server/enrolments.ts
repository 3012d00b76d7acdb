import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { CorrelateError, messageOf } from '../core/errors.js';

/** What the engine says to an agent that shows a token or none. */
export type EnrolmentVerdict =
  | { readonly kind: 'known' }
  /** The host id was free: it belongs to whoever shows this token from now on. */
  | { readonly kind: 'enrolled'; readonly token: string }
  | { readonly kind: 'refused' };

/**
 * Which agent may speak for which host id: who enrols first is given a token, and later only who shows it is taken. Only hashes of tokens
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

  /** `isProven`: the agent's certificate is that of the host, so no token is needed. */
  check(host: string, token: string | undefined, isProven: boolean): EnrolmentVerdict {
    if (isProven) return { kind: 'known' };
    const hash = this.#hashes.get(host);
    if (hash === undefined) return { kind: 'enrolled', token: this.#enrol(host) };
    const isRight = token !== undefined && timingSafeEqual(Buffer.from(hashOf(token)), Buffer.from(hash));
    return { kind: isRight ? 'known' : 'refused' };
  }

  #enrol(host: string): string {
    const token = randomBytes(24).toString('base64url');
    const hash = hashOf(token);
    this.#hashes.set(host, hash);
    if (this.#path !== undefined) {
      try {
        appendFileSync(this.#path, `${JSON.stringify({ host, hash })}\n`, { mode: 0o600 });
      } catch (error) {
        throw failed(this.#path, error);
      }
    }
    return token;
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
