import type { Micros } from '../core/time.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import type { ConnectionView } from './connection-view.js';
import type { HostClock, HostClocks } from './host-clocks.js';
import type { Role } from './match.js';

/** That another host may have the address of an end. */
export interface Doubt {
  /** The host that may have it, and the moment of its clock from which on it has told; undefined: nobody is waited for. */
  readonly until: { readonly host: HostState; readonly sockets: Micros } | undefined;
}

const lasting: Doubt = { until: undefined };

/**
 * Where the packets of an end are seen: on the host that they were captured on, where it is known, or behind the last one that translated them.
 * Addresses of containers come up again on many hosts, so that the place says whose is meant.
 */
export class PacketSite {
  /** The site's host, if it may have had the address: then it is meant, whoever else has the same. */
  readonly owner: HostState | undefined;
  readonly #host: HostState | undefined;
  readonly #view: ConnectionView;
  readonly #local: string;
  readonly #clocks: HostClocks;
  /** Packets behind a translation are not those of the capture. */
  readonly #isCapture: boolean;

  constructor(states: Pick<HostStates, 'get'>, clocks: HostClocks, view: ConnectionView, role: Role) {
    const { local, stitch } = view[role];
    const { captureHost } = view;
    this.#view = view;
    this.#local = local.text;
    this.#clocks = clocks;
    this.#isCapture = stitch === undefined;
    if (stitch !== undefined) this.#host = stitch.gateway;
    else if (captureHost !== undefined) this.#host = states.get(captureHost);
    const host = this.#host;
    if (host !== undefined && local.hosts?.includes(host) === true && this.#had(host) !== 'no') this.owner = host;
  }

  /**
   * Whether the end may yet be another host's than this one, which has the address in a container alone: on a capture that was taken on
   * another host, until that host has told the addresses of all its containers.
   */
  doubtOf(host: HostState): Doubt | undefined {
    const { captureHost } = this.#view;
    if (!this.#isCapture || captureHost === undefined || captureHost === host.id) return undefined;
    if (this.#had(host, host.ownNamespace) !== 'no') return undefined;
    const site = this.#host;
    if (site === undefined || !site.addresses.tellsNamespaces) return lasting;
    const { from, to } = this.#timeOn(site);
    const { progress } = site;
    if (progress.isUnwatched(from, to) || progress.isLost(['interface_addresses'], -Infinity, to)) return lasting;
    return progress.socketsUntil >= to ? undefined : { until: { host: site, sockets: to } };
  }

  #had(host: HostState, namespace?: string): 'surely' | 'maybe' | 'no' {
    const { from, to } = this.#timeOn(host);
    return host.addresses.had(this.#local, from, to, namespace);
  }

  /** When the first packet may have come, on a host's clock. */
  #timeOn(host: HostState): { from: Micros; to: Micros } {
    const { capture, captureHost, first } = this.#view;
    const { offset, err }: HostClock = this.#clocks.at(host, capture, captureHost, first);
    return { from: first + offset - err, to: first + offset + err };
  }
}
