import { isUnspecified } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Host } from './host.js';
import type { Netns } from './netns.js';
import type { Process } from './process-life.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `raw` is IP protocol 253, which is for experiments. Neither it nor ICMP has ports: ends are 0, or the type of the message. */
export type Transport = 'tcp' | 'udp' | 'icmp' | 'raw';

/** The IP protocol number. */
export function protocolOf(proto: Transport, v6: boolean): number {
  return proto === 'icmp' && v6 ? 58 : { tcp: 6, udp: 17, icmp: 1, raw: 253 }[proto];
}

export function isPortless(proto: Transport): boolean {
  return proto === 'icmp' || proto === 'raw';
}

/** That a process has the socket among its files. */
export interface Hold {
  readonly process: Process;
  readonly fd: number;
  readonly from: Micros;
  to?: Micros;
}

/** A socket as it truly was: who made it, who held it, from when to when. */
export interface Socket {
  readonly host: Host;
  /** It stays in the namespace that it was made in. */
  readonly netns: Netns;
  readonly id: number;
  readonly proto: Transport;
  /** Made as an IPv6 socket; IPv4 peers show as mapped addresses in its rows. */
  readonly v6: boolean;
  /** The process that called connect, accept or bind. */
  readonly maker: Process;
  readonly opened: Micros;
  local: Endpoint;
  remote?: Endpoint;
  listening: boolean;
  readonly holds: Hold[];
  closed?: Micros;
  /** It ended with its machine. */
  crashed?: true;
  /** It called bind before connect, so that its port is no other's. */
  isBound?: true;
  /** It called connect over TCP. */
  connects?: true;
  /** When its connect was answered; absent: not yet, or it does not connect. */
  answered?: Micros;
}

export function isOpen(socket: Socket, at: Micros): boolean {
  return socket.opened <= at && (socket.closed === undefined || at < socket.closed);
}

export interface SocketPlan {
  readonly proto: Transport;
  readonly v6: boolean;
  readonly local: Endpoint;
  readonly remote?: Endpoint;
  readonly listening?: boolean;
  /** By default that of its maker. */
  readonly netns?: Netns;
}

/** Sockets of a host. Ephemeral ports come from a range so small that a tuple is used again within milliseconds. */
export class SocketTable {
  readonly all: Socket[] = [];
  readonly #host: Host;
  readonly #portSpace: number;
  #nextPort = 0;
  #nextId = 1;
  reused = 0;
  onClose: (socket: Socket) => void = () => {};

  constructor(host: Host, portSpace: number) {
    this.#host = host;
    this.#portSpace = portSpace;
  }

  /**
   * A port for datagrams that the process asks for by its number, which passes from one to the next as it comes, or one that the system
   * chooses, which no other process had since `rested`.
   */
  datagramPort(process: Process, address: string, rested: Micros): number | undefined {
    const { netns } = process;
    if (this.all.length % 2 === 0) return this.freePort(netns, 'udp', address, undefined, 20_000);
    const resting = this.all.filter(
      ({ netns: other, proto, maker, holds, closed = Infinity }) =>
        other === netns && proto === 'udp' && (maker !== process || holds.length > 1) && closed >= rested,
    );
    for (let tried = 0; tried < this.#portSpace; tried++) {
      const port = this.freePort(netns, 'udp', address, undefined, 45_000, 4 * this.#portSpace);
      if (!resting.some(({ local }) => local.port === port)) return port;
    }
    return undefined;
  }

  /** A port free for the tuple, or undefined. */
  freePort(
    netns: Netns,
    proto: 'tcp' | 'udp',
    address: string,
    remote?: Endpoint,
    from = 40_000,
    space = this.#portSpace,
  ): number | undefined {
    for (let tried = 0; tried < space; tried++) {
      const port = from + (this.#nextPort++ % space);
      const clash = this.all.some(
        (socket) =>
          socket.proto === proto &&
          socket.netns === netns &&
          socket.closed === undefined &&
          socket.local.port === port &&
          (socket.remote === undefined ||
            socket.isBound === true ||
            remote === undefined ||
            (socket.local.address === address &&
              socket.remote.address === remote.address &&
              socket.remote.port === remote.port)),
      );
      if (!clash) return port;
    }
    return undefined;
  }

  /** Whether a socket of the port is in the way of one that speaks to the remote end. */
  isTaken(netns: Netns, proto: 'tcp' | 'udp', port: number, remote: Endpoint): boolean {
    return this.all.some(
      (socket) =>
        socket.proto === proto &&
        socket.netns === netns &&
        socket.closed === undefined &&
        socket.local.port === port &&
        (socket.remote === undefined || socket.isBound === true || sameEndpoint(socket.remote, remote)),
    );
  }

  /** Whether no other socket has its port, so that it can be bound to it. */
  canBind({ netns, proto, local }: Socket): boolean {
    const holders = this.all.filter(
      (other) => other.netns === netns && other.proto === proto && other.local.port === local.port,
    );
    return holders.filter(({ closed }) => closed === undefined).length === 1;
  }

  open(maker: Process, plan: SocketPlan, at: Micros): Socket {
    const socket: Socket = {
      host: this.#host,
      netns: plan.netns ?? maker.netns,
      id: this.#nextId++,
      proto: plan.proto,
      v6: plan.v6,
      maker,
      opened: at,
      local: plan.local,
      listening: plan.listening ?? false,
      holds: [{ process: maker, fd: this.#freeFd(maker), from: at }],
    };
    if (plan.remote !== undefined) socket.remote = plan.remote;
    if (plan.remote !== undefined && this.all.some((other) => sameTuple(other, socket))) this.reused++;
    this.all.push(socket);
    return socket;
  }

  #freeFd(process: Process): number {
    const taken = new Set(this.heldBy(process).map((hold) => hold.fd));
    let fd = 3;
    while (taken.has(fd)) fd++;
    return fd;
  }

  heldBy(process: Process): Hold[] {
    return this.all.flatMap((socket) =>
      socket.closed !== undefined
        ? []
        : socket.holds.filter((hold) => hold.process === process && hold.to === undefined),
    );
  }

  /** By fork or over a UNIX socket. */
  share(socket: Socket, process: Process, at: Micros): void {
    if (socket.closed !== undefined || process.exit !== undefined) return;
    if (socket.holds.some((hold) => hold.process === process && hold.to === undefined)) return;
    socket.holds.push({ process, fd: this.#freeFd(process), from: at });
  }

  /** Takes the socket away from one process; the last one closes it. */
  drop(socket: Socket, process: Process, at: Micros): void {
    for (const hold of socket.holds) if (hold.process === process && hold.to === undefined) hold.to = at;
    if (socket.closed !== undefined || socket.holds.some((hold) => hold.to === undefined)) return;
    socket.closed = at;
    this.#host.facts.push({ kind: 'close', at, process, socket });
    this.onClose(socket);
  }

  close(socket: Socket, at: Micros): void {
    for (const hold of [...socket.holds]) if (hold.to === undefined) this.drop(socket, hold.process, at);
  }

  crash(at: Micros): void {
    for (const socket of this.all) {
      if (socket.closed !== undefined) continue;
      for (const hold of socket.holds) hold.to ??= at;
      socket.closed = at;
      socket.crashed = true;
    }
  }

  boot(): void {
    this.#nextPort = 0;
    this.#nextId = 1;
  }

  /**
   * The TCP listeners or unconnected UDP sockets that packets to an endpoint reach: an exact address goes before a wildcard, and for IPv4 a
   * wildcard of IPv4 before one of both families, as in Linux.
   */
  receivers(netns: Netns, proto: 'tcp' | 'udp', to: Endpoint): Socket[] {
    const open = this.all.filter(
      (socket) =>
        socket.closed === undefined &&
        socket.netns === netns &&
        socket.proto === proto &&
        socket.local.port === to.port &&
        (proto === 'tcp' ? socket.listening : socket.remote === undefined),
    );
    const exact = open.filter((socket) => socket.local.address === to.address);
    if (exact.length > 0) return exact;
    const wildcards = open.filter((socket) => isUnspecified(socket.local.address) && takes(socket, to.address));
    const own = wildcards.filter(({ v6 }) => v6 === to.address.includes(':'));
    return own.length > 0 ? own : wildcards;
  }
}

/** A dual-stack wildcard takes both families, an IPv4 wildcard only its own. */
export function takes(socket: Socket, address: string): boolean {
  return socket.v6 || !address.includes(':');
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}

function sameTuple(a: Socket, b: Socket): boolean {
  return (
    a !== b &&
    a.proto === b.proto &&
    a.remote !== undefined &&
    b.remote !== undefined &&
    sameEndpoint(a.local, b.local) &&
    sameEndpoint(a.remote, b.remote)
  );
}
