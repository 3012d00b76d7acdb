import type { KnownAddress } from '../hosts/state/address-table.js';
import type { HostState } from '../hosts/state/host-state.js';
import type { HostStates } from '../hosts/state/host-states.js';
import { CapturePlace, type Doubt } from './capture-place.js';
import { type ConnectionView, endViewOf } from './connection-view.js';
import type { Role } from './end-query.js';
import type { HostClocks } from './host-clocks.js';

/** Where the packets of an end are seen: on the host that they were captured on, where it is known, or behind the last one that translated them. */
export class PacketSite {
  /** The site's host, if it may have had the address: then it is meant, whoever else has the same. */
  readonly owner: HostState | undefined;
  readonly #place: CapturePlace;
  readonly #local: string;
  readonly #localPort: number;
  readonly #remote: KnownAddress;

  constructor(states: Pick<HostStates, 'get'>, clocks: HostClocks, view: ConnectionView, role: Role) {
    const { local, localPort, remote, stitch } = endViewOf(view, role);
    this.#local = local.text;
    this.#localPort = localPort;
    this.#remote = remote;
    this.#place = new CapturePlace(states, clocks, view, stitch?.gateway);
    const { host } = this.#place;
    if (host !== undefined && local.hosts?.includes(host) === true && this.#place.had(host, local.text) !== 'no')
      this.owner = host;
  }

  /** See CapturePlace. */
  hasPeer(host: HostState): boolean {
    return this.#place.hasPeer(host, this.#remote);
  }

  /** See CapturePlace. */
  isOwnPeer(host: HostState): boolean {
    return this.#place.isOwnPeer(host, this.#remote);
  }

  /** See CapturePlace. */
  get lost(): HostState | undefined {
    return this.#place.lostAt(this.#local, this.#localPort);
  }

  /** See CapturePlace. */
  doubtOf(host: HostState): Doubt | undefined {
    return this.#place.doubtOf(host, this.#local);
  }
}
