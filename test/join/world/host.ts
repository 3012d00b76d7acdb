import type { Micros } from '../../../src/core/time.js';
import { Nat } from './nat.js';
import { Netns, network, type Wire } from './netns.js';
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
      /** A receive that this process or another one made between then and `at`. */
      readonly since?: Micros;
    };

/** A time in which nobody watches a host, as its agent is started anew. */
export interface Gap {
  readonly from: Micros;
  readonly to: Micros;
  /** The agent was stopped, and told all until then. Else it was killed, and told what its last polls and watermarks had. */
  readonly isStopped: boolean;
}

export interface HostShape {
  readonly id: string;
  readonly addresses: readonly string[];
  readonly containers: readonly { readonly addresses: readonly string[]; readonly wire: Wire }[];
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
  /** It translates for containers behind its bridges. */
  readonly translates: boolean;
  readonly bornAt: Micros;
}

/** A machine: its addresses, clock, processes and sockets, and the facts of its life. */
export class Host {
  readonly id: string;
  /** Since when it is up, each time. */
  readonly #boots: { readonly id: string; readonly from: Micros }[];
  /** In order of time. */
  readonly gaps: Gap[] = [];
  /** Between a crash and the boot after it nothing goes on there. */
  isUp = true;
  /** Its own network namespace first, then those of containers. */
  readonly namespaces: Netns[];
  readonly processes: ProcessTable;
  readonly sockets: SocketTable;
  readonly facts: Fact[] = [];
  /** Absent: it does not translate. */
  readonly nat?: Nat;
  readonly #shape: HostShape;

  constructor(shape: HostShape) {
    this.#shape = shape;
    this.id = shape.id;
    this.#boots = [{ id: `boot-${shape.id}`, from: shape.bornAt }];
    this.namespaces = [new Netns(this, '4026531840', shape.addresses, shape.bornAt, network)];
    for (const [i, { addresses, wire }] of shape.containers.entries()) {
      this.namespaces.push(new Netns(this, String(4_026_532_100 + i), addresses, shape.bornAt, wire));
    }
    this.processes = new ProcessTable(this, shape.pidSpace, shape.hasFreshForks);
    this.sockets = new SocketTable(this, shape.portSpace);
    if (shape.translates) this.nat = new Nat(this);
  }

  /** Host clock at a true time; never runs backwards. */
  clock(at: Micros): Micros {
    return at + this.offset(at);
  }

  offset(at: Micros): Micros {
    return this.#shape.clockOffset + Math.floor(((at - this.#shape.bornAt) / 1_000_000) * this.#shape.clockDrift);
  }

  /** How often it has been started. */
  get starts(): number {
    return this.#boots.length;
  }

  bootAt(at: Micros): string {
    return this.#boots.findLast(({ from }) => from <= at)!.id;
  }

  /** All processes and sockets end at once. None of that is a fact that anybody could tell. */
  crash(at: Micros): void {
    this.isUp = false;
    this.processes.crash(at);
    this.sockets.crash(at);
    this.nat?.crash(at);
  }

  /** Numbers of processes and sockets begin anew. */
  boot(at: Micros): void {
    this.isUp = true;
    this.#boots.push({ id: `boot${this.starts}-${this.id}`, from: at });
    this.processes.boot();
    this.sockets.boot();
  }

  /** The host's own namespace. */
  get own(): Netns {
    return this.namespaces[0]!;
  }

  /** Captures of packets of this host that have a name of their own. */
  get captures(): string[] {
    const bridges = this.namespaces.filter(({ wire }) => wire.host !== undefined).map(({ wire }) => wire.name);
    return [...new Set([`lo@${this.id}`, ...bridges])];
  }
}
