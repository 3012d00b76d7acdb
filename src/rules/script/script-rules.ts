import { limits } from '../../core/limits.js';
import type { Micros } from '../../core/time.js';
import { HostTables } from '../../hosts/tables.js';
import type { AttributedConnection } from '../../records/attributed-connection.js';
import type { AnyTableRow, HostRow } from '../../records/host-row.js';
import type { HostTable } from '../../records/host-tables.js';
import type { ScriptRule } from '../rule.js';
import { RunningRule, type RunningRuleOptions } from './running-rule.js';

/** Whether the rule that was loaded is one that runs. One that failed is to be started anew. */
function goesOn({ rule, guard }: RunningRule, loaded: ScriptRule): boolean {
  const isSame =
    rule.code === loaded.code && rule.about.id === loaded.about.id && rule.about.file === loaded.about.file;
  return isSame && !guard.stopped;
}

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
  readonly #options: RunningRuleOptions;
  #rules: readonly RunningRule[];
  #named: ReadonlySet<HostTable>;
  readonly #moments = new Map<string, HostMoment>();

  constructor(rules: readonly ScriptRule[], options: RunningRuleOptions) {
    this.#options = options;
    this.#rules = rules.map((rule) => new RunningRule(rule, options));
    this.#named = new Set(this.#rules.flatMap((rule) => rule.tables));
  }

  /**
   * Goes on with these rules. One that runs already, with the same code, goes on with all that it knows; others begin with what the
   * tables hold that rules have read so far. Of tables that none has read until now, the rows of before are not known (RULE_STATE_PARTIAL).
   */
  replace(rules: readonly ScriptRule[]): void {
    for (const [host, moment] of this.#moments) this.#evaluate(host, moment);
    const left = new Set(this.#rules);
    const fresh: RunningRule[] = [];
    this.#rules = rules.map((rule) => {
      const same = [...left].find((running) => goesOn(running, rule));
      if (same !== undefined) {
        left.delete(same);
        return same;
      }
      const running = new RunningRule(rule, this.#options);
      fresh.push(running);
      return running;
    });
    for (const rule of left) rule.retire();
    const known = this.#named;
    this.#named = new Set(this.#rules.flatMap((rule) => rule.tables));
    this.tables.keep(this.#named);
    for (const rule of fresh) this.#begin(rule, known);
  }

  /** A rule that comes later sees the tables that were followed until then. */
  #begin(rule: RunningRule, known: ReadonlySet<HostTable>): void {
    const unknown = [...new Set(rule.tables)].filter((table) => !known.has(table));
    if (unknown.length > 0) {
      this.#options.warn({
        code: 'RULE_STATE_PARTIAL',
        message: `rule ${rule.rule.about.id} sees of ${unknown.join(', ')} only what hosts tell from now on`,
        where: rule.rule.about.file ?? rule.rule.about.id,
      });
    }
    for (const [host, { time }] of this.#moments) {
      rule.hostChanged(host, time, known, (table) => this.tables.rows(host, table));
    }
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
