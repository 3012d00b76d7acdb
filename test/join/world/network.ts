import type { Micros } from '../../../src/core/time.js';
import type { Wire } from './netns.js';
import type { Process } from './process-life.js';
import type { Endpoint, Socket, Transport } from './sockets.js';
import { sameEndpoint } from './sockets.js';

/**
 * Who truly owns an end. `process` called connect, accept or, for datagrams, sent or bound, at `at`. `socket` is the socket
 * itself: a poll that saw another of its holders is no lie.
 */
export interface TrueOwner {
  readonly process: Process;
  readonly at: Micros;
  readonly socket: Socket;
  /** The listener that it was accepted from. */
  readonly listener?: Socket;
  /** When it took the first datagram, which may have waited for it. */
  readonly taken?: Micros;
  /** Who took one first, where it was the socket of this owner that the first came to, and nobody read that. */
  instead?: TrueOwner;
}

/** A connection as it is captured behind a host that translates it. */
export interface View {
  readonly capture: Wire;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
}

/** One connection as the packets tell it, in true time, with who truly owned its ends. */
export interface Flow {
  readonly uid: string;
  readonly capture: string;
  readonly captureHost: string | undefined;
  readonly proto: Transport;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  readonly start: Micros;
  last: Micros;
  packets: number;
  answered: boolean;
  refused: boolean;
  origOwner?: TrueOwner;
  respOwner?: TrueOwner;
  /** The handshake is done and nobody has called accept yet. */
  waiting: boolean;
  readonly sockets: Socket[];
  /** The endpoints of the socket that takes it, where a host translates it to them. */
  taken?: { readonly local: Endpoint; readonly remote: Endpoint };
  views: readonly View[];
  /** Absent: as long as it lasts. */
  translatedUntil?: Micros;
  /** The packet side took the responder for the originator, as after a missed SYN. */
  flipped: boolean;
}

/** What the names of captures begin with that nobody takes. */
export const uncaptured = 'dark';

/** The wire: turns segments and datagrams into flows as a capture keyed by tuple would. */
export class Network {
  readonly flows: Flow[] = [];
  readonly #udpTimeout: Micros;

  constructor(udpTimeout: Micros) {
    this.#udpTimeout = udpTimeout;
  }

  /** Every flow, and those that were captured behind hosts that translate them as flows of their own. */
  get captured(): Flow[] {
    return this.flows.flatMap((flow) => [
      flow,
      ...flow.views.map(({ capture, orig, resp }, i): Flow => {
        const name = { uid: `${flow.uid}v${i}`, capture: capture.name, captureHost: capture.host };
        const last = Math.min(flow.last, flow.translatedUntil ?? flow.last);
        return { ...flow, ...name, orig, resp, last };
      }),
    ]);
  }

  get udpTimeout(): Micros {
    return this.#udpTimeout;
  }

  begin(
    proto: Flow['proto'],
    capture: { readonly name: string; readonly host: string | undefined },
    orig: Endpoint,
    resp: Endpoint,
    at: Micros,
  ): Flow {
    const flow: Flow = {
      uid: `C${String(this.flows.length).padStart(4, '0')}`,
      capture: capture.name,
      captureHost: capture.host,
      proto,
      orig,
      resp,
      start: at,
      last: at,
      packets: 1,
      answered: false,
      refused: false,
      waiting: false,
      sockets: [],
      flipped: false,
      views: [],
    };
    this.flows.push(flow);
    return flow;
  }

  packet(flow: Flow, at: Micros): void {
    flow.last = Math.max(flow.last, at);
    flow.packets++;
  }

  /** Whether either machine still knows a TCP connection of the tuple that came over one of the wires, so that a new one cannot begin. */
  isBusy(captures: readonly string[], orig: Endpoint, resp: Endpoint): boolean {
    return this.flows.some(
      (flow) =>
        flow.proto === 'tcp' &&
        captures.includes(flow.capture) &&
        sameEndpoint(flow.orig, orig) &&
        sameEndpoint(flow.resp, resp) &&
        (flow.waiting || flow.sockets.some((socket) => socket.closed === undefined)),
    );
  }

  /** The flow that a datagram or a packet without ports belongs to, in either direction; undefined when it starts one. */
  datagramFlow(capture: string, from: Endpoint, to: Endpoint, at: Micros, proto: Transport = 'udp'): Flow | undefined {
    return this.flows.find(
      (flow) =>
        flow.proto === proto &&
        flow.capture === capture &&
        at < flow.last + this.#udpTimeout &&
        ((sameEndpoint(flow.orig, from) && sameEndpoint(flow.resp, to)) ||
          (sameEndpoint(flow.orig, to) && sameEndpoint(flow.resp, from))),
    );
  }
}
