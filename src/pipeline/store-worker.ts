import { parentPort, workerData } from 'node:worker_threads';
import { CorrelateError, messageOf } from '../core/errors.js';
import { type Micros, SECOND } from '../core/time.js';
import type { KnownBefore } from '../join/late-watch.js';
import type { Alert } from '../records/alert.js';
import type { Complete } from '../records/host-row.js';
import { columnsOf, list, type StoreValue } from '../store/column.js';
import { watermarks } from '../store/host-rows.js';
import { hunt } from '../store/hunt.js';
import { trim } from '../store/retention.js';
import { Store } from '../store/store.js';
import { explainStore } from './explain-store.js';
import { type Revision, revisePast } from './late-pass.js';
import type { FromStore, StoreStart, ToldRevision, ToStore } from './store-messages.js';

/** Rows after which a flush comes by itself. */
const FLUSH_ROWS = 50_000;
/** Capture time between two looks at what is too old. */
const TRIM_EVERY: Micros = 60 * SECOND;

const start = workerData as StoreStart;
const port = parentPort!;
const send = (message: FromStore): void => port.postMessage(message);

type Question = Extract<ToStore, { readonly kind: 'hunt' | 'explain' }>;

/** The thread of one store: what it is sent is done in order, and a failure ends the storing and nothing else. */
class StoreKeeper {
  readonly #marks = new Map<string, Complete>();
  #marksChanged = false;
  #unflushed = 0;
  #trimmedAt: Micros = -Infinity;
  #broken = false;
  readonly #answering = new Set<Promise<unknown>>();

  constructor(private readonly store: Store) {}

  /** What was known before this run. */
  async before(): Promise<KnownBefore | undefined> {
    const byHost = new Map<string, Map<string, Micros>>();
    const found = await this.store.rows(
      'SELECT host, stream, CAST(epoch_us(max(until)) AS DOUBLE) FROM watermarks GROUP BY ALL',
    );
    for (const [host, stream, until] of found as [string, string, Micros][]) {
      this.#mark({ kind: 'complete', host, stream, until });
      byHost.set(host, (byHost.get(host) ?? new Map<string, Micros>()).set(stream, until));
    }
    const span = await this.store.span();
    return span && { until: span.until, watermarks: byHost };
  }

  /** Answers a question while storing goes on; what is not in the file yet is no part of the answer. */
  async answer(message: Question): Promise<void> {
    const { id } = message;
    const work =
      message.kind === 'hunt'
        ? hunt(this.store, message.sql, message.bounds)
        : explainStore(this.store, message.question);
    this.#answering.add(work);
    try {
      send({ kind: 'answer', id, answer: await work });
    } catch (error) {
      const code = error instanceof CorrelateError ? error.code : 'QUERY_FAILED';
      send({ kind: 'answer', id, error: { code, message: messageOf(error) } });
    } finally {
      this.#answering.delete(work);
    }
  }

  async take(message: Exclude<ToStore, Question>): Promise<void> {
    try {
      if (!this.#broken) await this.#take(message);
      else if (message.kind === 'rows') send({ kind: 'broken', message: '', lost: message.count });
    } catch (error) {
      this.#broken = true;
      const lost = this.#unflushed + (message.kind === 'rows' ? message.count : 0);
      send({ kind: 'broken', message: messageOf(error), lost });
    }
    if (message.kind === 'rows') send({ kind: 'taken', count: message.count });
    if (message.kind === 'late' && this.#broken) send({ kind: 'passed', left: 0 });
    if (message.kind !== 'end') return;
    await Promise.allSettled(this.#answering);
    this.store.close();
    send({ kind: 'ended' });
    port.close();
  }

  async #take(message: Exclude<ToStore, Question>): Promise<void> {
    switch (message.kind) {
      case 'rows':
        this.#append(message.table, message.columns, message.count);
        break;
      case 'flush':
        this.#flush();
        if (message.now - this.#trimmedAt >= TRIM_EVERY) await this.#trim(message.now);
        break;
      case 'late': {
        this.#flush();
        await this.#writeMarks();
        const told = (revisions: readonly Revision[]) => this.#tell(revisions);
        const left = await revisePast(this.store, message.hosts, message.until, told);
        send({ kind: 'passed', left });
        break;
      }
      case 'end':
        this.#flush();
        await this.#trim(message.now);
    }
  }

  #append(table: string, columns: readonly StoreValue[][], count: number): void {
    if (table === watermarks.name) {
      const [hosts, streams, untils] = columns as [string[], string[], Micros[]];
      hosts.forEach((host, i) => {
        this.#mark({ kind: 'complete', host, stream: streams[i]!, until: untils[i]! });
      });
      return;
    }
    this.store.append(table, columns);
    this.#unflushed += count;
    if (this.#unflushed >= FLUSH_ROWS) this.#flush();
  }

  #mark(mark: Complete): void {
    const key = `${mark.host}\n${mark.stream}`;
    const known = this.#marks.get(key);
    if (known !== undefined && known.until >= mark.until) return;
    this.#marks.set(key, mark);
    this.#marksChanged = true;
  }

  #flush(): void {
    this.store.flush();
    this.#unflushed = 0;
  }

  /** All of them at once: they change all the time, and only the last of each matters. */
  async #writeMarks(): Promise<void> {
    if (!this.#marksChanged) return;
    await this.store.command('BEGIN');
    await this.store.command(`DELETE FROM ${watermarks.name}`);
    this.store.append(watermarks.name, columnsOf(watermarks, [...this.#marks.values()]));
    this.store.flush();
    await this.store.command('COMMIT');
    this.#marksChanged = false;
  }

  async #trim(now: Micros): Promise<void> {
    await this.#writeMarks();
    if (Number.isFinite(now)) await trim(this.store, start.retention, now);
    this.#trimmedAt = now;
  }

  async #tell(revisions: readonly Revision[]): Promise<void> {
    const uids = list(revisions.map(({ line }) => line.connection.uid));
    const found = await this.store.rows(`SELECT uid, CAST(alert AS VARCHAR) FROM alerts WHERE uid IN (${uids})`);
    const alerts = new Map<string, Alert[]>();
    for (const [uid, text] of found as [string, string][]) {
      alerts.set(uid, [...(alerts.get(uid) ?? []), JSON.parse(text) as Alert]);
    }
    const told: ToldRevision[] = revisions.map((revision) => ({
      ...revision,
      alerts: alerts.get(revision.line.connection.uid) ?? [],
    }));
    send({ kind: 'revised', revisions: told });
  }
}

try {
  const store = await Store.open(start.path);
  const keeper = new StoreKeeper(store);
  send({ kind: 'opened', run: store.run, before: await keeper.before() });
  let last: Promise<void> = Promise.resolve();
  port.on('message', (message: ToStore) => {
    if (message.kind === 'hunt' || message.kind === 'explain') void keeper.answer(message);
    else last = last.then(() => keeper.take(message));
  });
} catch (error) {
  const code = error instanceof CorrelateError ? error.code : undefined;
  send({ kind: 'failed', code, message: messageOf(error) });
}
