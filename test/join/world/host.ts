import type { Micros } from '../../../src/core/time.js';
import type { Image, Process } from './process-life.js';
import { ProcessTable } from './process-life.js';
import type { Endpoint, Socket } from './sockets.js';
import { SocketTable } from './sockets.js';

/** What truly happened on a host, in true time, in order. Observers tell parts of it. */
export type Fact =
  | { readonly kind: 'fork' | 'exit'; readonly at: Micros; readonly process: Process }
  | { readonly kind: 'exec'; readonly at: Micros; readonly process: Process; readonly image: Image }
  | {
      readonly kind: 'bind' | 'listen' | 'accept' | 'close';
      readonly at: Micros;
      readonly process: Process;
      readonly socket: Socket;
    }
  | {
      readonly kind: 'connect';
      readonly at: Micros;
      readonly process: Process;
      readonly socket: Socket;
      readonly result: 'succeeded' | 'failed' | 'in_progress';
    }
  /** First datagram of an unconnected socket to a peer, or the first from one that a process took out of its socket. */
  | {
      readonly kind: 'send' | 'receive';
      readonly at: Micros;
      readonly process: Process;
      readonly socket: Socket;
      readonly local: Endpoint;
      readonly remote: Endpoint;
    };

export interface AddressSpan {
  readonly address: string;
  readonly from: Micros;
  to?: Micros;
}

export interface HostShape {
  readonly id: string;
  readonly addresses: readonly string[];
  /** Host clock minus true time at the world's start, and its growth per second. */
  readonly clockOffset: Micros;
  readonly clockDrift: number;
  readonly pidSpace: number;
  readonly portSpace: number;
  /**
   * A process that is forked and runs no program of its own has a pid that was not used before. Sources that tell of programs alone rest
   * on it, and on a true host a pid comes back after 32,768 others at the earliest.
   */
  readonly hasFreshForks: boolean;
  readonly bornAt: Micros;
}

/** A machine: its addresses, clock, processes and sockets, and the facts of its life. */
export class Host {
  readonly id: string;
  readonly boot: string;
  readonly addresses: AddressSpan[];
  readonly processes: ProcessTable;
  readonly sockets: SocketTable;
  readonly facts: Fact[] = [];
  readonly #shape: HostShape;

  constructor(shape: HostShape) {
    this.#shape = shape;
    this.id = shape.id;
    this.boot = `boot-${shape.id}`;
    this.addresses = shape.addresses.map((address) => ({ address, from: shape.bornAt }));
    this.processes = new ProcessTable(this, shape.pidSpace, shape.hasFreshForks);
    this.sockets = new SocketTable(this, shape.portSpace);
  }

  /** Host clock at a true time; never runs backwards. */
  clock(at: Micros): Micros {
    return at + this.offset(at);
  }

  offset(at: Micros): Micros {
    return this.#shape.clockOffset + Math.floor(((at - this.#shape.bornAt) / 1_000_000) * this.#shape.clockDrift);
  }

  has(address: string, at: Micros): boolean {
    return this.addresses.some((a) => a.address === address && a.from <= at && (a.to === undefined || at < a.to));
  }

  addressesAt(at: Micros): string[] {
    return this.addresses.filter((a) => a.from <= at && (a.to === undefined || at < a.to)).map((a) => a.address);
  }
}
