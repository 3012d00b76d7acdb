import { randomFillSync } from 'node:crypto';
import type { HostSeen } from '../../records/host-row.js';
import { AddressTable, type AddressUser } from './address-table.js';
import type { HostLimits } from './host-limits.js';
import { type HostContext, type HostCounters, type HostNews, HostState } from './host-state.js';
import { TupleTable } from './tuple-table.js';

/**
 * All hosts, with the addresses and tuples that they share with connections, which the join enters there too (of types `C` and `U`).
 * Costs the same however many hosts there are. Bound: `maxHosts`; rows of further hosts are dropped and counted.
 */
export class HostStates<C = unknown, U extends AddressUser = AddressUser> {
  readonly counters: HostCounters & { hostsRefused: number } = {
    socketRowsEvicted: 0,
    processRowsEvicted: 0,
    rowsIgnored: 0,
    hostsRefused: 0,
  };
  readonly addresses = new AddressTable<U>();
  readonly tuples: TupleTable<C, U>;
  readonly #hosts = new Map<string, HostState>();
  readonly #context: HostContext;
  readonly #maxHosts: number;

  constructor(limits: HostLimits, maxHosts: number, news: HostNews) {
    const [k0, k1] = randomFillSync(new Int32Array(2)) as unknown as [number, number];
    this.tuples = new TupleTable<C, U>(this.addresses, { k0, k1 });
    this.#context = { addresses: this.addresses, tuples: this.tuples, limits, counters: this.counters, news };
    this.#maxHosts = maxHosts;
  }

  get size(): number {
    return this.#hosts.size;
  }

  get(id: string): HostState | undefined {
    return this.#hosts.get(id);
  }

  /** The host of this id, made when it is new; undefined beyond the bound. */
  open(id: string): HostState | undefined {
    const known = this.#hosts.get(id);
    if (known !== undefined) return known;
    if (this.#hosts.size >= this.#maxHosts) {
      this.counters.hostsRefused++;
      return undefined;
    }
    const host = new HostState(id, this.#context);
    this.#hosts.set(id, host);
    return host;
  }

  /** The host says what it is called and which streams it will report. */
  seen(host: HostState, row: HostSeen): void {
    if (row.boot !== undefined) host.hasBoot(row.boot);
    for (const { stream, table } of row.streams) host.progress.stream(stream, table);
    host.progress.seen(row.from);
  }
}
