import { type Micros, SECOND } from '../core/time.js';
import { list, literal, timeLiteral } from './column.js';
import { lineSelection, type StoredLine, storedLine } from './connection-lines.js';
import type { Store } from './store.js';
import { addressesOf } from './stored-past.js';

/** Hosts of which rows about the past have come, and since when they tell something new. */
export interface LateHostRows {
  readonly host: string;
  readonly from: Micros;
}

/** The running join knows younger connections itself. */
export interface Horizon {
  /** Connections of this run that ended before this capture time have been let go; Infinity: all have. */
  readonly until: Micros;
}

/** Rows of a time may bear on connections that ended this long before it by the capture's clock, which may be another. */
const SLACK: Micros = 420 * SECOND;

/**
 * Connections with an end of these hosts at the time of late rows or after it, which these may give another owner, by the last line of
 * each. In order of run and time, in lists of one run.
 */
export class LateTargets {
  #after: { readonly run: number; readonly ts: Micros; readonly uid: string } | undefined;

  private constructor(
    private readonly store: Store,
    private readonly where: string,
    private readonly filter: string,
  ) {}

  static async of(store: Store, hosts: readonly LateHostRows[], { until }: Horizon): Promise<LateTargets> {
    const parts: string[] = [];
    const open: string[] = [];
    for (const { host, from } of hosts) {
      const addresses = list([...(await addressesOf(store, [host]))]);
      const isOf = (side: Side): string =>
        `("id.${side}_h" IN (${addresses}) OR (capture_host = ${literal(host)} AND ${isLoopbackSql(side)}))`;
      parts.push(`(${endSql} >= ${timeLiteral(from - SLACK)} AND (${isOf('orig')} OR ${isOf('resp')}))`);
      open.push(`(${isOf('orig')} AND ${isOpenSql('orig')})`, `(${isOf('resp')} AND ${isOpenSql('resp')})`);
    }
    const isGone = until === Infinity ? 'TRUE' : `(run < ${store.run} OR ended <= ${timeLiteral(until)})`;
    return new LateTargets(store, parts.join(' OR '), `${isGone} AND (${open.join(' OR ')})`);
  }

  /** The next ones, at most `count`; none: there are no more. */
  async next(count: number): Promise<StoredLine[]> {
    const after = this.#after;
    const rest =
      after === undefined ? 'TRUE' : `(run, ts, uid) > (${after.run}, ${timeLiteral(after.ts)}, ${literal(after.uid)})`;
    const found = await this.store.rows(`SELECT ${lineSelection} FROM (
        SELECT *, min(told) FILTER (cause = 'end') OVER (PARTITION BY ts, uid, run) AS ended
        FROM connection_lines WHERE ${this.where}
        QUALIFY row_number() OVER (PARTITION BY ts, uid ORDER BY run DESC, rev DESC) = 1
      ) WHERE ${this.filter} AND ${rest} ORDER BY run, ts, uid LIMIT ${count}`);
    const lines = found.map(storedLine);
    const targets = lines.filter(({ run }) => run === lines[0]!.run);
    return targets;
  }

  /** Goes on after these. */
  pass(targets: readonly StoredLine[]): void {
    const { run, line } = targets.at(-1)!;
    this.#after = { run, ts: line.connection.ts, uid: line.connection.uid };
  }
}

type Side = 'orig' | 'resp';

const endSql = 'ts + to_microseconds(CAST(coalesce(duration, 0) * 1e6 AS BIGINT))';

function isLoopbackSql(side: Side): string {
  return `("id.${side}_h" = '::1' OR starts_with("id.${side}_h", '127.'))`;
}

/** What late rows may change: everything but what is nobody's, since a call that named an owner may meet another one, or a clock another error. */
function isOpenSql(side: Side): string {
  return `coalesce("${side}.reason", '') <> 'not_local'`;
}
