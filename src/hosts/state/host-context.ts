import type { AddressTable, KnownAddress } from './address-table.js';
import type { HostColumns } from './host-columns.js';
import type { HostLimits } from './host-limits.js';
import type { HostState } from './host-state.js';
import type { StreamPool } from './host-streams.js';
import type { ProcessTable } from './process-table.js';
import type { RowStore } from './row-store.js';
import type { SocketCloses } from './socket-closes.js';
import type { SocketTable } from './socket-table.js';
import type { StandingNews } from './standing-news.js';
import type { Translations } from './translations.js';
import type { Tuple, TupleTable } from './tuple-table.js';
import type { UserPool } from './user-pool.js';

/** Told of what rows bring that may concern a connection. */
export interface HostNews {
  /** A socket of these endpoints, its local end the first of the tuple's or the second. */
  socket(tuple: Tuple, isForward: boolean): void;
  /** A host turns packets between these endpoints into others, or others into these. */
  translation(tuple: Tuple): void;
  /** A host has an address that it had not had before; `by` is absent where it is the broadcast address of its network. */
  address(address: KnownAddress, by?: HostState): void;
  /** A host has accepted without naming its own end, for the first time: it attends to strangers from now on (see Strangers). */
  blankAccepts(host: HostState): void;
}

/** What hosts share. */
export interface HostContext {
  readonly addresses: AddressTable;
  readonly tuples: TupleTable;
  readonly rows: RowStore;
  readonly sockets: SocketTable;
  readonly closes: SocketCloses;
  readonly processes: ProcessTable;
  readonly translations: Translations;
  readonly users: UserPool;
  readonly streams: StreamPool;
  readonly columns: HostColumns;
  readonly standing: StandingNews;
  readonly limits: HostLimits;
  readonly counters: HostCounters;
  readonly news: HostNews;
}

/** Counted for every host together. */
export interface HostCounters {
  socketRowsEvicted: number;
  processRowsEvicted: number;
  translationsEvicted: number;
  rowsIgnored: number;
  /** Addresses and users beyond the bounds. */
  addressRowsRefused: number;
  userRowsRefused: number;
}
