import type { Micros } from '../../../src/core/time.js';
import { Activity } from './activity.js';
import { Host, type HostShape } from './host.js';
import { observeHost } from './host-watch.js';
import { Namesakes } from './namesakes.js';
import { network as publicWire, type Wire } from './netns.js';
import { Network } from './network.js';
import { type Emission, emitConnections } from './packet-side.js';
import { Random } from './random.js';
import { Regulars } from './regulars.js';
import { Returns } from './returns.js';
import type { Delivery, Transport } from './row-stream.js';
import { Script } from './script.js';
import { Timeline } from './timeline.js';
import { type Truth, truthOf } from './truth.js';

const second = 1_000_000;
/** True time at which every world begins. */
export const genesis: Micros = 1_700_000_000 * second;
const lifetime: Micros = 9 * second;
/** Peers come back in the worlds whose seed this divides. */
const regularsEvery = 3;
/** Containers of one address behind two bridges speak with the same endpoints in the worlds whose seed is one more than what this divides. */
const namesakesEvery = 4;
/** Agents are started anew and machines reboot in the worlds whose seed is at most one more than what this divides. */
const returnsEvery = 5;

/** What a host's owner installed on it. */
export type Profile = 'ebpf' | 'audit' | 'poll' | 'none';

export interface WorldOptions {
  /** Rows may be lost, and a host may fall silent. */
  readonly losses: boolean;
  /** Some hosts translate connections of their containers. */
  readonly translations?: boolean;
  /** In every third world peers come back to the same endpoints from the same ports, and some of what is told of that is lost. */
  readonly regulars?: boolean;
  /** In every fourth world containers of one address behind two bridges of a host use the same endpoints at about the same time. */
  readonly namesakes?: boolean;
  /** In two of five worlds hosts are not watched for a while, as their agents are started anew or they reboot. */
  readonly returns?: boolean;
  /** Rows may arrive late, though never later than the lateness. */
  readonly late: boolean;
  /** Profiles to choose from; every host gets one of them. */
  readonly profiles: readonly Profile[];
}

export interface World {
  readonly seed: number;
  readonly emissions: readonly Emission[];
  readonly deliveries: readonly Delivery[];
  readonly truth: ReadonlyMap<string, Truth>;
  readonly hosts: readonly Host[];
  readonly profiles: ReadonlyMap<string, Profile>;
  /** No row arrives later than this after the time it is about. */
  readonly latenessUs: Micros;
  /** True time by which everything was handed over. */
  readonly endAt: Micros;
  readonly lossy: boolean;
  /** How far the slowest of the captures' clocks is behind true time; capture time as a whole has come no further. */
  readonly captureLag: Micros;
  /** See CaptureView. */
  readonly startsKnown: boolean;
}

export const latenessUs: Micros = 12 * second;
const maxLate: Micros = 4 * second;

function makeHosts(random: Random, profiles: readonly Profile[], options: WorldOptions): Host[] {
  const { translations, regulars, namesakes } = options;
  const hosts: Host[] = [];
  const hasContainers = namesakes ? 1 : regulars ? 0.9 : 0.5;
  const fewestBridges = namesakes ? 2 : regulars ? 1 : 0;
  for (const [i, profile] of profiles.entries()) {
    hosts.push(
      new Host({
        id: `host-${i}`,
        addresses: ['127.0.0.1', '::1', `192.0.2.${10 + i}`, `2001:db8::${10 + i}`],
        containers: random.chance(hasContainers) ? makeContainers(random, i, fewestBridges) : [],
        clockOffset: random.chance(0.3) ? 0 : random.int(-3 * second, 3 * second),
        clockDrift: random.int(-40, 40),
        pidSpace: random.int(14, 30),
        portSpace: regulars ? random.int(2, 3) : random.int(3, 9),
        hasFreshForks: profile === 'audit',
        translates: translations === true && random.chance(regulars ? 0.8 : 0.6),
        bornAt: genesis,
      }),
    );
  }
  return hosts;
}

/** Containers with addresses of the network, and pairs of them behind bridges, where the same addresses come up again. */
function makeContainers(random: Random, host: number, fewestBridges: number): HostShape['containers'] {
  const containers: { addresses: string[]; wire: Wire }[] = [];
  const loopback = ['127.0.0.1', '::1'];
  for (let i = random.int(0, 2); i > 0; i--) {
    const suffix = 100 + 10 * host + i;
    containers.push({ addresses: [...loopback, `192.0.2.${suffix}`, `2001:db8::${suffix}`], wire: publicWire });
  }
  for (let bridge = random.int(fewestBridges, 2); bridge > 0; bridge--) {
    const wire = { name: `br${bridge}@host-${host}`, host: `host-${host}` };
    for (const last of [2, 3]) containers.push({ addresses: [...loopback, `172.17.0.${last}`], wire });
  }
  return containers;
}

/** Builds a world, lets it live, and takes down what packets, observers and truth say of it. */
export function buildWorld(seed: number, wished: WorldOptions): World {
  const random = new Random(seed);
  const options = {
    ...wished,
    regulars: wished.regulars === true && seed % regularsEvery === 0,
    namesakes: wished.namesakes === true && seed % namesakesEvery === 1,
    returns: wished.returns === true && seed % returnsEvery < 2,
  };
  const kinds = Array.from({ length: random.int(2, 4) }, () => random.pick(options.profiles));
  const hosts = makeHosts(random, kinds, options);
  const timeline = new Timeline(genesis);
  const network = new Network(random.int(300, 1500) * 1_000);
  const activity = new Activity(random, timeline, network, hosts);
  new Script(random, timeline, activity, hosts, lifetime).write();
  if (options.regulars) new Regulars(random, timeline, activity, hosts, genesis + lifetime - second).plan();
  if (options.namesakes) new Namesakes(random, timeline, activity, hosts, genesis + lifetime - 3 * second).plan();
  if (options.returns) {
    const agents = hosts.filter((_, i) => kinds[i] === 'ebpf' || kinds[i] === 'poll');
    new Returns(random, timeline, activity, hosts, genesis + lifetime - second).plan(agents);
  }
  timeline.run(genesis + lifetime);
  // A fact that only its result completes is written after facts that it precedes.
  for (const host of hosts) host.facts.sort((a, b) => a.at - b.at);

  const captureOffsets = new Map(hosts.map((host) => [`lo@${host.id}`, random.int(-second, second)]));
  const captureLag = Math.max(0, ...[...captureOffsets.values()].map((ahead) => -ahead));
  const offset = (capture: string): Micros => captureOffsets.get(capture) ?? 0;
  const from = genesis + random.int(0, second);
  const startsKnown = random.chance(0.4);
  const emissions = emitConnections(network, { from, offset, startsKnown }, random);
  const profiles = new Map(hosts.map((host, i) => [host.id, kinds[i]!]));
  const endAt = genesis + lifetime + 9 * second;
  const deliveries: Delivery[] = [];
  let lossy = false;
  for (const host of hosts) {
    const profile = profiles.get(host.id)!;
    if (profile === 'none') continue;
    const transport = makeTransport(random, options, profile);
    lossy ||= transport.lost !== undefined || transport.silentAt !== undefined;
    const captures = hosts.flatMap((other) => (other === host ? [] : other.captures));
    deliveries.push(...observeHost({ random, host, profile, transport, captures, offset, endAt }));
  }
  deliveries.sort((a, b) => a.at - b.at);
  const truth = truthOf(network.captured);
  return { seed, emissions, deliveries, truth, hosts, profiles, latenessUs, endAt, lossy, captureLag, startsKnown };
}

function makeTransport(random: Random, options: WorldOptions, profile: Profile): Transport {
  const late = options.late && random.chance(0.6);
  const base = {
    lateChance: late ? 0.25 : 0,
    maxLate,
    duplicateChance: random.chance(0.3) ? 0.15 : 0,
  };
  if (!options.losses) return base;
  if (random.chance(options.regulars ? 0.2 : 0.3)) {
    return { ...base, silentAt: genesis + random.int(2 * second, lifetime) };
  }
  if (random.chance(options.regulars ? 0.9 : 0.5)) {
    const streams =
      profile === 'poll' ? ['process_open_sockets', 'processes'] : ['socket_events', 'process_events', 'conntrack'];
    if (options.regulars) streams.push('conntrack', 'conntrack', 'conntrack');
    const from = genesis + random.int(2 * second, lifetime - 3 * second);
    return { ...base, lost: { stream: random.pick(streams), from, to: from + random.int(200_000, 2 * second) } };
  }
  return base;
}
