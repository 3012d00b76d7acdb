import { isLoopback } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Host } from './host.js';
import { type Netns, network } from './netns.js';
import type { Flow, View } from './network.js';
import { type Endpoint, sameEndpoint } from './sockets.js';

/** A connection that a host translates, as its connection tracking has it: what comes in, and what goes back. */
export interface Tracking {
  readonly original: { readonly source: Endpoint; readonly destination: Endpoint };
  readonly reply: { readonly source: Endpoint; readonly destination: Endpoint };
  /** The connection, once it is on its way, and how long it is remembered when it is over. */
  flow?: Flow;
  linger: Micros;
  /** When another took its place. */
  replaced?: Micros;
}

/** When a host forgets a connection; Infinity: it has not ended. */
export function forgottenAt({ flow, linger, replaced }: Tracking): Micros {
  if (replaced !== undefined) return replaced;
  if (flow === undefined || flow.waiting || flow.sockets.some(({ closed }) => closed === undefined)) return Infinity;
  return flow.last + linger;
}

/** Where a connection comes by, and who takes it. */
export interface Route {
  /** As it is on the network: the first of its views. */
  readonly outer: { readonly orig: Endpoint; readonly resp: Endpoint };
  /** As it is behind the hosts that translate it. */
  readonly views: readonly View[];
  readonly trackings: readonly { readonly nat: Nat; readonly tracking: Tracking }[];
  /** Where it arrives, and from whom as it is seen there; undefined: nowhere in the world. */
  readonly taker?: { readonly netns: Netns; readonly local: Endpoint; readonly remote: Endpoint };
}

/** Ports of a host that are those of a container behind one of its bridges. */
export const publishedPorts: readonly number[] = [8080, 8443];
const innerPorts: readonly number[] = [80, 443];

/** What a host translates: containers behind its bridges leave with its own address, and a published port of it is a container's. */
export class Nat {
  readonly trackings: Tracking[] = [];
  /** The container that published ports are those of. */
  readonly #server: Netns | undefined;

  constructor(readonly host: Host) {
    this.#server = host.namespaces.find(({ wire }) => wire !== network);
  }

  /** Whether the tuple is on the network in the host's name, or may still be. */
  isBusy(source: Endpoint, destination: Endpoint, at: Micros): boolean {
    return this.trackings.some(
      (tracking) =>
        forgottenAt(tracking) > at &&
        sameEndpoint(tracking.reply.destination, source) &&
        sameEndpoint(tracking.reply.source, destination),
    );
  }

  /** The way of a connection from a container behind a bridge to the network; undefined: there is none, or no port is free for it. */
  masquerade(
    netns: Netns,
    local: Endpoint,
    to: Endpoint,
    at: Micros,
    isFree: (source: Endpoint) => boolean,
  ): Route | undefined {
    const own = this.host.own.addressesAt(at).filter((a) => !isLoopback(a) && !a.includes(':'));
    const [address] = own;
    if (address === undefined || own.includes(to.address)) return undefined;
    for (let i = 0; i < 12; i++) {
      const source = { address, port: i === 0 ? local.port : 40_000 + ((local.port + i) % 12) };
      if (!isFree(source) || this.isBusy(source, to, at)) continue;
      const tracking: Tracking = {
        original: { source: local, destination: to },
        reply: { source: to, destination: source },
        linger: 0,
      };
      const view = { capture: netns.wire, orig: local, resp: to };
      return { outer: { orig: source, resp: to }, views: [view], trackings: [{ nat: this, tracking }] };
    }
    return undefined;
  }

  /** What becomes of a connection to a published port; undefined: it is none. */
  publish({ outer, views, trackings }: Route, at: Micros): Route | undefined {
    const port = innerPorts[publishedPorts.indexOf(outer.resp.port)];
    const address = this.#server?.addressesAt(at).find((a) => !isLoopback(a));
    if (port === undefined || address === undefined || outer.resp.address.includes(':')) return undefined;
    const local = { address, port };
    const remote = this.#peerOf(local, outer, at);
    const tracking: Tracking = {
      original: { source: outer.orig, destination: outer.resp },
      reply: { source: local, destination: remote },
      linger: 0,
    };
    const view = { capture: this.#server!.wire, orig: remote, resp: local };
    return {
      outer,
      views: [...views, view],
      trackings: [...trackings, { nat: this, tracking }],
      taker: { netns: this.#server!, local, remote },
    };
  }

  /** Who a container sees: the peer, from another port where that would be the same as a connection to another address of the host (as Linux does). */
  #peerOf(local: Endpoint, { orig, resp }: Route['outer'], at: Micros): Endpoint {
    for (let i = 0; ; i++) {
      const peer = i === 0 ? orig : { address: orig.address, port: 1_024 + i };
      const isHeld = this.trackings.some(
        (other) =>
          forgottenAt(other) > at &&
          sameEndpoint(other.reply.source, local) &&
          sameEndpoint(other.reply.destination, peer) &&
          !(sameEndpoint(other.original.source, orig) && sameEndpoint(other.original.destination, resp)),
      );
      if (!isHeld) return peer;
    }
  }

  /** Nothing of what was translated is remembered. */
  crash(at: Micros): void {
    for (const tracking of this.trackings) {
      if (forgottenAt(tracking) <= at) continue;
      tracking.replaced = at;
      if (tracking.flow !== undefined) tracking.flow.translatedUntil ??= at;
    }
  }

  /** From here on packets of the flow are translated so. An entry of the same connection that lingers makes room. */
  begin(tracking: Tracking, flow: Flow, linger: Micros): void {
    for (const other of this.trackings) {
      const isSame =
        sameEndpoint(other.original.source, tracking.original.source) &&
        sameEndpoint(other.original.destination, tracking.original.destination);
      if (isSame && forgottenAt(other) > flow.start) other.replaced = flow.start;
    }
    this.trackings.push(Object.assign(tracking, { flow, linger }));
  }
}
