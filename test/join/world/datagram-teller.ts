import type { Micros } from '../../../src/core/time.js';
import type { Process } from './process-life.js';
import type { Random } from './random.js';
import type { Endpoint, Socket } from './sockets.js';
import type { Timeline } from './timeline.js';

const ms = 1_000;

/** A datagram that is taken out of a socket: by whom, and when it came. */
interface Taking {
  readonly socket: Socket;
  readonly taker: Process;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly arrived: Micros;
}

/**
 * What a sensor tells of datagrams: the first from and to a peer, again after a pause, and when another process sends. Of a socket in
 * several hands it may not know who took a peer's first one: it then tells the next two processes that read from it, each with since when
 * the datagram was there (`since`); one of them took it.
 */
export class DatagramTeller {
  readonly #random: Random;
  readonly #timeline: Timeline;
  /** After this long a peer counts as new again. */
  readonly #pause: Micros;
  /** By socket and peer, who spoke last and when. */
  readonly #spokenTo = new Map<string, { readonly process: Process; readonly at: Micros }>();
  /** By socket and peer, when the datagram came that was told last. */
  readonly #arrivals = new Map<string, Micros>();

  constructor(random: Random, timeline: Timeline, pause: Micros) {
    this.#random = random;
    this.#timeline = timeline;
    this.#pause = pause;
  }

  send(socket: Socket, process: Process, local: Endpoint, remote: Endpoint): void {
    if (!this.#isNews('send', socket, process, remote)) return;
    socket.host.facts.push({ kind: 'send', at: this.#timeline.now, process, socket, local, remote });
  }

  take(taking: Taking): void {
    const { socket, taker, local, remote, arrived } = taking;
    if (!this.#isNews('receive', socket, taker, remote)) return;
    this.#arrivals.set(keyOf('receive', socket, remote), arrived);
    const others = socket.holds.filter(({ process, to }) => process !== taker && to === undefined);
    const other = others.length > 0 && this.#random.chance(0.6) ? this.#random.pick(others) : undefined;
    if (other === undefined) {
      socket.host.facts.push({ kind: 'receive', at: this.#timeline.now, process: taker, socket, local, remote });
    } else if (this.#random.chance(0.4) && other.from < this.#timeline.now) {
      // It took what another peer had sent.
      this.#doubt(taking, other.process, Math.max(other.from, this.#random.int(arrived, this.#timeline.now)));
      this.#doubt(taking, taker, this.#timeline.now);
    } else {
      this.#doubt(taking, taker, this.#timeline.now);
      this.#timeline.after(this.#random.int(1, 400 * ms), () => this.#readNext(taking, other.process));
    }
  }

  /** Reads what came later, if nobody has before and the peer has not become new again. */
  #readNext(taking: Taking, process: Process): void {
    const { socket, remote, arrived } = taking;
    const isHeld = socket.holds.some((hold) => hold.process === process && hold.to === undefined);
    if (isHeld && this.#arrivals.get(keyOf('receive', socket, remote)) === arrived) {
      this.#doubt(taking, process, this.#timeline.now);
    }
  }

  #doubt({ socket, local, remote, arrived: since }: Taking, process: Process, at: Micros): void {
    socket.host.facts.push({ kind: 'receive', at, process, socket, local, remote, since: Math.min(since, at - 1) });
  }

  #isNews(kind: 'send' | 'receive', socket: Socket, process: Process, remote: Endpoint): boolean {
    const at = this.#timeline.now;
    const key = keyOf(kind, socket, remote);
    const last = this.#spokenTo.get(key);
    this.#spokenTo.set(key, { process, at });
    if (last === undefined || (kind === 'send' && last.process !== process)) return true;
    return at - last.at >= this.#pause;
  }
}

function keyOf(kind: 'send' | 'receive', { host, id, opened }: Socket, { address, port }: Endpoint): string {
  return `${kind} ${host.bootAt(opened)} ${id} ${address} ${port}`;
}
