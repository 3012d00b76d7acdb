import type { EndedRecords } from '../conn/ended-records.js';
import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import { type AlertFormat, alertFormats } from '../outputs/alert-formats.js';
import { alertText } from '../outputs/alert-text.js';
import { writeConnection } from '../outputs/connection-json.js';
import { Coverage } from '../outputs/coverage.js';
import { BATCH_RECORDS, type LineHelper } from '../outputs/line-help.js';
import { LineSink, type Overflow } from '../outputs/line-sink.js';
import { type EndsOf, RecordLines } from '../outputs/record-lines.js';
import type { ZeekLogOptions, ZeekLogs } from '../outputs/zeek-logs.js';
import { type Alert, type Level, levels } from '../records/alert.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { ConnectionUpdate } from '../records/connection.js';
import type { Weird } from '../records/weird.js';

/** Records whose lines are written between looks at what else happens, about. */
const RECORDS_AT_ONCE = 8192;
/** Fewer records are not worth another thread's help. */
const WORTH_HELP = 16_384;

export interface OutputOptions {
  /** Where alerts go as JSON lines; `-` is stdout. Absent: nowhere. */
  readonly alerts?: string;
  /** Show alerts as text for a person. */
  readonly showsAlerts: boolean;
  readonly format: AlertFormat;
  /** Where attributed connections go as JSON lines. Absent: nowhere. */
  readonly connections?: string;
  /** Where Zeek's logs go. Absent: nowhere. */
  readonly zeekLogs?: ZeekLogOptions;
  /** Show a table of connections for a person. */
  readonly table: boolean;
  /** A live run cannot wait for an output; see LineSink. */
  readonly overflow: Overflow;
  /** Only one line per connection comes, so nothing needs to be remembered for revisions. */
  readonly finalOnly: boolean;
  /** Text for a person at a terminal, line by line. */
  readonly show: (text: string) => void;
}

/** What files of every form have in common; see LineSink. */
interface Sink {
  readonly full: boolean;
  readonly linesLost: number;
  readonly linesWritten: number;
  readonly queuedBytes: number;
  readonly readerGone: boolean;
  room(): Promise<void>;
  drain(): Promise<void>;
  reopen(): Promise<void>;
  keepAll(): void;
  giveTo(uid: number, gid: number): void;
  readonly filePath: string;
  close(): Promise<void>;
}

/** All that leaves a run: connection lines, alerts, what a person sees, and the counts of both. */
export class Outputs {
  readonly coverage = new Coverage();
  /** Alerts with status new. */
  alerts = 0;
  /** The highest level among them. */
  highest: Level | undefined;
  readonly #connections: LineSink | undefined;
  readonly #alerts: LineSink | undefined;
  readonly #zeek: ZeekLogs | undefined;
  #recordLines: RecordLines | undefined;
  readonly #shown: AttributedConnection[] = [];
  readonly #told: Alert[] = [];

  private constructor(
    private readonly options: OutputOptions,
    zeek: ZeekLogs | undefined,
    warn: Warn,
  ) {
    this.#connections =
      options.connections === undefined ? undefined : new LineSink(options.connections, warn, options.overflow);
    this.#alerts = options.alerts === undefined ? undefined : new LineSink(options.alerts, warn, options.overflow);
    this.#zeek = zeek;
  }

  /** Rejects with OUTPUT_OPEN_FAILED. Only what is written is loaded. */
  static async open(options: OutputOptions, warn: Warn): Promise<Outputs> {
    const { zeekLogs, overflow } = options;
    if (zeekLogs === undefined) return new Outputs(options, undefined, warn);
    const { openZeekLogs } = await import('../outputs/zeek-logs.js');
    return new Outputs(options, openZeekLogs(zeekLogs, warn, overflow), warn);
  }

  connection(attributed: AttributedConnection): void {
    const line = this.#connections?.begin();
    if (line !== undefined) {
      writeConnection(line, attributed);
      this.#connections?.endLine();
    }
    // Zeek's log has one line for each connection: what is known when it ends.
    if (attributed.cause === 'end') this.#zeek?.conn.write(attributed);
    this.coverage.line(attributed, this.options.finalOnly);
    if (this.options.table && attributed.cause === 'end' && this.#shown.length < limits.tableConnections) {
      this.#shown.push(attributed);
    }
  }

  /** Whether nothing but lines of connections is made of them, one of each, so that `ended` does. */
  get onlyLines(): boolean {
    const { connections, zeekLogs, table, finalOnly } = this.options;
    return connections !== undefined && zeekLogs === undefined && !table && finalOnly;
  }

  /** Connections that ended, whose ends their addresses alone tell. What their records do not say in plain numbers goes to `other`, in order. */
  ended(records: EndedRecords, endsOf: EndsOf, other: (update: ConnectionUpdate) => void): void {
    this.#writeRecords(records, 0, records.count, endsOf, other);
  }

  /** As `ended`, of those that are open at the end of the input. */
  async open(
    records: EndedRecords,
    endsOf: EndsOf,
    other: (update: ConnectionUpdate) => void,
    helper: LineHelper | undefined,
  ): Promise<void> {
    const sink = this.#connections!;
    const isAtOnce = await sink.writeAtOnce();
    this.#recordLines ??= RecordLines.over(records, endsOf, sink);
    const { count } = records;
    const isWorthIt = isAtOnce && helper !== undefined && count >= WORTH_HELP;
    const helped = isWorthIt ? this.#recordLines?.share(records, helper) : undefined;
    try {
      let turnAt = RECORDS_AT_ONCE;
      for (let first = 0; first < count && !sink.readerGone; ) {
        const own = { next: first, end: Math.min(count, first + BATCH_RECORDS) };
        const { next, end } = helped?.write(first, sink, this.coverage) ?? own;
        this.#writeRecords(records, next, end, endsOf, other);
        first = end;
        if (first < turnAt) continue;
        turnAt = first + RECORDS_AT_ONCE;
        // Signals, and who waits for room.
        await nextTurn();
        await this.ready();
      }
    } finally {
      helped?.end();
    }
  }

  #writeRecords(
    records: EndedRecords,
    first: number,
    end: number,
    endsOf: EndsOf,
    other: (update: ConnectionUpdate) => void,
  ): void {
    const sink = this.#connections!;
    this.#recordLines ??= RecordLines.over(records, endsOf, sink);
    for (let i = first; i < end; ) {
      const next = this.#recordLines?.write(records, i, end, sink, this.coverage) ?? i;
      if (next === i) other(records.update(i++));
      else i = next;
    }
  }

  weird(weird: Weird): void {
    this.#zeek?.weird.write(weird);
  }

  alert(alert: Alert): void {
    if (alert.status === 'new') {
      this.alerts++;
      if (this.highest === undefined || levels.indexOf(alert.rule.level) > levels.indexOf(this.highest)) {
        this.highest = alert.rule.level;
      }
    }
    this.#alerts?.line(alertFormats[this.options.format](alert));
    if (!this.options.showsAlerts) return;
    if (!this.options.finalOnly) this.options.show(alertText(alert));
    else if (this.#told.length < limits.shownAlerts) this.#told.push(alert);
  }

  /** Waits while more is queued than may be. */
  async ready(): Promise<void> {
    for (const sink of this.#sinks()) if (sink.full) await sink.room();
  }

  /** Writes what is queued: a live run does it every few milliseconds. */
  async flush(): Promise<void> {
    await Promise.all(this.#sinks().map((sink) => sink.drain()));
  }

  async reopen(): Promise<void> {
    for (const sink of this.#sinks()) await sink.reopen();
  }

  /** Makes the files another user's, who can then open them again. */
  giveTo(uid: number, gid: number): void {
    for (const sink of this.#sinks()) sink.giveTo(uid, gid);
  }

  /** Paths of the files; `-` is standard output. */
  get paths(): string[] {
    return this.#sinks().map((sink) => sink.filePath);
  }

  /** The input has ended: the last lines, which come all at once, are not dropped. */
  ending(): void {
    for (const sink of this.#sinks()) sink.keepAll();
  }

  async close(): Promise<void> {
    for (const sink of this.#sinks()) await sink.close();
  }

  /** The connections of the run as a table, in order of time; undefined when none is to be shown. */
  async table(): Promise<string | undefined> {
    if (!this.options.table || this.#shown.length === 0) return undefined;
    const { connectionTable } = await import('../outputs/connection-table.js');
    const shown = this.#shown.sort((a, b) => a.connection.ts - b.connection.ts);
    return connectionTable(shown, this.coverage.connections);
  }

  /** The alerts of a run over files for a person, in order of time; a live run shows them as they come. */
  alertTexts(): string[] {
    return this.#told.sort((a, b) => a.time - b.time).map(alertText);
  }

  /** Lines that could not be written. */
  get linesLost(): number {
    return this.#sinks().reduce((sum, sink) => sum + sink.linesLost, 0);
  }

  get linesWritten(): number {
    return this.#sinks().reduce((sum, sink) => sum + sink.linesWritten, 0);
  }

  /** Bytes of lines that wait to be written. */
  get queuedBytes(): number {
    return this.#sinks().reduce((sum, sink) => sum + sink.queuedBytes, 0);
  }

  /** The reader of a pipe went away, so that going on would be for nobody. */
  get readerGone(): boolean {
    return this.#sinks().some((sink) => sink.readerGone);
  }

  #sinks(): Sink[] {
    const zeek = this.#zeek === undefined ? [] : Object.values<Sink>(this.#zeek);
    return [this.#connections, this.#alerts, ...zeek].filter((sink) => sink !== undefined);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
