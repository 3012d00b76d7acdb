import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { CorrelateError, fileProblem } from '../core/errors.js';
import { LineFile } from './line-file.js';

/**
 * Which agent may speak for which host id: the token with which a host id first came is wanted every time after. Only hashes of tokens
 * are kept: in a file, which an engine that is started anew reads, or in memory, where a restart lets every id be enrolled anew. The file
 * is written afresh at the start and then only added to, so that a program that has given root up goes on keeping it.
 */
export class Enrolments {
  readonly #hashes = new Map<string, string>();
  readonly #file: LineFile | undefined;

  /** Throws LISTEN_FAILED when the file cannot be read or written, or has lines that are none of these: it is then left as it is. */
  constructor(path?: string) {
    if (path === undefined) return;
    try {
      this.#read(path);
      const lines = [...this.#hashes].map(([host, hash]) => `${JSON.stringify({ host, hash })}\n`);
      writeFileSync(`${path}.new`, lines.join(''), { mode: 0o600 });
      renameSync(`${path}.new`, path);
      this.#file = new LineFile(path);
    } catch (error) {
      throw failed(path, error);
    }
  }

  #read(path: string): void {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return;
    // A pipe would be waited for, and the new file would take the place of a device.
    if (!stats.isFile()) throw new Error('it is no ordinary file');
    const lines = readFileSync(path, 'utf8').split('\n');
    for (const [i, line] of lines.entries()) {
      const entry = readLine(line);
      if (entry !== undefined) {
        if (entry.hash === null) this.#hashes.delete(entry.host);
        else this.#hashes.set(entry.host, entry.hash);
        continue;
      }
      // The last line is without its end where a machine stopped while it was written; nobody was told then that the host is enrolled.
      if (line !== '' && i < lines.length - 1) throw new Error(`line ${i + 1} is no enrolment`);
    }
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** Whether the agent with this token may speak for the host; it enrols when the host id is free. Throws LISTEN_FAILED. */
  check(host: string, token: string): boolean {
    const shown = hashOf(token);
    const known = this.#hashes.get(host);
    if (known !== undefined) return timingSafeEqual(Buffer.from(shown), Buffer.from(known));
    this.#keep(host, shown);
    this.#hashes.set(host, shown);
    return true;
  }

  /** The id is free again. Returns whether it was taken. Throws LISTEN_FAILED. */
  forget(host: string): boolean {
    if (!this.#hashes.has(host)) return false;
    this.#keep(host, null);
    this.#hashes.delete(host);
    return true;
  }

  /** Makes the file another user's. */
  giveTo(uid: number, gid: number): void {
    this.#file?.giveTo(uid, gid);
  }

  close(): void {
    this.#file?.close();
  }

  #keep(host: string, hash: string | null): void {
    try {
      this.#file?.add({ host, hash });
    } catch (error) {
      throw failed(this.#file!.path, error);
    }
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** null: the id was freed. */
function readLine(line: string): { host: string; hash: string | null } | undefined {
  try {
    const { host, hash } = JSON.parse(line) as Record<string, unknown>;
    const isHash = typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
    return typeof host === 'string' && (hash === null || isHash) ? { host, hash } : undefined;
  } catch {
    return undefined;
  }
}

const failed = (path: string, error: unknown): CorrelateError =>
  new CorrelateError('LISTEN_FAILED', `${path}: ${fileProblem(error)}`, { cause: error });
