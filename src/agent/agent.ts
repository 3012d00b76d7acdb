import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import type { HostDatabase } from '../records/host-database.js';
import type { Complete, HostRow } from '../records/host-row.js';
import type { Hello, Welcome } from '../wire/message.js';
import { encodeFrames } from '../wire/row-message.js';
import { EngineLink, type LinkOwner, type Outgoing } from './engine-link.js';
import { HostQueries } from './host-queries.js';
import type { Journal } from './journal.js';
import type { Redaction } from './redaction.js';
import { StandingRows } from './standing-rows.js';

/** What an agent needs of a sensor that runs; those of `src/sensor` have it. */
export interface AgentSensor {
  readonly degradation: readonly string[];
  stop(): Promise<void>;
}

export interface AgentOptions {
  readonly host: string;
  readonly groups: readonly string[];
  readonly version: string;
  readonly dial: () => WebSocket;
  readonly journal: Journal;
  readonly token: string;
  readonly redaction: Redaction;
  /** Starts the sensor; its rows go to `emit`. */
  readonly sensor: (emit: (rows: HostRow[]) => void) => Promise<AgentSensor>;
  /** Answers the engine's SQL. Absent: queries are answered with an error. */
  readonly database?: HostDatabase;
  /** The tables that the database has. */
  readonly tables?: readonly string[];
  readonly warn: Warn;
  readonly info: (message: string) => void;
}

/** Until the engine says otherwise, watermarks without rows are told this often. */
const COMPLETE_MS = 1_000;
const STATUS_MS = 30_000;
/** How long the end of a run waits until the engine has the last rows. */
const FLUSH_MS = 3_000;

/**
 * Watches this host and tells the engine: sensor -> redaction -> journal -> link. The journal takes every row whether the engine is there
 * or not; the link sends on from where the engine says it is. An engine that has forgotten everything first gets the rows that
 * still stand from before the journal begins.
 */
export class Agent implements LinkOwner {
  readonly #options: AgentOptions;
  readonly #journal: Journal;
  readonly #standing = new StandingRows();
  readonly #link: EngineLink;
  readonly #queries: HostQueries;
  #sensor: AgentSensor | undefined;
  readonly #run = randomUUID();
  #boot: string | undefined;
  /** Sent up to here, inclusive. */
  #sent = -1;
  /** What stands from before the journal, still to be sent on this connection. */
  #restoring: Outgoing[] = [];
  /** The latest watermark of each stream that is not in the journal yet. */
  #complete = new Map<string, Complete>();
  #completeEveryMs = COMPLETE_MS;
  #completeAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #statusTimer: NodeJS.Timeout | undefined;
  #toldStatus = '';

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#link = new EngineLink(options.dial, this);
    this.#queries = new HostQueries(options.database, (message) => this.#link.send(message));
  }

  /** Resolves when the host is watched; the engine may not be there yet. */
  async start(): Promise<void> {
    this.#closeEarlierRun();
    this.#sensor = await this.#options.sensor((rows) => this.#take(rows));
    this.#link.connect();
    this.#timer = setInterval(() => this.#tick(), 100);
    this.#statusTimer = setInterval(() => this.#tellStatus(), STATUS_MS);
  }

  /** Takes a last look at the host, waits a little until the engine has it all, and ends. */
  async stop(reason: string): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#statusTimer);
    await this.#sensor?.stop();
    this.#flushComplete();
    this.#link.pump();
    const until = performance.now() + FLUSH_MS;
    while (this.#link.isWelcome && !this.#isAllSent() && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.#link.pump();
    }
    this.#queries.clear();
    await this.#link.end(reason);
    this.#journal.close();
  }

  #isAllSent(): boolean {
    return this.#restoring.length === 0 && this.#sent >= this.#journal.next - 1 && this.#link.isIdle;
  }

  /** An earlier run that did not end by itself: the host was not watched from its last watermark on. */
  #closeEarlierRun(): void {
    const tail = this.#journal.tail();
    const last = tail?.rows.at(-1);
    if (tail === undefined || last === undefined || last.kind === 'host_timeout') return;
    const times = tail.rows.flatMap((row) => (row.kind === 'complete' ? [row.until] : []));
    const at = times.length > 0 ? Math.max(...times) : tail.latest;
    this.#append([{ kind: 'host_timeout', host: this.#options.host, at }]);
  }

  /** Rows go to the journal at once, with the watermarks that came with them; watermarks alone wait a while. */
  #take(rows: readonly HostRow[]): void {
    const { redaction } = this.#options;
    const out: HostRow[] = [];
    for (const row of rows) {
      if (row.kind === 'complete') this.#complete.set(row.stream, row);
      else {
        if (row.kind === 'host') this.#boot = row.boot;
        // Behind a timeout nothing is complete that was not before.
        if (row.kind === 'host_timeout') out.push(...this.#takeComplete());
        out.push(redaction.row(row));
      }
    }
    if (out.length === 0) return;
    this.#append([...out, ...this.#takeComplete()]);
    this.#link.pump();
  }

  #takeComplete(): Complete[] {
    const rows = [...this.#complete.values()];
    this.#complete.clear();
    this.#completeAt = performance.now();
    return rows;
  }

  #append(rows: readonly HostRow[]): void {
    const { first, rows: added } = this.#journal.append(rows, this.#boot, performance.now());
    for (const [at, row] of added.entries()) this.#standing.take(row, first + at);
  }

  #tick(): void {
    if (this.#complete.size > 0 && performance.now() - this.#completeAt >= this.#completeEveryMs) this.#flushComplete();
  }

  #flushComplete(): void {
    if (this.#complete.size === 0) return;
    this.#append(this.#takeComplete());
    this.#link.pump();
  }

  hello(): Hello {
    const { host, groups, version, tables = [], token } = this.#options;
    return {
      type: 'hello',
      host,
      run: this.#run,
      version,
      ...(this.#boot !== undefined && { boot: this.#boot }),
      groups: groups.slice(0, limits.agentGroups),
      tables: tables.slice(0, limits.agentTables),
      limited: this.#limited(),
      time: Date.now() * 1000,
      journal: { id: this.#journal.id, next: this.#journal.next },
      token,
    };
  }

  welcomed(welcome: Welcome): boolean {
    const { received } = welcome;
    this.#completeEveryMs = welcome.completeEveryMs;
    if (received !== undefined && received >= this.#journal.next) {
      this.#journal.renew();
      return false;
    }
    this.#sent = received ?? -1;
    if (received === undefined) this.#append(this.#journal.takeForgotten());
    this.#restoring = this.#standingAfter(this.#sent);
    this.#options.info(`the engine takes this host (${received === undefined ? 'it has nothing of it' : 'goes on'})`);
    this.#tellStatus();
    return true;
  }

  /** What stands from before the journal, as messages. */
  #standingAfter(received: number): Outgoing[] {
    const standing = this.#standing.before(this.#journal.first).filter(({ sequence }) => sequence > received);
    const messages: Outgoing[] = [];
    let at = 0;
    const sequences = standing.map(({ sequence }) => sequence);
    const rows = standing.map(({ row }) => row);
    for (const frame of encodeFrames(rows, sequences, this.#boot)) {
      at += frame.rows.length;
      messages.push({ text: frame.text, rows: frame.rows.length, last: sequences[at - 1]! });
    }
    return messages.reverse();
  }

  next(): Outgoing | undefined {
    const restored = this.#restoring.pop();
    if (restored !== undefined) {
      this.#sent = restored.last;
      return restored;
    }
    const entry = this.#journal.entry(this.#sent + 1);
    if (entry === undefined) return undefined;
    const last = entry.first + entry.count - 1;
    this.#sent = last;
    return { text: entry.text, rows: entry.count, last };
  }

  acknowledged(received: number, releasable: number | undefined): void {
    this.#journal.acknowledge(received);
    if (releasable !== undefined) this.#journal.release(releasable);
  }

  asked(message: Parameters<LinkOwner['asked']>[0]): void {
    if (message.type === 'execute') void this.#queries.execute(message);
    else if (message.type === 'subscribe') this.#queries.subscribe(message);
    else this.#queries.unsubscribe(message.id);
  }

  closed(reason: string, isRefusal: boolean, againMs: number): void {
    this.#queries.clear();
    this.#restoring = [];
    this.#toldStatus = '';
    this.#completeEveryMs = COMPLETE_MS;
    this.#options.warn({
      code: isRefusal ? 'ENGINE_REFUSED' : 'ENGINE_UNREACHABLE',
      message: `${reason}; trying again in ${(againMs / 1000).toFixed(1)} s`,
    });
  }

  #limited(): string[] {
    return (this.#sensor?.degradation ?? []).slice(0, limits.agentSentences).map((text) => text.slice(0, 1024));
  }

  #tellStatus(): void {
    const status = {
      type: 'status',
      limited: this.#limited(),
      dropped: this.#journal.dropped + this.#standing.forgotten,
      redacted: this.#options.redaction.counters.redacted,
    } as const;
    const text = JSON.stringify(status);
    if (text === this.#toldStatus || !this.#link.isWelcome) return;
    this.#toldStatus = text;
    this.#link.send(status);
  }
}
