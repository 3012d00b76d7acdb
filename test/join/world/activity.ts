import type { Micros } from '../../../src/core/time.js';
import { DatagramTeller } from './datagram-teller.js';
import type { Host } from './host.js';
import type { Route } from './nat.js';
import { type Netns, network } from './netns.js';
import type { Flow, Network } from './network.js';
import type { Process } from './process-life.js';
import type { Random } from './random.js';
import { Routing } from './routing.js';
import { type Endpoint, type Socket, sameEndpoint } from './sockets.js';
import type { Timeline } from './timeline.js';

const ms = 1_000;

/** What processes do: listen, connect, accept, send, fork, exec, pass on, exit. Each call is one small story on the timeline. */
export class Activity {
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #routing: Routing;
  readonly #tcpFlows = new Map<Socket, Flow>();
  readonly #peers = new Map<Socket, Socket>();
  /** What servers are too busy to take, by the sockets that wait for them. */
  readonly #neglected = new Set<Socket>();
  readonly #datagrams: DatagramTeller;

  constructor(random: Random, timeline: Timeline, network: Network, hosts: readonly Host[]) {
    this.#random = random;
    this.#timeline = timeline;
    this.#network = network;
    this.#routing = new Routing(random, timeline, network, hosts);
    this.#datagrams = new DatagramTeller(random, timeline, network.udpTimeout / 2);
    for (const host of hosts) host.sockets.onClose = (socket) => this.#closed(socket);
  }

  /** A new process with an image of its own. */
  spawn(netns: Netns): Process | undefined {
    const { host } = netns;
    if (!host.isUp) return undefined;
    const random = this.#random;
    const alive = host.processes.alive;
    const parent = alive.length > 0 ? random.pick(alive) : undefined;
    const execs = random.chance(0.9);
    const process = host.processes.fork(parent, random.pick([0, 33, 1000, 1001]), this.#timeline.now, execs, netns);
    if (process === undefined) return undefined;
    if (parent !== undefined && random.chance(0.2)) this.#inherit(parent, process);
    if (execs) this.#timeline.after(random.int(1, 40), () => this.exec(process));
    return process;
  }

  exec(process: Process): void {
    if (process.exit === undefined) process.host.processes.exec(process, this.#timeline.now, this.#random.int(0, 7));
  }

  exit(process: Process): void {
    if (process.exit !== undefined) return;
    const { sockets, processes } = process.host;
    for (const socket of sockets.all)
      if (socket.closed === undefined) sockets.drop(socket, process, this.#timeline.now);
    processes.exit(process, this.#timeline.now);
  }

  /** Binds a TCP listener or an unconnected UDP socket. Undefined when the port is taken and not shared. */
  serve(process: Process, proto: 'tcp' | 'udp', local: Endpoint, v6: boolean): Socket {
    const at = this.#timeline.now;
    const socket = process.host.sockets.open(process, { proto, v6, local, listening: proto === 'tcp' }, at);
    process.host.facts.push({ kind: 'bind', at, process, socket });
    if (proto === 'tcp') process.host.facts.push({ kind: 'listen', at, process, socket });
    return socket;
  }

  /** The machine goes down without a word. Who spoke to it closes some time later. */
  crash(host: Host): void {
    const open = host.sockets.all.filter(({ closed }) => closed === undefined);
    host.crash(this.#timeline.now);
    for (const socket of open) {
      const peer = this.#peers.get(socket);
      if (peer !== undefined)
        this.#timeline.after(this.#random.int(20 * ms, 2_500 * ms), () => this.#closeSocket(peer));
    }
  }

  /** Workers that hold the listener too; the master may go away. */
  forkWorkers(socket: Socket, count: number): void {
    const { maker } = socket;
    if (socket.crashed) return;
    for (let i = 0; i < count; i++) {
      const worker = maker.host.processes.fork(maker, maker.uid, this.#timeline.now);
      if (worker !== undefined) maker.host.sockets.share(socket, worker, this.#timeline.now);
    }
  }

  /**
   * `wished`: the local port, if it is free; `isNeglected`: nobody accepts it, though it waits to be; `heldUp`: how much later than usual its
   * first packet leaves, as when a neighbour's link address is not known.
   */
  connect(process: Process, to: Endpoint, wished?: number, isNeglected = false, heldUp: Micros = 0): void {
    const random = this.#random;
    const { host, netns } = process;
    const source = this.#routing.sourceAddress(netns, to.address) ?? this.#routing.bridgedSource(netns, to.address);
    if (process.exit !== undefined || source === undefined) return;
    const isFree = wished !== undefined && !host.sockets.isTaken(netns, 'tcp', wished, to);
    const port = isFree ? wished : host.sockets.freePort(netns, 'tcp', source, to);
    if (port === undefined) return;
    const local = { address: source, port };
    if (this.#network.isBusy([this.#routing.captureOf(netns, to).name], local, to)) return;
    const at = this.#timeline.now;
    const socket = host.sockets.open(
      process,
      { proto: 'tcp', v6: to.address.includes(':') || random.chance(0.15), local, remote: to },
      at,
    );
    socket.connects = true;
    if (isNeglected) this.#neglected.add(socket);
    if (random.chance(0.15) && host.sockets.canBind(socket)) {
      socket.isBound = true;
      host.facts.push({ kind: 'bind', at, process, socket });
    }
    const blocking = random.chance(0.5);
    const synAt = at + random.int(5, 60) + heldUp;
    this.#timeline.at(synAt, () => {
      const route = this.#routing.routeOf(netns, local, to);
      const listener = route === undefined ? 'dark' : this.#routing.listenerOf(to, netns, route.taker);
      const dead = listener === 'dark' || listener === 'refuse';
      const result = blocking ? (dead ? 'failed' : 'succeeded') : 'in_progress';
      // The call is known at its start; what came of it is told with it, as audit does at the call's return.
      host.facts.push({ kind: 'connect', at, process, socket, result });
      if (socket.closed !== undefined) return;
      if (route === undefined) {
        this.#timeline.after(random.int(20, 900) * ms, () => this.#closeSocket(socket));
        return;
      }
      const capture = route.outer.orig === local ? this.#routing.captureOf(netns, to) : network;
      const flow = this.#network.begin('tcp', capture, route.outer.orig, to, this.#timeline.now);
      this.#follow(flow, route);
      flow.origOwner = { process, at, socket };
      flow.sockets.push(socket);
      this.#tcpFlows.set(socket, flow);
      this.#afterSyn(flow, socket, listener);
    });
  }

  #afterSyn(flow: Flow, socket: Socket, listener: Socket | 'dark' | 'refuse' | 'stranger'): void {
    const random = this.#random;
    const timeline = this.#timeline;
    if (listener === 'dark') {
      flow.packets += 2;
      timeline.after(random.int(20, 900) * ms, () => this.#closeSocket(socket));
      return;
    }
    if (listener === 'refuse') {
      flow.refused = true;
      this.#network.packet(flow, timeline.now + random.int(20, 200));
      timeline.after(random.int(300, 2000), () => this.#closeSocket(socket));
      return;
    }
    const isSlow = random.chance(0.1);
    timeline.after(isSlow ? random.int(20, 900) * ms : random.int(30, 300), () => {
      if (socket.closed !== undefined) return;
      if (listener !== 'stranger' && !listener.host.isUp) this.#afterSyn(flow, socket, 'dark');
      else if (listener !== 'stranger' && listener.closed !== undefined) this.#afterSyn(flow, socket, 'refuse');
      else this.#answer(flow, socket, listener, isSlow);
    });
  }

  #answer(flow: Flow, socket: Socket, listener: Socket | 'stranger', isSlow: boolean): void {
    const random = this.#random;
    const { now } = this.#timeline;
    flow.answered = true;
    socket.answered = now;
    this.#network.packet(flow, now);
    // A capture that missed only the first packet has the second one for the first.
    if (!isSlow && random.chance(0.12)) flow.flipped = true;
    if (listener !== 'stranger') {
      const delay = random.chance(0.1) ? random.int(5, 150) * ms : random.int(80, 3000);
      this.#handshake(flow, listener);
      this.#timeline.after(delay, () => this.#accept(flow, socket, listener));
    }
    this.#live(socket, socket.maker);
  }

  /** From here on the kernel keeps the connection for whoever holds the listener. */
  #handshake(flow: Flow, listener: Socket): void {
    flow.waiting = true;
    flow.respOwner = { process: listener.maker, at: listener.opened, socket: listener };
  }

  #accept(flow: Flow, client: Socket | undefined, listener: Socket): void {
    if (client !== undefined && this.#neglected.has(client)) return;
    const { host } = listener;
    const now = this.#timeline.now;
    flow.waiting = false;
    if (listener.crashed) return;
    if (listener.closed !== undefined) {
      this.#network.packet(flow, now);
      if (client !== undefined) this.#closeSocket(client);
      return;
    }
    const holders = listener.holds.filter((hold) => hold.to === undefined);
    const taken = flow.taken ?? { local: flow.resp, remote: flow.orig };
    const process = this.#random.pick(holders).process;
    const socket = host.sockets.open(
      process,
      { proto: 'tcp', v6: listener.v6, local: taken.local, remote: taken.remote, netns: listener.netns },
      now,
    );
    host.facts.push({ kind: 'accept', at: now, process, socket });
    flow.respOwner = { process, at: now, socket, listener };
    flow.sockets.push(socket);
    this.#tcpFlows.set(socket, flow);
    if (client === undefined) {
      this.#live(socket, process);
    } else if (client.closed === undefined) {
      this.#peers.set(client, socket);
      this.#peers.set(socket, client);
      this.#network.packet(flow, now + 20);
      if (this.#random.chance(0.25)) this.#handOver(socket);
    } else {
      this.#timeline.after(this.#random.int(100, 2000), () => this.#closeSocket(socket));
    }
  }

  /** What the maker of a connected socket does with it before it closes. */
  #live(socket: Socket, process: Process): void {
    const random = this.#random;
    const life = random.chance(0.15) ? random.int(300, 3000) * ms : random.int(1, 25) * ms;
    if (random.chance(0.12)) this.#timeline.after(Math.floor(life / 3), () => this.#handOver(socket));
    if (random.chance(0.12)) this.#timeline.after(Math.floor(life / 2), () => this.exec(process));
    this.#timeline.after(life, () => {
      this.#closeSocket(socket);
      if (random.chance(0.85)) this.#timeline.after(random.int(1, 200), () => this.#exitUnlessServing(process));
    });
  }

  /** The socket goes to a child or, as a passed descriptor, to a stranger; the maker may let go of it. */
  #handOver(socket: Socket): void {
    if (socket.closed !== undefined) return;
    const { host } = socket;
    const now = this.#timeline.now;
    const other = this.#random.chance(0.5)
      ? host.processes.fork(socket.maker.exit === undefined ? socket.maker : undefined, socket.maker.uid, now)
      : this.#random.pick(host.processes.alive);
    if (other === undefined || other === socket.maker) return;
    host.sockets.share(socket, other, now);
    if (this.#random.chance(0.6))
      this.#timeline.after(this.#random.int(5, 400), () => this.#drop(socket, socket.maker));
  }

  #drop(socket: Socket, process: Process): void {
    if (socket.closed === undefined) socket.host.sockets.drop(socket, process, this.#timeline.now);
  }

  #inherit(parent: Process, child: Process): void {
    const held = parent.host.sockets.heldBy(parent);
    for (const hold of held.slice(0, 2)) {
      const socket = parent.host.sockets.all.find((s) => s.holds.includes(hold))!;
      parent.host.sockets.share(socket, child, this.#timeline.now);
    }
  }

  #exitUnlessServing(process: Process): void {
    const serving = process.host.sockets.heldBy(process).length > 0;
    if (!serving) this.exit(process);
  }

  /** A UDP exchange: one socket, connected or not, some peers, some answers. `wished`: the local port, if it is free. */
  datagrams(process: Process, peers: readonly Endpoint[], connected: boolean, wished?: number): void {
    const random = this.#random;
    const { host, netns } = process;
    const first = peers[0]!;
    const source = this.#routing.sourceAddress(netns, first.address);
    if (process.exit !== undefined || source === undefined) return;
    const at = this.#timeline.now;
    const isFree = wished !== undefined && !host.sockets.isTaken(netns, 'udp', wished, first);
    const rested = at - this.#network.udpTimeout - 10 * ms;
    const port = isFree ? wished : host.sockets.datagramPort(process, source, rested);
    if (port === undefined) return;
    const v6 = first.address.includes(':');
    const wildcard = v6 ? '::' : '0.0.0.0';
    const plan = connected
      ? { proto: 'udp' as const, v6, local: { address: source, port }, remote: first }
      : { proto: 'udp' as const, v6, local: { address: wildcard, port } };
    const socket = host.sockets.open(process, plan, at);
    if (connected) host.facts.push({ kind: 'connect', at, process, socket, result: 'succeeded' });
    else if (random.chance(0.3)) host.facts.push({ kind: 'bind', at, process, socket });
    let delay = random.int(5, 50);
    // Some last for several polls, with datagrams before and after one that saw the socket first.
    const pace = host.sockets.all.length % 3 === 0 ? 200 : 1;
    if (!connected && random.chance(0.2)) this.#timeline.after(delay - 1, () => this.forkWorkers(socket, 1));
    for (const peer of connected ? [first] : peers) {
      const from = { address: source, port };
      const times = random.int(1, 3);
      for (let i = 0; i < times; i++) {
        this.#timeline.after(delay, () => this.#sendDatagram(socket, from, peer));
        delay += pace * random.int(50, 4000);
      }
    }
    this.#timeline.after(delay + pace * random.int(200, 5000), () => {
      this.#closeSocket(socket);
      if (random.chance(0.8)) this.#exitUnlessServing(process);
    });
  }

  /** Asks a peer from a port of its own choice and gives that up again, as resolvers do that are not to be guessed. */
  ask(process: Process, port: number, peer: Endpoint, lasts: Micros): void {
    const { host, netns } = process;
    const source = this.#routing.sourceAddress(netns, peer.address);
    if (process.exit !== undefined || source === undefined) return;
    if (host.sockets.isTaken(netns, 'udp', port, peer)) return;
    const at = this.#timeline.now;
    const v6 = peer.address.includes(':');
    const local = { address: v6 ? '::' : '0.0.0.0', port };
    const socket = host.sockets.open(process, { proto: 'udp', v6, local }, at);
    host.facts.push({ kind: 'bind', at, process, socket });
    const from = { address: source, port };
    this.#timeline.after(this.#random.int(5, 50), () => this.#sendDatagram(socket, from, peer));
    this.#timeline.after(lasts, () => this.#closeSocket(socket));
  }

  /** Whoever holds an unconnected socket may send through it. */
  #sendDatagram(socket: Socket, from: Endpoint, to: Endpoint): void {
    const { netns } = socket;
    const at = this.#timeline.now;
    const process = socket.remote === undefined ? this.#someHolder(socket) : socket.maker;
    if (socket.closed !== undefined || process === undefined || process.exit !== undefined) return;
    if (socket.remote === undefined) this.#datagrams.send(socket, process, from, to);
    const place = this.#routing.datagramPlace(to, netns);
    // Behind a bridge datagrams find no way out.
    if (place === undefined && netns.wire !== network) return;
    const receiver = place === undefined ? undefined : this.#routing.datagramReceiver(to, place);
    const wireAt = at + this.#random.int(3, 20);
    this.#timeline.at(wireAt, () => {
      const capture = this.#routing.captureOf(netns, to);
      let flow = this.#network.datagramFlow(capture.name, from, to, wireAt);
      if (flow === undefined) {
        flow = this.#network.begin('udp', capture, from, to, wireAt);
        // Whoever connected owns what is sent through the socket, as what it was then.
        flow.origOwner = { process, at: socket.remote === undefined ? at : socket.opened, socket };
      } else this.#network.packet(flow, wireAt);
      if (sameEndpoint(flow.resp, from)) {
        // The other end sent to this one first.
        flow.answered = true;
        flow.respOwner ??= { process, at: socket.remote === undefined ? at : socket.opened, socket };
      }
      if (receiver !== undefined) this.#arrive(flow, receiver, from, to);
      if (receiver === undefined || !this.#random.chance(0.7)) return;
      const answerAt = wireAt + this.#random.int(30, 900);
      flow.answered = true;
      this.#network.packet(flow, answerAt);
    });
  }

  /** What several processes may read lies in the queue for a while. */
  #arrive(flow: Flow, receiver: Socket, from: Endpoint, to: Endpoint): void {
    const { now } = this.#timeline;
    const isShared = receiver.holds.filter((hold) => hold.to === undefined).length > 1;
    const take = (): void => this.#takeDatagram(flow, receiver, from, to, now);
    if (isShared && this.#random.chance(0.5)) this.#timeline.after(this.#random.int(1, 40 * ms), take);
    else take();
  }

  /** Who first took a datagram owns the responding end, even where the ones before found nobody. */
  #takeDatagram(flow: Flow, receiver: Socket, from: Endpoint, to: Endpoint, arrived: Micros): void {
    const taker = this.#someHolder(receiver);
    const isAtResponder = sameEndpoint(flow.resp, to);
    if (receiver.closed !== undefined || taker === undefined) {
      // It lies in the queue of a socket that nobody reads any more.
      if (isAtResponder) flow.respOwner ??= { process: receiver.maker, at: receiver.opened, socket: receiver };
      return;
    }
    if (isAtResponder) {
      const owner = { process: taker, at: receiver.opened, socket: receiver, taken: this.#timeline.now };
      flow.respOwner ??= owner;
      if (flow.respOwner.taken === undefined) flow.respOwner.instead ??= owner;
    }
    this.#datagrams.take({ socket: receiver, taker, local: to, remote: from, arrived });
  }

  #someHolder(socket: Socket): Process | undefined {
    const holders = socket.holds.filter((hold) => hold.to === undefined);
    return holders.length === 0 ? undefined : this.#random.pick(holders).process;
  }

  /** A connection from a machine that is no part of the world. */
  visit(from: Endpoint, to: Endpoint): void {
    const netns = this.#routing.namespaceOf(to.address, network);
    if (netns === undefined || this.#network.isBusy([network.name], from, to)) return;
    const direct: Route = { outer: { orig: from, resp: to }, views: [], trackings: [] };
    const route = this.#routing.published(direct, netns) ?? direct;
    const { netns: place, local } = route.taker ?? { netns, local: to };
    const flow = this.#network.begin('tcp', network, from, to, this.#timeline.now);
    if (!place.host.isUp) return;
    this.#follow(flow, route);
    const listeners = place.host.sockets.receivers(place, 'tcp', local);
    if (listeners.length === 0) {
      flow.refused = true;
      this.#network.packet(flow, this.#timeline.now + 40);
      return;
    }
    flow.answered = true;
    const listener = this.#random.pick(listeners);
    this.#handshake(flow, listener);
    this.#timeline.after(this.#random.int(80, 3000), () => this.#accept(flow, undefined, listener));
  }

  /** The hosts on its way that translate the flow begin to. */
  #follow(flow: Flow, { views, trackings, taker }: Route): void {
    flow.views = views;
    if (taker !== undefined) flow.taken = { local: taker.local, remote: taker.remote };
    for (const { nat, tracking } of trackings) nat.begin(tracking, flow, this.#random.int(0, 2_000) * ms);
  }

  /** Echo requests, or packets of another protocol without ports, from a raw socket. The other kernel answers echo requests. */
  sendRaw(process: Process, to: string, proto: 'icmp' | 'raw'): void {
    const random = this.#random;
    const { host, netns } = process;
    const source = this.#routing.sourceAddress(netns, to);
    if (source === undefined || process.exit !== undefined) return;
    const v6 = to.includes(':');
    const [asks, answers] = proto === 'raw' ? [0, 0] : v6 ? [128, 129] : [8, 0];
    const wildcard = { address: v6 ? '::' : '0.0.0.0', port: 0 };
    const socket = host.sockets.open(process, { proto, v6, local: wildcard }, this.#timeline.now);
    const [from, peer] = [
      { address: source, port: asks },
      { address: to, port: answers },
    ];
    let delay = random.int(5, 50);
    for (let i = random.int(1, 3); i > 0; i--) {
      this.#timeline.after(delay, () => this.#sendRawPacket(socket, proto, from, peer));
      delay += random.int(50, 400_000);
    }
    this.#timeline.after(delay + random.int(20, 500), () => {
      this.#closeSocket(socket);
      this.#exitUnlessServing(process);
    });
  }

  #sendRawPacket(socket: Socket, proto: 'icmp' | 'raw', from: Endpoint, to: Endpoint): void {
    const process = this.#someHolder(socket);
    if (socket.closed !== undefined || process === undefined) return;
    const at = this.#timeline.now;
    this.#datagrams.send(socket, process, from, to);
    this.#timeline.after(this.#random.int(1, 10), () => {
      const { now } = this.#timeline;
      const capture = this.#routing.captureOf(socket.netns, to);
      let flow = this.#network.datagramFlow(capture.name, from, to, now, proto);
      if (flow === undefined) {
        flow = this.#network.begin(proto, capture, from, to, now);
        flow.origOwner = { process, at, socket };
      } else this.#network.packet(flow, now);
      if (proto === 'raw') {
        if (sameEndpoint(flow.orig, from)) return;
        // The other end sent to this one first: these are its answers.
        flow.answered = true;
        flow.respOwner ??= { process, at, socket };
        return;
      }
      flow.answered = true;
      this.#network.packet(flow, now + 200);
    });
  }

  #closeSocket(socket: Socket): void {
    socket.host.sockets.close(socket, this.#timeline.now);
  }

  #closed(socket: Socket): void {
    const flow = this.#tcpFlows.get(socket);
    if (flow === undefined) return;
    this.#network.packet(flow, this.#timeline.now + this.#random.int(2, 30));
    const peer = this.#peers.get(socket);
    if (peer === undefined || peer.closed !== undefined) return;
    this.#timeline.after(this.#random.int(40, 900), () => this.#closeSocket(peer));
  }
}
