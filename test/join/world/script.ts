import { isLoopback } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Activity } from './activity.js';
import type { Host } from './host.js';
import { publishedPorts } from './nat.js';
import { type Netns, network as publicWire } from './netns.js';
import type { Process } from './process-life.js';
import type { Random } from './random.js';
import { Services, tcpPorts, udpPorts } from './services.js';
import type { Endpoint } from './sockets.js';
import type { Timeline } from './timeline.js';

const second = 1_000_000;
const strangers = ['203.0.113.5', '203.0.113.6', '2001:db8:ffff::5'] as const;

/** Writes what will happen in a world: bursts of clients that collide in ports, pids and times. */
export class Script {
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #activity: Activity;
  readonly #hosts: readonly Host[];
  readonly #lifetime: Micros;

  constructor(random: Random, timeline: Timeline, activity: Activity, hosts: readonly Host[], lifetime: Micros) {
    this.#random = random;
    this.#timeline = timeline;
    this.#activity = activity;
    this.#hosts = hosts;
    this.#lifetime = lifetime;
  }

  write(): void {
    const start = this.#timeline.now;
    const random = this.#random;
    const services = new Services(random, this.#timeline, this.#activity);
    for (const host of this.#hosts) {
      const init = host.processes.fork(undefined, 0, start)!;
      this.#timeline.after(1, () => this.#activity.exec(init));
      for (const netns of host.namespaces) {
        services.planAll(netns);
      }
    }
    const bursts = random.int(7, 10);
    for (let i = 0; i < bursts; i++) {
      this.#timeline.at(start + random.int(100_000, this.#lifetime - 2 * second), () => this.#burst());
    }
    if (random.chance(0.35)) this.#planMove();
    for (const { own } of this.#hosts) if (random.chance(0.5)) this.#planResolvers(own);
  }

  /** Processes that bind a few ports of their own choice again and again, as resolvers do, mostly for less time than there is between two polls. */
  #planResolvers(netns: Netns): void {
    const random = this.#random;
    const resolvers: Process[] = [];
    for (let asked = 0; asked < 10; asked++) {
      this.#timeline.at(this.#timeline.now + random.int(100_000, this.#lifetime - second), () => {
        const known = resolvers.filter(({ exit }) => exit === undefined);
        const resolver = known.length > 0 && random.chance(0.7) ? random.pick(known) : this.#activity.spawn(netns);
        if (resolver === undefined) return;
        resolvers.push(resolver);
        const lasts = random.chance(0.2) ? random.int(second / 2, 3 * second) : random.int(100, 50_000);
        const to = { address: this.#addressOf(random.pick(this.#hosts).own, false), port: random.pick(udpPorts) };
        this.#timeline.after(60, () => this.#activity.ask(resolver, random.pick([20_100, 20_101, 53]), to, lasts));
      });
    }
  }

  #burst(): void {
    const random = this.#random;
    const netns = this.#translated() ?? this.#somewhere();
    const target = this.#target(netns);
    if (netns.wire !== publicWire && random.chance(0.5)) this.#callBoth(netns);
    const count = random.int(4, 9);
    for (let i = 0; i < count; i++) {
      this.#timeline.after(random.int(0, 60_000), () =>
        this.#client(random.chance(0.75) ? netns : this.#somewhere(), target),
      );
    }
    for (let i = 0; i < 2; i++) {
      this.#timeline.after(random.int(0, 60_000), () => this.#visitorFromAfar());
    }
  }

  /** From one port of a container to its host and to its neighbours, which know it by the same endpoint. */
  #callBoth(netns: Netns): void {
    const random = this.#random;
    const { own, namespaces } = netns.host;
    const process = this.#activity.spawn(netns);
    const port = random.int(40_000, 40_008);
    for (const target of [own, ...namespaces.filter((one) => one.wire === netns.wire && one !== netns)]) {
      const to = { address: this.#addressOf(target, false), port: random.pick(tcpPorts) };
      const isNeglected = target === own && random.chance(0.3);
      this.#timeline.after(
        random.int(60, 3_000),
        () => process && this.#activity.connect(process, to, port, isNeglected),
      );
    }
  }

  /** A host, or one of its containers. */
  #somewhere(): Netns {
    const { own, namespaces } = this.#random.pick(this.#hosts);
    return this.#random.chance(0.6) ? own : this.#random.pick(namespaces);
  }

  /** Sometimes, where there is one, a container that reaches the network by its host's address. */
  #translated(): Netns | undefined {
    const hosts = this.#hosts.filter(({ nat }) => nat !== undefined);
    const places = hosts.flatMap(({ namespaces }) => namespaces.filter(({ wire }) => wire !== publicWire));
    return places.length > 0 && this.#random.chance(0.4) ? this.#random.pick(places) : undefined;
  }

  /** What there is to be reached from a place. */
  #target(from: Netns): string {
    const random = this.#random;
    if (random.chance(0.12)) return random.pick(strangers);
    if (random.chance(0.12)) return random.pick(['127.0.0.1', '::1']);
    if (from.wire !== publicWire && random.chance(0.2)) return this.#addressOf(from.host.own, false);
    const isOut = from.wire !== publicWire && from.host.nat !== undefined && random.chance(0.75);
    const netns = this.#reachable(isOut ? this.#hosts[0]!.own : from);
    return this.#addressOf(netns, true);
  }

  #addressOf(netns: Netns, isAnyFamily: boolean): string {
    const addresses = netns.addressesAt(this.#timeline.now).filter((a) => !isLoopback(a));
    return this.#random.pick(addresses.filter((a) => isAnyFamily || !a.includes(':')));
  }

  #reachable({ wire }: Netns): Netns {
    const all = this.#hosts.flatMap(({ namespaces }) => namespaces);
    return this.#random.pick(all.filter((netns) => netns.wire === wire));
  }

  #client(netns: Netns, target: string): void {
    const random = this.#random;
    const alive = netns.host.processes.alive.filter((process) => process.netns === netns);
    const process = random.chance(0.8) || alive.length === 0 ? this.#activity.spawn(netns) : random.pick(alive);
    if (process === undefined) return;
    const isLocal =
      netns.addressesAt(this.#timeline.now).includes(target) && target !== '127.0.0.1' && target !== '::1';
    // A host speaks to its own addresses over loopback, which has a capture of its own; that stays with loopback addresses here.
    if (isLocal) return;
    this.#timeline.after(random.int(60, 400), () => this.#act(process, target));
  }

  #act(process: Process, target: string): void {
    const random = this.#random;
    if (process.exit !== undefined) return;
    if (random.chance(0.06)) {
      this.#activity.sendRaw(process, target, random.chance(0.7) ? 'icmp' : 'raw');
      return;
    }
    if (random.chance(0.7)) {
      const burst = random.chance(0.25) ? random.int(2, 3) : 1;
      for (let i = 0; i < burst; i++) this.#activity.connect(process, { address: target, port: this.#tcpPort() });
      return;
    }
    const peers: Endpoint[] = [{ address: target, port: random.pick(udpPorts) }];
    if (target !== '127.0.0.1' && target !== '::1') {
      const other = this.#target(process.netns);
      const sameFamily = other.includes(':') === target.includes(':');
      const isFar = !process.netns.addressesAt(this.#timeline.now).includes(other);
      if (random.chance(0.5) && sameFamily && isFar) peers.push({ address: other, port: random.pick(udpPorts) });
    }
    this.#activity.datagrams(process, peers, random.chance(0.4));
  }

  #visitorFromAfar(): void {
    const random = this.#random;
    const netns = this.#reachable(this.#hosts[0]!.own);
    const address = random.pick(netns.addressesAt(this.#timeline.now).filter((a) => a !== '127.0.0.1' && a !== '::1'));
    const from = {
      address: address.includes(':') ? '2001:db8:ffff::9' : '203.0.113.9',
      port: random.int(50_000, 50_003),
    };
    this.#activity.visit(from, { address, port: this.#tcpPort() });
  }

  /** Of a service, or one that a host publishes for a container. */
  #tcpPort(): number {
    const isPublished = this.#hosts.some(({ nat }) => nat !== undefined) && this.#random.chance(0.4);
    return this.#random.pick(isPublished ? publishedPorts : tcpPorts);
  }

  /** An address leaves one host and, a moment later, belongs to another. */
  #planMove(): void {
    const random = this.#random;
    if (this.#hosts.length < 2) return;
    const [from, to] = random.shuffled(this.#hosts) as [Host, Host];
    const at = this.#timeline.now + random.int(2 * second, 5 * second);
    const address = '192.0.2.99';
    from.own.addresses.push({ address, from: this.#timeline.now });
    this.#timeline.at(at, () => {
      const span = from.own.addresses.find((a) => a.address === address)!;
      for (const socket of from.sockets.all) {
        if (socket.closed === undefined && socket.local.address === address) from.sockets.close(socket, at);
      }
      span.to = at;
      to.own.addresses.push({ address, from: at + random.int(1_000, 800_000) });
    });
  }
}
