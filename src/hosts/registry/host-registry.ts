import type { Micros } from '../../core/time.js';
import type { HostRow } from '../../records/host-row.js';
import { groupsOf, type SubnetGroup } from './host-groups.js';
import { RegisteredHost } from './registered-host.js';

/** Something happened to a host as such. */
export type HostEvent =
  | { readonly kind: 'joined' | 'reconnected'; readonly host: string }
  | { readonly kind: 'silent' | 'left'; readonly host: string; readonly reason: string }
  | { readonly kind: 'group_joined' | 'group_left'; readonly host: string; readonly group: string };

export interface HostRegistryOptions {
  readonly subnets: readonly SubnetGroup[];
  /** Most hosts. At the bound the one longest silent or gone makes room; when all are connected a further one is refused. */
  readonly maxHosts: number;
  readonly onEvent: (event: HostEvent) => void;
}

/** All hosts that agents have spoken for, whether they are connected now or not. */
export class HostRegistry {
  readonly #options: HostRegistryOptions;
  readonly #hosts = new Map<string, RegisteredHost>();

  constructor(options: HostRegistryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#hosts.size;
  }

  get(id: string): RegisteredHost | undefined {
    return this.#hosts.get(id);
  }

  all(): Iterable<RegisteredHost> {
    return this.#hosts.values();
  }

  /** The hosts of a group, in the order in which they joined. */
  *inGroup(group: string): Generator<RegisteredHost> {
    for (const host of this.#hosts.values()) if (host.groups.includes(group)) yield host;
  }

  /** The host of this id, made when it is new; undefined when there is no room. */
  open(id: string, now: Micros): RegisteredHost | undefined {
    let host = this.#hosts.get(id);
    if (host === undefined) {
      if (this.#hosts.size >= this.#options.maxHosts && !this.#makeRoom()) return undefined;
      host = new RegisteredHost(id, now);
      this.#hosts.set(id, host);
    }
    return host;
  }

  #makeRoom(): boolean {
    let oldest: RegisteredHost | undefined;
    for (const host of this.#hosts.values()) {
      if (!host.isConnected && (oldest === undefined || host.heard < oldest.heard)) oldest = host;
    }
    return oldest !== undefined && this.#hosts.delete(oldest.id);
  }

  /** Forgets a host; false when it is connected or not known. */
  forget(id: string): boolean {
    return this.#hosts.get(id)?.isConnected === false && this.#hosts.delete(id);
  }

  /** The host's agent was taken: it begins to tell what it has kept. */
  connected(host: RegisteredHost, now: Micros): void {
    host.presence = 'joining';
    host.reason = undefined;
    host.heard = now;
    host.joins++;
    this.#options.onEvent({ kind: host.joins === 1 ? 'joined' : 'reconnected', host: host.id });
    this.regroup(host);
  }

  /** Its connection is over. */
  disconnected(host: RegisteredHost, presence: 'silent' | 'left', reason: string): void {
    if (!host.isConnected) return;
    host.presence = presence;
    host.reason = reason;
    this.#options.onEvent({ kind: presence, host: host.id, reason });
  }

  /** Takes from a row what concerns the host as such. */
  row(host: RegisteredHost, row: HostRow): void {
    if (host.take(row)) this.regroup(host);
  }

  /** Works out the host's groups anew and tells what has changed. */
  regroup(host: RegisteredHost): void {
    const before = host.groups;
    const after = groupsOf(host.configuredGroups, host.addresses, this.#options.subnets);
    host.groups = after;
    for (const group of after) {
      if (!before.includes(group)) this.#options.onEvent({ kind: 'group_joined', host: host.id, group });
    }
    for (const group of before) {
      if (!after.includes(group)) this.#options.onEvent({ kind: 'group_left', host: host.id, group });
    }
  }
}
