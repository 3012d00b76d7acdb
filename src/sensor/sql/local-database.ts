import { Worker } from 'node:worker_threads';
import { CorrelateError, messageOf } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { HostDatabase, SqlLimits, SqlResult } from '../../records/host-database.js';
import type { HostRow } from '../../records/host-row.js';
import type { RedactionPatterns } from '../command-line-redaction.js';
import { ProcFiles } from '../proc-files.js';
import { parseBootTime } from '../process-table.js';
import { EventLog } from '../tables/event-log.js';
import type { QueryAnswered, QueryAsked } from './query-messages.js';

/** Ended threads that may still be held by the kernel; with more no query is run. */
const HUNG_MOST = 8;
/** How much longer than its time a query may take before its thread is ended, milliseconds: to load SQLite, and to notice by itself. */
const GRACE_MS = 2_000;

interface Waiting {
  readonly sql: string;
  readonly limits: SqlLimits;
  readonly resolve: (result: SqlResult) => void;
  readonly reject: (error: CorrelateError) => void;
}

export interface LocalDatabaseOptions {
  /** Secrets that no query may see; absent: command lines are shown as they are. */
  readonly redact?: RedactionPatterns;
  /** Told after each query how many there were. */
  readonly onRedacted?: (count: number) => void;
}

/**
 * This machine's tables, asked with SQL in another thread, one query after the other. The thread begins with the first query; one that hangs
 * (a dead network file system, an endless file) is ended with its query, and the next query gets a new one. At most
 * `limits.sqlWaiting` queries wait.
 */
export class LocalDatabase implements HostDatabase {
  readonly #events = new EventLog(parseBootTime(new ProcFiles().text('/proc/stat') ?? ''));
  readonly #waiting: Waiting[] = [];
  #worker: Worker | undefined;
  #running: { readonly query: Waiting; readonly timer: NodeJS.Timeout } | undefined;
  /** The newest event that the thread has. */
  #told = 0;
  /** Threads that were ended and are not gone yet. */
  #hung = 0;
  readonly #options: LocalDatabaseOptions;

  constructor(options: LocalDatabaseOptions = {}) {
    this.#options = options;
  }

  /** Events of the sensor, for the event tables. */
  take(rows: Iterable<HostRow>): void {
    this.#events.take(rows);
  }

  query(sql: string, bounds: SqlLimits): Promise<SqlResult> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= limits.sqlWaiting) {
        reject(new CorrelateError('QUERY_FAILED', 'too many queries wait'));
        return;
      }
      this.#waiting.push({ sql, limits: bounds, resolve, reject });
      this.#next();
    });
  }

  /** Ends the thread; queries that wait fail. */
  close(): void {
    const stopped = new CorrelateError('QUERY_FAILED', 'the machine is no longer watched');
    for (const { reject } of this.#waiting.splice(0)) reject(stopped);
    this.#end(stopped);
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const query = this.#waiting.shift();
    if (query !== undefined && this.#hung >= HUNG_MOST) {
      query.reject(new CorrelateError('QUERY_FAILED', 'too many queries before this one hang'));
      this.#next();
      return;
    }
    if (query === undefined) {
      // An idle thread keeps no program alive.
      this.#worker?.unref();
      return;
    }
    const worker = this.#start();
    worker.ref();
    const late = () => this.#end(new CorrelateError('QUERY_TIMEOUT', 'the query takes too long and was ended'));
    this.#running = { query, timer: setTimeout(late, query.limits.timeoutMs + GRACE_MS) };
    // A query that reads events has the name of their table in its text, whatever else has it too.
    const events = /_events/i.test(query.sql) ? this.#events.after(this.#told) : [];
    this.#told = events.at(-1)?.ordinal ?? this.#told;
    worker.postMessage({ sql: query.sql, limits: query.limits, events } satisfies QueryAsked);
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(new URL('./query-worker.js', import.meta.url), {
      workerData: this.#options.redact,
      resourceLimits: { maxOldGenerationSizeMb: limits.sqlHeapMb },
    });
    this.#worker = worker;
    this.#told = 0;
    worker.on('message', (message: QueryAnswered) => {
      if (worker !== this.#worker || this.#running === undefined) return;
      const { query, timer } = this.#running;
      clearTimeout(timer);
      this.#running = undefined;
      this.#options.onRedacted?.(message.redacted);
      if ('result' in message) query.resolve(message.result);
      else query.reject(new CorrelateError(message.error.code, message.error.message));
      this.#next();
    });
    worker.on('error', (error) => {
      if (worker === this.#worker)
        void this.#end(new CorrelateError('QUERY_FAILED', messageOf(error), { cause: error }));
    });
    return worker;
  }

  /** The query that runs fails and its thread ends. A thread that waits for the kernel ends when that lets it go, so nothing waits for it. */
  #end(error: CorrelateError): void {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker !== undefined) {
      this.#hung++;
      void worker.terminate().then(() => this.#hung--);
    }
    if (this.#running === undefined) return;
    clearTimeout(this.#running.timer);
    this.#running.query.reject(error);
    this.#running = undefined;
    this.#next();
  }
}
