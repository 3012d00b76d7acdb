import { CorrelateError, messageOf } from '../core/errors.js';
import { formatIso, type Micros } from '../core/time.js';
import { LineFile } from './line-file.js';

/** One step of a query: that it was asked, or what one host answered; or that a subscription was made. */
export type QueryLogEntry =
  | { readonly event: 'subscribed'; readonly sql: string; readonly target: object }
  | { readonly event: 'asked'; readonly query: number; readonly sql: string; readonly hosts: readonly string[] }
  | {
      readonly event: 'answered';
      readonly query: number;
      readonly host: string;
      readonly rows: number;
      readonly ms: number;
    }
  | {
      readonly event: 'failed';
      readonly query: number;
      readonly host: string;
      readonly error: string;
      readonly ms: number;
    };

/** Keeps what was asked of hosts and what came back, one JSON line each, in a file that is only ever added to. */
export class QueryLog {
  readonly #file: LineFile | undefined;

  /** Throws OUTPUT_OPEN_FAILED. */
  constructor(path: string | undefined) {
    if (path === undefined) return;
    try {
      this.#file = new LineFile(path);
    } catch (error) {
      throw new CorrelateError('OUTPUT_OPEN_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Throws OUTPUT_WRITE_FAILED: what cannot be put on record is not asked. */
  write(entry: QueryLogEntry, now: Micros): void {
    try {
      this.#file?.add({ time: formatIso(now), ...entry });
    } catch (error) {
      throw new CorrelateError('OUTPUT_WRITE_FAILED', `${this.#file!.path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Makes the file another user's. */
  giveTo(uid: number, gid: number): void {
    this.#file?.giveTo(uid, gid);
  }

  close(): void {
    this.#file?.close();
  }
}
