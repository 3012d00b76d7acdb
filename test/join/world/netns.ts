import type { Micros } from '../../../src/core/time.js';
import type { Host } from './host.js';

export interface AddressSpan {
  readonly address: string;
  readonly from: Micros;
  to?: Micros;
}

/** Where packets of a namespace are captured that leave it. */
export interface Wire {
  readonly name: string;
  /** The host on which the capture is taken, as for a bridge of its own. */
  readonly host: string | undefined;
}

/** A network namespace of a host: the host's own, or that of a container. Its loopback is its own. */
export class Netns {
  readonly addresses: AddressSpan[];
  /** Other names that rows have for it after reboots. */
  readonly #renamed: { readonly id: string; readonly from: Micros }[] = [];

  constructor(
    readonly host: Host,
    /** As rows name it at first. */
    readonly id: string,
    addresses: readonly string[],
    bornAt: Micros,
    /** What its addresses but loopback are reached over. Namespaces with the same one reach each other. */
    readonly wire: Wire,
  ) {
    this.addresses = addresses.map((address) => ({ address, from: bornAt }));
  }

  /** The container that its processes are in; undefined: they are in none. */
  get isContainer(): boolean {
    return this.host.namespaces[0] !== this;
  }

  rename(id: string, from: Micros): void {
    this.#renamed.push({ id, from });
  }

  /** As rows name it. */
  idAt(at: Micros): string {
    return this.#renamed.findLast(({ from }) => from <= at)?.id ?? this.id;
  }

  has(address: string, at: Micros): boolean {
    return this.addresses.some((a) => a.address === address && a.from <= at && (a.to === undefined || at < a.to));
  }

  addressesAt(at: Micros): string[] {
    return this.addresses.filter((a) => a.from <= at && (a.to === undefined || at < a.to)).map((a) => a.address);
  }
}

/** The wire that every host is on. */
export const network: Wire = { name: 'eth0', host: undefined };
