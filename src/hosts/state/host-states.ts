import type { AnyTableRow, HostSeen } from '../../records/host-row.js';
import type { HostLimits } from './host-limits.js';
import { type Bucket, type Change, type HostCounters, HostState, type TupleIndex } from './host-state.js';

/**
 * All hosts. Finds sockets by full tuple over every host at once, and the hosts that ever had an address; both cost the same
 * however many hosts there are. Bound: `maxHosts`; rows of further hosts are dropped and counted.
 */
export class HostStates {
  readonly counters: HostCounters & { hostsRefused: number } = {
    socketRowsEvicted: 0,
    processRowsEvicted: 0,
    rowsIgnored: 0,
    hostsRefused: 0,
  };
  readonly #hosts = new Map<string, HostState>();
  readonly #tuples: TupleIndex = new Map();
  readonly #byAddress = new Map<string, HostState[]>();
  readonly #limits: HostLimits;
  readonly #maxHosts: number;

  constructor(limits: HostLimits, maxHosts: number) {
    this.#limits = limits;
    this.#maxHosts = maxHosts;
  }

  get size(): number {
    return this.#hosts.size;
  }

  all(): Iterable<HostState> {
    return this.#hosts.values();
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
    const host = new HostState(id, this.#tuples, this.#limits, this.counters);
    this.#hosts.set(id, host);
    return host;
  }

  /** Takes a row; `news` gets the address that the host had not had before. */
  add(host: HostState, row: AnyTableRow, news: (address: string) => void): Change {
    const change = host.add(row);
    if (change !== 'address') return change;
    for (const address of host.newAddresses()) {
      const owners = this.#byAddress.get(address);
      if (owners === undefined) this.#byAddress.set(address, [host]);
      else if (!owners.includes(host)) owners.push(host);
      news(address);
    }
    return change;
  }

  /** The host says what it is called and which streams it will report. */
  seen(host: HostState, row: HostSeen): void {
    if (row.boot !== undefined) host.boot = row.boot;
    for (const { stream, table } of row.streams) host.progress.stream(stream, table);
    host.progress.seen(row.from);
  }

  /** Buckets with exactly these endpoints (see tupleKey), one for each host that has them. */
  withTuple(key: string): readonly Bucket[] | undefined {
    return this.#tuples.get(key);
  }

  /** Hosts that had the address at any time. */
  everHad(address: string): readonly HostState[] | undefined {
    return this.#byAddress.get(address);
  }
}
