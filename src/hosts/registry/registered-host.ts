import type { Micros } from '../../core/time.js';
import type { HostRow } from '../../records/host-row.js';
import { JournalPosition } from './journal-position.js';
import { WatchedRuns } from './watched-runs.js';

/**
 * joining: connected and still telling what it had kept. joined: it has told that. silent: its connection is gone or says nothing.
 * left: it said goodbye.
 */
export type Presence = 'joining' | 'joined' | 'silent' | 'left';

/** What is known of one host as such. Times are of the engine's clock. */
export class RegisteredHost {
  presence: Presence = 'joining';
  /** Why it is silent or left, or why its last connection ended. */
  reason: string | undefined;
  boot: string | undefined;
  version: string | undefined;
  peer: string | undefined;
  configuredGroups: readonly string[] = [];
  groups: readonly string[] = [];
  tables: readonly string[] = [];
  limited: readonly string[] = [];
  joins = 0;
  heard: Micros;
  rows = 0;
  duplicates = 0;
  dropped = 0;
  redacted = 0;
  clock: { offset: Micros; err: Micros } | undefined;
  position: JournalPosition | undefined;
  readonly runs: WatchedRuns;
  /** How many interfaces have each address. */
  readonly #addresses = new Map<string, number>();

  constructor(
    readonly id: string,
    readonly since: Micros,
  ) {
    this.heard = since;
    this.runs = new WatchedRuns(id);
  }

  get isConnected(): boolean {
    return this.presence === 'joining' || this.presence === 'joined';
  }

  get addresses(): string[] {
    return [...this.#addresses.keys()];
  }

  /** The position in a journal; a new one when the agent comes with another journal than before. */
  positionIn(journal: string): JournalPosition {
    if (this.position?.journal !== journal) this.position = new JournalPosition(journal);
    return this.position;
  }

  /** Takes from a row what concerns the host as such. Returns whether its addresses have changed. */
  take(row: HostRow): boolean {
    if (row.kind === 'host') {
      this.#addresses.clear();
      return true;
    }
    if (row.kind === 'row' && row.table === 'interface_addresses' && row.columns.address !== undefined) {
      return this.#address(row.columns.address, row.action === 'removed' ? -1 : 1);
    }
    return false;
  }

  #address(address: string, change: number): boolean {
    const before = this.#addresses.get(address) ?? 0;
    const after = before + change;
    if (after > 0) this.#addresses.set(address, after);
    else this.#addresses.delete(address);
    return before > 0 !== after > 0;
  }
}
