import { chownSync, existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { CorrelateError } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import type { KnownBefore, LateHost } from '../join/late-watch.js';
import type { Alert } from '../records/alert.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { ConnectionQuestion } from '../records/connection-question.js';
import type { HostRow } from '../records/host-row.js';
import { alertLines } from '../store/alert-lines.js';
import { columnsOf, type Table } from '../store/column.js';
import { connectionLines, type StoredLine } from '../store/connection-lines.js';
import { hostControl, hostRowTables, watermarks } from '../store/host-rows.js';
import type { HuntBounds, HuntResult } from '../store/hunt.js';
import type { ExplainedPast } from './explain-store.js';
import type { FromStore, StoreStart, ToldRevision, ToStore } from './store-messages.js';

export interface StoreContext {
  readonly warn: Warn;
  /** A live run cannot wait for the store: beyond `limits.storeQueueRows` it drops rows, which are counted. */
  readonly overflow: 'wait' | 'drop';
  readonly onRevised: (revision: ToldRevision) => void;
}

/** Records of one table that wait to be sent. */
interface Batch<T> {
  readonly table: Table<T>;
  readonly records: T[];
}

/** How often a live run has what came written into the file. */
const FLUSH_MS = 1_000;

/** A store with a thread of its own, so that no writing holds up what is stored. */
export class StoreThread {
  readonly #worker: Worker;
  readonly #context: StoreContext;
  readonly #path: string;
  readonly #batches = new Map<string, Batch<never>>();
  readonly #captureHosts = new Map<string, string>();
  #run = 0;
  #before: KnownBefore | undefined;
  #now: Micros = -Infinity;
  /** Rows sent that the thread has not taken yet. */
  #waiting = 0;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #questions = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  #asked = 0;
  #isDead = false;
  #isBehind = false;
  #ended: (() => void) | undefined;
  /** Rows that are not in the file. */
  rowsLost = 0;
  /** It could not be written at some time. */
  failed = false;
  /** Connections of the past with more about them than can be looked at. */
  left = 0;

  private constructor(start: StoreStart, context: StoreContext) {
    this.#context = context;
    this.#path = start.path;
    this.#worker = new Worker(new URL('./store-worker.js', import.meta.url), { workerData: start });
  }

  /** Resolves when the file is open. Rejects with what `Store.open` throws. */
  static async open(start: StoreStart, context: StoreContext): Promise<StoreThread> {
    const thread = new StoreThread(start, context);
    await new Promise<void>((resolve, reject) => {
      const onFirst = (message: FromStore): void => {
        if (message.kind === 'failed') reject(new CorrelateError(message.code ?? 'STORE_OPEN_FAILED', message.message));
        if (message.kind !== 'opened') return;
        thread.#run = message.run;
        thread.#before = message.before;
        resolve();
      };
      thread.#worker.once('message', onFirst);
      thread.#worker.once('error', reject);
    });
    thread.#worker.on('message', (message: FromStore) => thread.#take(message));
    thread.#worker.on('error', (error) => thread.#died(error.message));
    thread.#worker.on('exit', () => thread.#died('its thread has ended'));
    if (context.overflow === 'drop') thread.#timer = setInterval(() => thread.#flush(), FLUSH_MS);
    return thread;
  }

  /** Number of this run; see Store.run. */
  get run(): number {
    return this.#run;
  }

  get before(): KnownBefore | undefined {
    return this.#before;
  }

  /** Makes the file another user's, who goes on writing it. */
  giveTo(uid: number, gid: number): void {
    for (const path of [this.#path, `${this.#path}.wal`]) if (existsSync(path)) chownSync(path, uid, gid);
  }

  advance(now: Micros): void {
    if (now > this.#now) this.#now = now;
  }

  /** Hears of a connection before it is told of: where it was captured is no part of its lines. */
  update({ capture, captureHost }: ConnectionUpdate): void {
    if (captureHost !== undefined) this.#captureHosts.set(capture, captureHost);
  }

  connection(line: AttributedConnection): void {
    const captureHost = this.#captureHosts.get(line.capture);
    const stored: StoredLine = {
      line,
      run: this.#run,
      told: this.#now,
      ...(captureHost !== undefined && { captureHost }),
    };
    this.#add(connectionLines, stored);
  }

  row(row: HostRow): void {
    if (row.kind === 'row') this.#add(hostRowTables[row.table], row);
    else if (row.kind === 'complete') this.#add(watermarks, row);
    else this.#add(hostControl, row);
  }

  alert(alert: Alert): void {
    this.#add(alertLines, alert);
  }

  /** Has the stored connections of hosts decided afresh with all that was handed in; `until`: see Horizon. */
  late(hosts: readonly LateHost[], until: Micros): void {
    this.#sendAll();
    this.#send({ kind: 'late', hosts, until });
  }

  /** @throws CorrelateError QUERY_FAILED, QUERY_LIMIT, QUERY_TIMEOUT */
  async hunt(sql: string, bounds: HuntBounds): Promise<HuntResult> {
    return (await this.#ask((id) => ({ kind: 'hunt', id, sql, bounds }))) as HuntResult;
  }

  async explain(question: ConnectionQuestion): Promise<ExplainedPast> {
    return (await this.#ask((id) => ({ kind: 'explain', id, question }))) as ExplainedPast;
  }

  /** What came before the question is in the answer, unless the thread is behind. */
  async #ask(message: (id: number) => ToStore): Promise<unknown> {
    if (this.#isDead) throw new CorrelateError('QUERY_FAILED', 'the store is closed');
    if (this.#questions.size >= limits.storeQuestions) {
      throw new CorrelateError('QUERY_LIMIT', `${limits.storeQuestions} questions are being answered`);
    }
    this.#flush();
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      this.#send(message(id));
    });
  }

  /** Waits while more is queued than may be. */
  async ready(): Promise<void> {
    while (this.#waiting > limits.storeQueueRows && !this.#isDead) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Everything is written, what is to be revised has been told, and the file is closed. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#isDead) return;
    this.#sendAll(true);
    await new Promise<void>((resolve) => {
      this.#ended = resolve;
      this.#send({ kind: 'end', now: this.#now });
    });
    await this.#worker.terminate();
  }

  #add<T>(table: Table<T>, record: T): void {
    let batch = this.#batches.get(table.name) as Batch<T> | undefined;
    if (batch === undefined) {
      batch = { table, records: [] };
      this.#batches.set(table.name, batch as unknown as Batch<never>);
    }
    batch.records.push(record);
    if (batch.records.length >= limits.storeBatchRows) this.#sendBatch(batch);
  }

  #sendAll(keepAll = false): void {
    for (const batch of this.#batches.values()) this.#sendBatch(batch, keepAll);
  }

  /** The last rows of a run, which come all at once, are not dropped. */
  #sendBatch<T>({ table, records }: Batch<T>, keepAll = false): void {
    const count = records.length;
    if (count === 0) return;
    const isFull = this.#waiting + count > limits.storeQueueRows && this.#context.overflow === 'drop' && !keepAll;
    if (isFull || this.#isDead) {
      this.rowsLost += count;
      if (isFull && !this.#isBehind) {
        this.#isBehind = true;
        this.#context.warn({ code: 'STORE_BEHIND', message: 'the store is slower than the network: rows are dropped' });
      }
    } else {
      this.#waiting += count;
      this.#send({ kind: 'rows', table: table.name, columns: columnsOf(table, records), count });
    }
    records.length = 0;
  }

  #flush(): void {
    this.#sendAll();
    this.#send({ kind: 'flush', now: this.#now });
  }

  #send(message: ToStore): void {
    if (!this.#isDead) this.#worker.postMessage(message);
  }

  #take(message: FromStore): void {
    switch (message.kind) {
      case 'taken':
        this.#waiting -= message.count;
        this.#wake?.();
        break;
      case 'broken':
        this.failed = true;
        this.rowsLost += message.lost;
        if (message.message !== '') this.#context.warn({ code: 'STORE_WRITE_FAILED', message: message.message });
        break;
      case 'revised':
        for (const revision of message.revisions) this.#context.onRevised(revision);
        break;
      case 'passed':
        this.left += message.left;
        break;
      case 'answer':
        this.#answered(message);
        break;
      case 'ended':
        this.#isDead = true;
        this.#ended?.();
    }
  }

  #answered({ id, answer, error }: Extract<FromStore, { readonly kind: 'answer' }>): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    if (error === undefined) question?.resolve(answer);
    else question?.reject(new CorrelateError(error.code, error.message));
  }

  #died(message: string): void {
    if (this.#isDead) return;
    for (const { reject } of this.#questions.values()) reject(new CorrelateError('QUERY_FAILED', message));
    this.#isDead = true;
    this.failed = true;
    this.rowsLost += this.#waiting;
    this.#context.warn({ code: 'STORE_WRITE_FAILED', message: `the store: ${message}` });
    this.#wake?.();
    this.#ended?.();
  }
}
