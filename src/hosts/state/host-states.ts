import { secretKey } from '../../core/secret-key.js';
import type { Micros } from '../../core/time.js';
import type { HostSeen, HostTimeout } from '../../records/host-row.js';
import { AddressTable, type AddressUser, type KnownAddress } from './address-table.js';
import type { HeldSocket } from './held-socket.js';
import { DETAILS, EVENTS, HostColumns } from './host-columns.js';
import type { HostContext, HostCounters, HostNews } from './host-context.js';
import type { HostLimits } from './host-limits.js';
import { HostState } from './host-state.js';
import { StreamPool } from './host-streams.js';
import { ProcessTable } from './process-table.js';
import { LINK, RowStore } from './row-store.js';
import { SocketCloses } from './socket-closes.js';
import { SocketRecord } from './socket-record.js';
import { SocketTable } from './socket-table.js';
import { StandingNews } from './standing-news.js';
import { TextCache } from './text-cache.js';
import { Translations } from './translations.js';
import { type Tuple, TupleTable } from './tuple-table.js';
import { UserPool } from './user-pool.js';

/** Sockets of one host. */
export interface HeldByHost {
  readonly host: HostState;
  sockets: readonly HeldSocket[];
}

/**
 * All hosts, with the addresses and tuples that they share with connections, which the join enters there too (of types `C` and `U`).
 * Costs the same however many hosts there are. Bound: `maxHosts`; rows of further hosts are dropped and counted.
 */
export class HostStates<C = unknown, U extends AddressUser = AddressUser> {
  readonly counters: HostCounters & { hostsRefused: number } = {
    socketRowsEvicted: 0,
    processRowsEvicted: 0,
    translationsEvicted: 0,
    rowsIgnored: 0,
    addressRowsRefused: 0,
    userRowsRefused: 0,
    hostsRefused: 0,
  };
  readonly addresses: AddressTable<U>;
  readonly tuples: TupleTable<C, U>;
  readonly translations = new Translations(this.counters);
  readonly columns = new HostColumns();
  readonly standing = new StandingNews(this.columns);
  /** Every row that is kept. */
  readonly rows: RowStore;
  readonly #numbered: HostState[] = [];
  readonly #hosts = new Map<string, HostState>();
  readonly #latest = new TextCache<HostState>();
  readonly #context: HostContext;
  readonly #maxHosts: number;

  /** `userOf` finds the user of an address that has entered by its number. */
  constructor(limits: HostLimits, maxHosts: number, news: HostNews, userOf: (number: number) => U) {
    const key = secretKey();
    this.rows = new RowStore(key, this.columns);
    this.addresses = new AddressTable<U>(this.rows.texts, userOf);
    const { addresses, counters, rows, translations } = this;
    this.tuples = new TupleTable<C, U>(addresses, rows, key);
    const closes = new SocketCloses(key, rows.texts, this.columns);
    const processes = new ProcessTable(key, rows);
    const shared = {
      addresses,
      tuples: this.tuples,
      rows,
      sockets: new SocketTable(rows, this.columns),
      closes,
      processes,
      translations,
      users: new UserPool(),
      streams: new StreamPool(),
      columns: this.columns,
      standing: this.standing,
    };
    this.#context = { ...shared, limits, counters, news };
    this.#maxHosts = maxHosts;
  }

  get size(): number {
    return this.#hosts.size;
  }

  get(id: string): HostState | undefined {
    const place = this.#latest.placeOf(id);
    const latest = this.#latest.at(place);
    if (latest !== undefined && latest.id === id) return latest;
    const known = this.#hosts.get(id);
    if (known !== undefined) this.#latest.put(place, known);
    return known;
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
    this.#numbered.push(host);
    this.#latest.makeRoom(this.#numbered.length);
    return host;
  }

  /** The host of this number (HostState.number). */
  numbered(number: number): HostState {
    return this.#numbered[number]!;
  }

  /** See StreamProgress.detailsUntil; mostly without a look at the host itself. */
  detailsUntil(number: number): Micros {
    const { values } = this.columns;
    const at = this.columns.placeOf(number);
    // No number: it is still to be worked out.
    return Number.isNaN(values[at + EVENTS]!) ? this.numbered(number).progress.detailsUntil : values[at + DETAILS]!;
  }

  /** The sockets of the tuple whose local end is its first endpoint, or its second, by host. */
  held({ forward, backward }: Tuple<C, U>, isForward: boolean): HeldByHost[] {
    const { rows } = this;
    const out: (HeldByHost & { readonly records: SocketRecord[] })[] = [];
    for (let handle = isForward ? forward : backward; handle !== 0; handle = rows.word(handle, LINK)) {
      const record = new SocketRecord(rows, handle);
      const host = this.#numbered[record.host]!;
      const known = out.find((one) => one.host === host);
      if (known === undefined) out.push({ host, records: [record], sockets: [] });
      else known.records.push(record);
    }
    for (const one of out) one.sockets = one.host.held(one.records.reverse());
    return out;
  }

  /** The sockets of one host between an address of its own and another endpoint. */
  heldAt(
    host: HostState,
    protocol: number,
    local: KnownAddress<U>,
    localPort: number,
    remote: string,
    remotePort: number,
  ): readonly HeldSocket[] {
    const { rows } = this;
    const records: SocketRecord[] = [];
    let handle = this.tuples.sockets(protocol, local, localPort, remote, remotePort).latest;
    for (; handle !== 0; handle = rows.word(handle, LINK)) {
      if (rows.host(handle) === host.number) records.push(new SocketRecord(rows, handle));
    }
    return host.held(records.reverse());
  }

  /** The host says what it is called and which streams it will report. */
  seen(host: HostState, row: HostSeen): void {
    for (const { stream, table, pause } of row.streams) {
      host.progress.stream(stream, table);
      if (pause !== undefined) host.progress.boundPause(stream, pause);
    }
    if (row.net_namespace !== undefined) host.isWatchedIn(row.net_namespace, row.from);
    host.progress.seen(row.from, row.boot);
    this.#isWatchedAnew(host);
  }

  /** The host fell silent. */
  timedOut(host: HostState, { at }: HostTimeout): void {
    host.progress.timedOut(at);
    this.#isWatchedAnew(host);
  }

  /** When the host was watched is another matter than before: an address that is not told of again has gone. */
  #isWatchedAnew(host: HostState): void {
    host.hasNews();
    if (!host.progress.watch.isOneRun) for (const address of host.known) address.isHadBy(host);
  }
}
