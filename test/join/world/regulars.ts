import { isLoopback } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Activity } from './activity.js';
import type { Host } from './host.js';
import { publishedPorts } from './nat.js';
import { type Netns, network } from './netns.js';
import type { Random } from './random.js';
import type { Endpoint } from './sockets.js';
import type { Timeline } from './timeline.js';

const ms = 1_000;
/** A TCP port that nobody listens at. */
const unserved = 81;
/** Times that one comes back: with more the join does not remember every connection of one peer's endpoint to a host (`MAX_RIVALS`). */
const mostTimes = 10;

/** Peers that come back again and again, from the same ports to the same services. */
export class Regulars {
  readonly #random: Random;
  readonly #timeline: Timeline;
  readonly #activity: Activity;
  readonly #hosts: readonly Host[];
  readonly #until: Micros;

  constructor(random: Random, timeline: Timeline, activity: Activity, hosts: readonly Host[], until: Micros) {
    this.#random = random;
    this.#timeline = timeline;
    this.#activity = activity;
    this.#hosts = hosts;
    this.#until = until;
  }

  plan(): void {
    const random = this.#random;
    for (const [i, host] of this.#hosts.entries()) {
      const visited = { address: this.#addressOf(host.own), port: host.nat === undefined ? 80 : publishedPorts[0]! };
      this.#visitOften({ address: `203.0.113.${20 + i}`, port: 50_000 }, visited);
      const container = host.namespaces.find(({ wire }) => wire !== network);
      const others = this.#hosts.filter((other) => other !== host);
      if (others.length === 0) continue;
      const other = { address: this.#addressOf(random.pick(others).own), port: 80 };
      if (container !== undefined && host.nat !== undefined) this.#callOften(container, other);
      this.#askOften(host.own, { ...other, port: 53 });
      this.#retryOften(host.own, { ...other, port: random.pick([80, unserved]) });
    }
  }

  #addressOf(netns: Netns): string {
    return netns.addressesAt(this.#timeline.now).find((address) => !isLoopback(address) && !address.includes(':'))!;
  }

  /** Until which pause at most the next one comes. */
  #often(longest: Micros, act: () => void): void {
    const random = this.#random;
    const pause = random.int(300 * ms, longest);
    let at = this.#timeline.now;
    for (let times = 0; times < mostTimes; times++) {
      at += random.int(Math.ceil(pause / 2), pause);
      if (at < this.#until) this.#timeline.at(at, act);
    }
  }

  #visitOften(from: Endpoint, to: Endpoint): void {
    this.#often(2_500 * ms, () => this.#activity.visit(from, to));
  }

  #callOften(netns: Netns, to: Endpoint): void {
    this.#often(2_500 * ms, () => {
      const process = this.#activity.spawn(netns);
      if (process === undefined) return;
      this.#timeline.after(60, () => this.#activity.connect(process, to, 40_000));
    });
  }

  /** What was refused is tried once more, from the same port, by whoever comes next. */
  #retryOften(netns: Netns, to: Endpoint): void {
    const random = this.#random;
    const call = (heldUp: Micros): void => {
      const process = this.#activity.spawn(netns);
      if (process !== undefined) this.#activity.connect(process, to, 41_000, false, heldUp);
    };
    this.#often(1_500 * ms, () => {
      call(0);
      const heldUp = random.chance(0.6) ? random.int(50, 500) * ms : 0;
      this.#timeline.after(random.int(1_000, 8_000), () => call(heldUp));
    });
  }

  #askOften(netns: Netns, to: Endpoint): void {
    this.#often(900 * ms, () => {
      const process = this.#activity.spawn(netns);
      if (process === undefined) return;
      this.#timeline.after(60, () => this.#activity.datagrams(process, [to], this.#random.chance(0.5)));
    });
  }
}
