import { isLoopback } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Activity } from './activity.js';
import type { Gap, Host } from './host.js';
import { type Netns, network } from './netns.js';
import type { Random } from './random.js';
import { Services, tcpPorts, udpPorts } from './services.js';
import type { Timeline } from './timeline.js';

const ms = 1_000;
const second = 1_000 * ms;

/** Hosts that nobody watches for a while, as an agent is upgraded or a machine reboots, and what goes on around that. */
export class Returns {
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #activity: Activity;
  readonly #services: Services;
  readonly #hosts: readonly Host[];
  readonly #until: Micros;

  constructor(random: Random, timeline: Timeline, activity: Activity, hosts: readonly Host[], until: Micros) {
    this.#random = random;
    this.#timeline = timeline;
    this.#activity = activity;
    this.#services = new Services(random, timeline, activity);
    this.#hosts = hosts;
    this.#until = until;
  }

  /** `agents`: hosts that an agent of our own watches. */
  plan(agents: readonly Host[]): void {
    const random = this.#random;
    for (const host of agents) {
      if (random.chance(0.15)) continue;
      let from = this.#timeline.now + random.int(2_500 * ms, 5 * second);
      for (let left = random.chance(0.25) ? 2 : 1; left > 0; left--) {
        const gap: Gap = { from, to: from + random.int(200 * ms, 2 * second), isStopped: random.chance(0.4) };
        if (gap.to > this.#until - second) break;
        host.gaps.push(gap);
        this.#planGap(host, gap);
        from = gap.to + random.int(second, 2 * second);
      }
    }
  }

  #planGap(host: Host, { from, to }: Gap): void {
    const random = this.#random;
    const length = to - from;
    if (random.chance(0.5)) this.#planReboot(host, from, length);
    else this.#timeline.at(from + random.int(1, Math.floor(length / 2)), () => this.#change(host));
    const bursts = [
      from - random.int(1, 400 * ms),
      from + random.int(1, length),
      to + random.int(1, 50 * ms),
      to + random.int(50 * ms, 900 * ms),
    ];
    for (const at of bursts) this.#timeline.at(at, () => this.#burst(host));
  }

  #planReboot(host: Host, from: Micros, length: Micros): void {
    const random = this.#random;
    const downAt = from + random.int(1, Math.floor(length / 3));
    const upAt = downAt + random.int(10 * ms, Math.floor(length / 3));
    this.#timeline.at(downAt, () => this.#activity.crash(host));
    if (random.chance(0.3)) this.#timeline.at(downAt + 1, () => this.#passAddress(host));
    this.#timeline.at(upAt, () => this.#boot(host));
  }

  #boot(host: Host): void {
    const random = this.#random;
    const { now } = this.#timeline;
    host.boot(now);
    const containers = host.namespaces.slice(1);
    const named = random.pick(['same', 'new', 'shuffled']);
    const ids = containers.map(({ id }) => (named === 'new' ? String(Number(id) + 50 * host.starts) : id));
    const renamed = named === 'shuffled' ? random.shuffled(ids) : ids;
    for (const [i, netns] of containers.entries()) netns.rename(renamed[i]!, now);
    const init = host.processes.fork(undefined, 0, now)!;
    this.#timeline.after(1, () => this.#activity.exec(init));
    for (const netns of host.namespaces) this.#services.planAll(netns);
  }

  /** The host that is down gets another address of its own, and a neighbour the one it had, as of a pool. */
  #passAddress(host: Host): void {
    const random = this.#random;
    const { now } = this.#timeline;
    const others = this.#hosts.filter((other) => other !== host);
    const had = host.own.addresses.find(({ address, to }) => to === undefined && address.startsWith('192.0.2.'))!;
    const number = this.#hosts.indexOf(host);
    had.to = now;
    host.own.addresses.push({ address: `192.0.2.${60 + 10 * number + host.starts}`, from: now });
    const next = random.pick(others);
    next.own.addresses.push({ address: had.address, from: now + random.int(1, 500 * ms) });
  }

  /** While nobody looks services are started anew, and processes end, whose numbers pass on. */
  #change(host: Host): void {
    const random = this.#random;
    const served: readonly number[] = [...tcpPorts, ...udpPorts];
    const services = host.sockets.all.filter(
      ({ closed, remote, local }) => closed === undefined && remote === undefined && served.includes(local.port),
    );
    for (const { netns, proto, local, holds } of services) {
      if (random.chance(0.6) || proto === 'icmp' || proto === 'raw') continue;
      for (const { process, to } of holds) if (to === undefined) this.#activity.exit(process);
      this.#timeline.after(random.int(50, 50 * ms), () => this.#services.start(netns, proto, local.port));
    }
    for (const process of random.shuffled(host.processes.alive.slice(1)).slice(0, random.int(0, 3))) {
      if (random.chance(0.5)) this.#activity.exit(process);
      else this.#activity.exec(process);
    }
    for (let born = random.int(2, 12); born > 0; born--) {
      this.#timeline.after(random.int(1, 50 * ms), () => this.#passBy(host));
    }
  }

  /** A process that does nothing for a while. */
  #passBy(host: Host): void {
    const random = this.#random;
    const process = this.#activity.spawn(random.pick(host.namespaces));
    if (process === undefined) return;
    const lasts = random.chance(0.3) ? random.int(ms, second) : random.int(100, 10 * ms);
    this.#timeline.after(lasts, () => this.#activity.exit(process));
  }

  /** Others call the host, and it calls them. */
  #burst(host: Host): void {
    const random = this.#random;
    const others = this.#hosts.filter((other) => other !== host);
    for (let i = random.int(4, 8); i > 0; i--) {
      const other = random.pick(others);
      const [from, to] = random.chance(0.65) ? [other, host] : [host, other];
      this.#timeline.after(random.int(0, 60 * ms), () => this.#call(this.#placeOn(from), this.#addressOf(to)));
    }
    this.#timeline.after(random.int(0, 60 * ms), () => {
      const from = { address: '203.0.113.30', port: random.int(50_000, 50_003) };
      this.#activity.visit(from, { address: this.#addressOf(host), port: random.pick(tcpPorts) });
    });
  }

  #call(netns: Netns, address: string): void {
    const random = this.#random;
    if (netns.addressesAt(this.#timeline.now).includes(address)) return;
    const alive = netns.host.processes.alive.filter((process) => process.netns === netns);
    const process = random.chance(0.7) || alive.length === 0 ? this.#activity.spawn(netns) : random.pick(alive);
    if (process === undefined) return;
    this.#timeline.after(random.int(60, 400), () => {
      if (random.chance(0.65)) this.#activity.connect(process, { address, port: random.pick(tcpPorts) });
      else this.#activity.datagrams(process, [{ address, port: random.pick(udpPorts) }], random.chance(0.4));
    });
  }

  #placeOn({ own, namespaces }: Host): Netns {
    const onNetwork = namespaces.filter(({ wire }) => wire === network);
    return this.#random.chance(0.7) ? own : this.#random.pick(onNetwork);
  }

  #addressOf(host: Host): string {
    const netns = this.#placeOn(host);
    return this.#random.pick(netns.addressesAt(this.#timeline.now).filter((address) => !isLoopback(address)));
  }
}
