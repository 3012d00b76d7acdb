import type { Micros } from '../../../src/core/time.js';
import type { Activity } from './activity.js';
import type { Netns } from './netns.js';
import type { Random } from './random.js';
import type { Timeline } from './timeline.js';

const second = 1_000_000;
export const tcpPorts = [80, 443] as const;
export const udpPorts = [53, 123] as const;

/** What listens on the well-known ports, and what comes after it. */
export class Services {
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #activity: Activity;

  constructor(random: Random, timeline: Timeline, activity: Activity) {
    this.#random = random;
    this.#timeline = timeline;
    this.#activity = activity;
  }

  planAll(netns: Netns): void {
    for (const port of tcpPorts) this.#plan(netns, 'tcp', port);
    for (const port of udpPorts) this.#plan(netns, 'udp', port);
  }

  /** One service after another on a port; sometimes several at once, sharing it or told apart by address. */
  #plan(netns: Netns, proto: 'tcp' | 'udp', port: number): void {
    const random = this.#random;
    if (random.chance(0.05)) return;
    const { starts } = netns.host;
    let at = this.#timeline.now + random.int(10, 3_000);
    const generations = random.pick([1, 1, 2, 3]);
    for (let i = 0; i < generations; i++) {
      const until = i === generations - 1 ? undefined : at + random.int(second, 4 * second);
      const startAt = at;
      this.#timeline.at(startAt, () => {
        if (netns.host.starts === starts) this.start(netns, proto, port, until);
      });
      if (until === undefined) break;
      at = until + random.int(50, 300_000);
    }
  }

  /** `until`: absent: for good. */
  start(netns: Netns, proto: 'tcp' | 'udp', port: number, until?: Micros): void {
    const random = this.#random;
    const { host } = netns;
    const owner = this.#activity.spawn(netns);
    if (owner === undefined) return;
    const own = netns.addressesAt(this.#timeline.now);
    const wildcard = random.chance(0.7) ? { address: '::', v6: true } : { address: '0.0.0.0', v6: false };
    const exact = random.pick(own);
    const local = random.chance(0.8) ? wildcard : { address: exact, v6: exact.includes(':') };
    this.#timeline.after(random.int(50, 200), () => {
      if (owner.exit !== undefined) return;
      const socket = this.#activity.serve(owner, proto, { address: local.address, port }, local.v6);
      if (random.chance(proto === 'udp' ? 0.5 : 0.3)) {
        this.#timeline.after(20, () => this.#activity.forkWorkers(socket, random.int(1, 2)));
      }
      if (until !== undefined) {
        this.#timeline.at(until, () => host.sockets.close(socket, this.#timeline.now));
        this.#timeline.at(until + 10, () => this.#activity.exit(owner));
      }
      if (random.chance(0.2)) this.#startSecond(netns, proto, port, local.address === wildcard.address, until);
    });
  }

  /** A second owner of the port: on an exact address beside a wildcard, or one more on the same endpoint (SO_REUSEPORT). */
  #startSecond(netns: Netns, proto: 'tcp' | 'udp', port: number, isWildcard: boolean, until: Micros | undefined): void {
    const { host } = netns;
    const other = this.#activity.spawn(netns);
    if (other === undefined) return;
    const exact = this.#random.pick(netns.addressesAt(this.#timeline.now));
    const local = isWildcard ? { address: exact, v6: exact.includes(':') } : { address: '0.0.0.0', v6: false };
    this.#timeline.after(60, () => {
      if (other.exit !== undefined) return;
      const socket = this.#activity.serve(other, proto, { address: local.address, port }, local.v6);
      if (until !== undefined) this.#timeline.at(until, () => host.sockets.close(socket, this.#timeline.now));
    });
  }
}
