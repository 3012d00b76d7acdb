import { isPrivateAddress } from '../core/address.js';
import type { Micros } from '../core/time.js';
import type { KnownAddress } from '../hosts/state/address-table.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { PROMPT } from './call-times.js';
import type { ConnectionView } from './connection-view.js';
import type { HostClock, HostClocks } from './host-clocks.js';

/** That another host may have an address. */
export interface Doubt {
  /** Number of the host that may have it, and the moment of its clock from which on it has told; undefined: nobody is waited for. */
  readonly until: { readonly host: number; readonly sockets: Micros } | undefined;
}

const lasting: Doubt = { until: undefined };

/**
 * Where packets are seen: on the host that captured them, or behind one that translated them. Addresses of containers come up again on many
 * hosts, so that the place says whose is meant.
 */
export class CapturePlace {
  /** The host of the place; undefined: it is not known, or has told nothing. */
  readonly host: HostState | undefined;
  readonly #view: ConnectionView;
  readonly #clocks: HostClocks;
  /** Its id, where it is known, whether it has told anything or not. */
  readonly #site: string | undefined;

  /** `gateway`: the packets are those behind it, not those captured. */
  constructor(states: Pick<HostStates, 'get'>, clocks: HostClocks, view: ConnectionView, gateway?: HostState) {
    this.#view = view;
    this.#clocks = clocks;
    this.#site = gateway?.id ?? view.captureHost;
    this.host = gateway ?? (view.captureHost === undefined ? undefined : states.get(view.captureHost));
  }

  /** Whether the host, or one network namespace of it, had the address when the first packet came. */
  had(host: HostState, address: string, namespace?: string): 'surely' | 'maybe' | 'no' {
    const { from, to } = this.#timeOn(host);
    return host.addresses.had(address, from, to, namespace);
  }

  /** Whether the place is on another host, and this one has the address in a container alone. */
  isContainersElsewhere(host: HostState, address: string): boolean {
    if (!this.#isElsewhere(host)) return false;
    return this.had(host, address) !== 'no' && this.had(host, address, host.ownNamespace) === 'no';
  }

  /**
   * Whether the other end's address is known as one that the host may have had itself: what it calls or accepts there stays on it, and
   * does not come by a place on another host, where a container of that one may have the same address.
   */
  hasPeer(host: HostState, { text }: KnownAddress): boolean {
    if (!this.#isElsewhere(host)) return false;
    return host.addresses.isUntabled(text) || this.had(host, text) !== 'no';
  }

  /**
   * Whether the other end's address may be one of the host's own, perhaps in a container whose addresses it does not tell: what it calls
   * there does not come by a place on another host.
   */
  isOwnPeer(host: HostState, peer: KnownAddress): boolean {
    if (!this.#isElsewhere(host)) return false;
    const { addresses } = host;
    const { text, hosts = [] } = peer;
    if (this.hasPeer(host, peer)) return true;
    if (addresses.tellsNamespaces || !addresses.hasSeveralNamespaces || !isPrivateAddress(text)) return false;
    return hosts.every((other) => this.had(other, text, other.ownNamespace) === 'no');
  }

  /**
   * Whether an address may yet be another host's than this one, which has it in a container alone: where the place is on another
   * host, until that host has told the addresses of all its containers.
   */
  doubtOf(host: HostState, address: string): Doubt | undefined {
    if (!this.#isElsewhere(host)) return undefined;
    if (this.had(host, address, host.ownNamespace) !== 'no') return undefined;
    const site = this.host;
    if (site === undefined || !site.addresses.tellsNamespaces) return lasting;
    const { from, to } = this.#timeOn(site);
    const { progress } = site;
    if (progress.isUnwatched(from, to) || progress.isLost(['interface_addresses'], -Infinity, to)) return lasting;
    return progress.socketsUntil >= to ? undefined : { until: { host: site.number, sockets: to } };
  }

  /**
   * The host of the place where the end may be in a container whose addresses it does not tell, and rows that would tell of its socket had
   * to be let go.
   */
  lostAt(address: string, port: number): HostState | undefined {
    const { host } = this;
    if (host === undefined || !host.addresses.isUntabled(address)) return undefined;
    const { from, to } = this.#timeOn(host);
    const isGone = Math.max(host.goneUntil, host.goneStoodUntil) >= from - PROMPT;
    return isGone || host.mayMissBinds(this.#view.tuple.protocol, port, from, to) ? host : undefined;
  }

  #isElsewhere({ id }: HostState): boolean {
    return this.#site !== undefined && this.#site !== id;
  }

  /** When the first packet may have come, on a host's clock. */
  #timeOn(host: HostState): { from: Micros; to: Micros } {
    const { capture, captureHost, first } = this.#view;
    const { offset, err }: HostClock = this.#clocks.at(host, capture, captureHost, first);
    return { from: first + offset - err, to: first + offset + err };
  }
}
