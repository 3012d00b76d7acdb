import type { Micros } from '../../../src/core/time.js';
import type { AnyTableRow, HostRow, TableRow } from '../../../src/records/host-row.js';
import type { Columns, HostTable } from '../../../src/records/host-tables.js';
import type { Host } from './host.js';
import type { Random } from './random.js';

/** A host row and the true time at which the engine gets it. */
export interface Delivery {
  readonly at: Micros;
  readonly row: HostRow;
}

/** How the way from a host to the engine treats rows. */
export interface Transport {
  /** Chance that a row is late, and by how much at most. */
  readonly lateChance: number;
  readonly maxLate: Micros;
  readonly duplicateChance: number;
  /** Rows of this span of true time are lost, and said to be lost. */
  readonly lost?: { readonly stream: string; readonly from: Micros; readonly to: Micros };
  /** The host falls silent at this true time. */
  readonly silentAt?: Micros;
}

interface Written {
  readonly at: Micros;
  readonly row: AnyTableRow;
}

/** One stream of one host in one run of its sensor: rows in true order with growing seq, handed to the engine by the host's transport. */
export class RowStream<T extends HostTable = HostTable> {
  readonly stream: string;
  readonly table: T;
  readonly #host: Host;
  readonly #resolution: Micros;
  readonly #boot: string;
  readonly #written: Written[] = [];
  #seq = 1;

  constructor(host: Host, table: T, resolution: Micros, boot: string) {
    this.#host = host;
    this.stream = table;
    this.table = table;
    this.#resolution = resolution;
    this.#boot = boot;
  }

  /** The host's clock at a true time, as coarse as the stream tells it. */
  stamp(at: Micros): Micros {
    return Math.floor(this.#host.clock(at) / this.#resolution) * this.#resolution;
  }

  /** A source that knows whole seconds only can vouch for whole seconds only. */
  #completeUntil(at: Micros): Micros {
    return this.#resolution > 1 ? this.stamp(at) - 1 : this.#host.clock(at);
  }

  write(action: TableRow['action'], at: Micros, columns: Columns<T>, since?: Micros): void {
    const row: TableRow<T> = {
      kind: 'row',
      host: this.#host.id,
      boot: this.#boot,
      stream: this.stream,
      table: this.table,
      action,
      time: this.stamp(at),
      ...(since === undefined ? {} : { since: this.stamp(since) }),
      resolution: this.#resolution,
      seq: this.#seq++,
      columns,
    };
    this.#written.push({ at, row: row as unknown as AnyTableRow });
  }

  /**
   * Rows and watermarks as they arrive. `completeAt`: true times up to which the stream is declared complete; `handedOver`: when all was there
   * that the stream told in an earlier run.
   */
  deliver(transport: Transport, completeAt: readonly Micros[], random: Random, handedOver: Micros): Delivery[] {
    const out: Delivery[] = [];
    const lost = transport.lost?.stream === this.stream ? transport.lost : undefined;
    const silentAt = transport.silentAt ?? Number.POSITIVE_INFINITY;
    let allThere = handedOver;
    let next = 0;
    for (const until of completeAt) {
      for (; next < this.#written.length && this.#written[next]!.at <= until; next++) {
        const { at, row } = this.#written[next]!;
        if (at >= silentAt || (lost !== undefined && at > lost.from && at <= lost.to)) continue;
        const late = random.chance(transport.lateChance) ? random.int(0, transport.maxLate) : 0;
        const arrival = at + random.int(200, 30_000) + late;
        allThere = Math.max(allThere, arrival);
        out.push({ at: arrival, row });
        if (random.chance(transport.duplicateChance)) out.push({ at: arrival + random.int(0, 500_000), row });
      }
      if (until >= silentAt) break;
      if (lost !== undefined && until > lost.from && until - 1_000_000_000 < lost.from && !out.some(isLost)) {
        const from = this.#host.clock(lost.from);
        out.push({
          at: until,
          row: { kind: 'lost', host: this.#host.id, stream: this.stream, from, to: this.#host.clock(lost.to) },
        });
        allThere = Math.max(allThere, until);
      }
      allThere = Math.max(allThere, until + random.int(1_000, 40_000));
      out.push({
        at: allThere,
        row: { kind: 'complete', host: this.#host.id, stream: this.stream, until: this.#completeUntil(until) },
      });
    }
    return out;
  }
}

function isLost(delivery: Delivery): boolean {
  return delivery.row.kind === 'lost';
}
