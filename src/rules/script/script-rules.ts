import { limits } from '../../core/limits.js';
import type { Micros } from '../../core/time.js';
import { HostTables } from '../../hosts/tables.js';
import type { AttributedConnection } from '../../records/attributed-connection.js';
import type { AnyTableRow, HostRow } from '../../records/host-row.js';
import type { HostTable } from '../../records/host-tables.js';
import type { ScriptRule } from '../rule.js';
import { RunningRule, type RunningRuleOptions } from './running-rule.js';
import { watchUnhandledErrors } from './unhandled-errors.js';

/** What came in of one host and was not yet looked at. */
interface HostMoment {
  time: Micros;
  boot: string | undefined;
  /** Nobody has watched the host since a timeout. */
  isSilent: boolean;
  readonly changed: Set<HostTable>;
  /** Streams that gave rows of this moment and may give more. */
  readonly open: Set<string>;
}

/**
 * Runs the script rules. Rows of one poll arrive one by one; queries are evaluated once for all that changed on a host up to a
 * moment of its time: when its time moves on, when every stream that gave rows says it is complete, when the host falls silent, or
 * at the end.
 */
export class ScriptRules {
  readonly tables = new HostTables();
  readonly #rules: readonly RunningRule[];
  readonly #named: ReadonlySet<HostTable>;
  readonly #unwatch: () => void;
  readonly #moments = new Map<string, HostMoment>();

  constructor(rules: readonly ScriptRule[], options: RunningRuleOptions) {
    this.#rules = rules.map((rule) => new RunningRule(rule, options));
    this.#unwatch = watchUnhandledErrors(this.#rules.map(({ guard }) => guard));
    this.#named = new Set(this.#rules.flatMap((rule) => rule.tables));
  }

  connection(connection: AttributedConnection): void {
    for (const rule of this.#rules) rule.connection(connection);
  }

  row(row: HostRow): void {
    if (this.#named.size === 0) return;
    switch (row.kind) {
      case 'row':
        this.#tableRow(row);
        return;
      case 'host': {
        const moment = this.#moment(row.host);
        if (moment !== undefined && row.boot !== undefined && row.boot !== moment.boot) {
          this.#boot(row.host, moment, row.boot);
        }
        if (moment?.isSilent) this.#seenAgain(row.host, moment);
        return;
      }
      case 'complete':
        this.#complete(row.host, row.stream, row.until);
        return;
      case 'host_timeout': {
        const moment = this.#moments.get(row.host);
        if (moment !== undefined) {
          this.#evaluate(row.host, moment);
          moment.isSilent = true;
        }
        return;
      }
      default:
        return;
    }
  }

  end(): void {
    for (const host of [...this.#moments.keys()].sort()) this.#evaluate(host, this.#moments.get(host)!);
    for (const rule of this.#rules) rule.end();
    this.#unwatch();
  }

  #moment(host: string): HostMoment | undefined {
    let moment = this.#moments.get(host);
    if (moment === undefined) {
      if (this.#moments.size >= limits.ruleHosts) {
        this.tables.counters.dropped++;
        return undefined;
      }
      moment = { time: 0, boot: undefined, isSilent: false, changed: new Set(), open: new Set() };
      this.#moments.set(host, moment);
    }
    return moment;
  }

  #tableRow(row: AnyTableRow): void {
    const moment = this.#moment(row.host);
    if (moment === undefined) return;
    const late = row.time < moment.time;
    if (row.boot !== undefined && row.boot !== moment.boot) {
      // A straggler from before the boot.
      if (late && moment.boot !== undefined) return;
      this.#boot(row.host, moment, row.boot);
    }
    if (row.time > moment.time) {
      this.#evaluate(row.host, moment);
      moment.time = row.time;
    }
    if (!this.#named.has(row.table) || !this.tables.apply(row)) return;
    moment.changed.add(row.table);
    moment.open.add(row.stream);
  }

  /** After a boot everything starts anew: what ran before is gone without a word. */
  #boot(host: string, moment: HostMoment, boot: string): void {
    if (moment.boot !== undefined) {
      this.#evaluate(host, moment);
      this.tables.forget(host);
      for (const rule of this.#rules) rule.forget(host);
    }
    moment.boot = boot;
  }

  /** Who watches a host again tells its whole state again; results are compared with those from before the gap. */
  #seenAgain(host: string, moment: HostMoment): void {
    moment.isSilent = false;
    moment.changed.clear();
    this.tables.forget(host);
  }

  #complete(host: string, stream: string, until: Micros): void {
    const moment = this.#moments.get(host);
    if (moment === undefined || until < moment.time) return;
    moment.open.delete(stream);
    if (moment.open.size === 0) this.#evaluate(host, moment);
  }

  #evaluate(host: string, moment: HostMoment): void {
    moment.open.clear();
    if (moment.changed.size === 0) return;
    const changed = new Set(moment.changed);
    moment.changed.clear();
    for (const rule of this.#rules) {
      rule.hostChanged(host, moment.time, changed, (table) => this.tables.rows(host, table));
    }
  }
}
