import type { Micros } from '../core/time.js';
import type { Warn } from '../core/warnings.js';
import { LateWatch } from '../join/late-watch.js';
import type { Alert } from '../records/alert.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { ConnectionQuestion } from '../records/connection-question.js';
import type { HostRow } from '../records/host-row.js';
import type { HuntBounds, HuntResult } from '../store/hunt.js';
import type { ExplainedPast } from './explain-store.js';
import type { StoreStart, ToldRevision } from './store-messages.js';
import type { StoreThread } from './store-thread.js';

export interface KeepingOptions {
  /** Absent: nothing is kept, and what comes late is counted. */
  readonly store?: StoreStart;
  readonly latenessUs: Micros;
  readonly finalOnly: boolean;
  /** See StoreContext. */
  readonly overflow: 'wait' | 'drop';
}

/** What a run keeps beyond memory, and what hosts tell about that. */
export class Keeping {
  readonly #late: LateWatch;

  private constructor(
    private readonly options: KeepingOptions,
    private readonly store: StoreThread | undefined,
  ) {
    this.#late = new LateWatch(options.latenessUs, store?.before);
  }

  /**
   * DuckDB is loaded only where something is to be stored. `onRevised` is told of connections that were let go and have changed, and
   * whether the line is to be told: with one line for each connection only that of an earlier run is.
   */
  static async open(
    options: KeepingOptions,
    warn: Warn,
    onRevised: (revision: ToldRevision, isTold: boolean) => void,
  ): Promise<Keeping> {
    const { store: start, overflow, finalOnly } = options;
    if (start === undefined) return new Keeping(options, undefined);
    const { StoreThread } = await import('./store-thread.js');
    const store: StoreThread = await StoreThread.open(start, {
      warn,
      overflow,
      onRevised: (revision) => onRevised(revision, !finalOnly || revision.run !== store.run),
    });
    return new Keeping(options, store);
  }

  update(update: ConnectionUpdate): void {
    this.store?.update(update);
  }

  connection(line: AttributedConnection): void {
    this.store?.connection(line);
  }

  row(row: HostRow): void {
    this.#late.row(row);
    this.store?.row(row);
  }

  alert(alert: Alert): void {
    this.store?.alert(alert);
  }

  /** Capture time has reached `now`. */
  advance(now: Micros): void {
    this.#late.advance(now);
    if (this.store === undefined) return;
    this.store.advance(now);
    // Where each connection has one line, it is revised once, when all is known.
    if (!this.options.finalOnly) this.#revise(this.store, now - this.options.latenessUs);
  }

  /** Waits while the store has more queued than may be. */
  async ready(): Promise<void> {
    await this.store?.ready();
  }

  get hasStore(): boolean {
    return this.store !== undefined;
  }

  /** See StoreThread; only with a store. */
  hunt(sql: string, bounds: HuntBounds): Promise<HuntResult> {
    return this.store!.hunt(sql, bounds);
  }

  /** See StoreThread; only with a store. */
  explain(question: ConnectionQuestion): Promise<ExplainedPast> {
    return this.store!.explain(question);
  }

  giveTo(uid: number, gid: number): void {
    this.store?.giveTo(uid, gid);
  }

  /** Every connection has been let go. Resolves when the last revision was told and the file is closed. */
  async end(): Promise<void> {
    if (this.store === undefined) return;
    this.#revise(this.store, Infinity);
    await this.store.end();
  }

  /** Not everything that was to be kept is in the store. */
  get failed(): boolean {
    return this.store?.failed ?? false;
  }

  /** What was given up, by name. */
  get losses(): Readonly<Record<string, number>> {
    if (this.store === undefined) return { late_beyond_horizon: this.#late.rows };
    return { 'store rows': this.store.rowsLost, 'late connections': this.store.left };
  }

  #revise(store: StoreThread, until: Micros): void {
    const hosts = this.#late.take(until === Infinity);
    if (hosts.length > 0) store.late(hosts, until);
  }
}
