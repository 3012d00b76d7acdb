import { isLoopback } from '../../../src/core/address.js';
import type { Micros } from '../../../src/core/time.js';
import type { Activity } from './activity.js';
import type { Host } from './host.js';
import { type Netns, network } from './netns.js';
import type { Random } from './random.js';
import type { Endpoint } from './sockets.js';
import type { Timeline } from './timeline.js';

const ms = 1_000;
/** How often each host has two of them speak. */
const times = 8;
/** A port that processes ask for by its number, and the first of those that the system chooses. */
const askedFor = 20_200;
const chosen = 46_000;

/** Containers of one host with one address, behind two bridges, that speak to a neighbour of the same address from the same port, at about the same time. */
export class Namesakes {
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
    for (const { namespaces } of this.#hosts) {
      const bridged = namespaces.filter(({ wire }) => wire !== network);
      for (let time = 0; time < times && bridged.length > 0; time++) {
        const one = random.pick(bridged);
        const address = this.#addressOf(one);
        const all = bridged.filter((other) => this.#addressOf(other) === address);
        const neighbour = bridged.find((other) => other.wire === one.wire && other !== one)!;
        const at = random.int(this.#timeline.now + 100 * ms, this.#until);
        this.#speak(all, this.#addressOf(neighbour), at, chosen + time);
      }
    }
  }

  /** `port`: that of datagrams, if the system chooses it. */
  #speak(all: readonly Netns[], address: string, at: Micros, port: Micros): void {
    const random = this.#random;
    const isRaw = random.chance(0.2);
    const isTcp = random.chance(0.3);
    const wished = isTcp ? 40_100 : random.pick([askedFor, port]);
    const to: Endpoint = { address, port: isTcp ? 80 : 53 };
    for (const netns of all) {
      this.#timeline.at(at + random.int(0, random.pick([10, 1_500]) * ms), () => {
        const process = this.#activity.spawn(netns);
        if (process === undefined) return;
        this.#timeline.after(60, () => {
          if (isRaw) this.#activity.sendRaw(process, address, isTcp ? 'icmp' : 'raw');
          else if (isTcp) this.#activity.connect(process, to, wished);
          else this.#activity.datagrams(process, [to], random.chance(0.7), wished);
        });
      });
    }
  }

  #addressOf(netns: Netns): string {
    return netns.addressesAt(this.#timeline.now).find((address) => !isLoopback(address))!;
  }
}
