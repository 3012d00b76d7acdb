import type { Micros } from '../../../src/core/time.js';
import { UNMEASURED_ERR } from '../../../src/join/host-clocks.js';
import type { HostRow } from '../../../src/records/host-row.js';
import type { HostTable } from '../../../src/records/host-tables.js';
import { Activity } from './activity.js';
import { observeProcesses, observeSockets } from './event-observer.js';
import { Host, type HostShape } from './host.js';
import { Namesakes } from './namesakes.js';
import { observeTranslations } from './nat-observer.js';
import { network as publicWire, type Wire } from './netns.js';
import { Network } from './network.js';
import { type Emission, emitConnections } from './packet-side.js';
import {
  lookAtAddresses,
  lookAtListeners,
  lookAtProcesses,
  lookAtSockets,
  lookAtUsers,
  poll,
} from './poll-observer.js';
import { Random } from './random.js';
import { Regulars } from './regulars.js';
import { type Delivery, RowStream, type Transport } from './row-stream.js';
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
  };
  const kinds = Array.from({ length: random.int(2, 4) }, () => random.pick(options.profiles));
  const hosts = makeHosts(random, kinds, options);
  const timeline = new Timeline(genesis);
  const network = new Network(random.int(300, 1500) * 1_000);
  const activity = new Activity(random, timeline, network, hosts);
  new Script(random, timeline, activity, hosts, lifetime).write();
  if (options.regulars) new Regulars(random, timeline, activity, hosts, genesis + lifetime - second).plan();
  if (options.namesakes) new Namesakes(random, timeline, activity, hosts, genesis + lifetime - 3 * second).plan();
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

interface Watch {
  readonly random: Random;
  readonly host: Host;
  readonly profile: Profile;
  readonly transport: Transport;
  /** Those that are taken on other hosts. */
  readonly captures: readonly string[];
  readonly offset: (capture: string) => Micros;
  readonly endAt: Micros;
}

function times(from: Micros, to: Micros, step: Micros, random: Random): Micros[] {
  const out = [from];
  for (let at = from; at + step < to; ) {
    at += step + random.int(0, Math.floor(step / 10));
    out.push(at);
  }
  return out;
}

function observeHost(watch: Watch): Delivery[] {
  const { random, host, profile, transport, endAt } = watch;
  const from = genesis + random.int(200_000, random.chance(0.2) ? 4 * second : 900_000);
  const osquery = profile === 'audit' || (profile === 'poll' && random.chance(0.5));
  const resolution = osquery ? second : 1;
  const interval = random.int(200_000, 2_500_000);
  const once = [from];
  const ticks = times(from, endAt, random.int(200_000, second), random);
  const polls = times(from, endAt, interval, random);
  const out: Delivery[] = [];
  const streams: { stream: string; table: HostTable }[] = [];
  const add = <T extends HostTable>(stream: RowStream<T>, completeAt: readonly Micros[]): void => {
    streams.push({ stream: stream.stream, table: stream.table });
    out.push(...stream.deliver(transport, completeAt, random));
  };
  const isEventful = profile === 'ebpf' || profile === 'audit';
  if (isEventful) {
    const detail = profile === 'ebpf' ? 'full' : 'audit';
    const processes = new RowStream(host, 'process_events', 'process_events', resolution);
    observeProcesses(host, processes, detail, from);
    add(processes, ticks);
    const sockets = new RowStream(host, 'socket_events', 'socket_events', resolution);
    observeSockets(host, sockets, detail, from);
    add(sockets, ticks);
  }
  // A sensor that sees every event looks once at what was there before it.
  const looks = profile === 'ebpf' ? once : polls;
  const completeAt = profile === 'ebpf' ? ticks : polls;
  const tables = [
    ['processes', lookAtProcesses(host)],
    ['process_open_sockets', lookAtSockets(host)],
    ['listening_ports', lookAtListeners(host)],
  ] as const;
  for (const [table, look] of tables) {
    const stream = new RowStream<HostTable>(host, table, table, resolution);
    poll(stream, looks, look);
    add(stream, completeAt);
  }
  if (host.nat !== undefined && !osquery) {
    const stream = new RowStream(host, 'conntrack', 'conntrack', resolution);
    observeTranslations(host.nat, stream, ticks);
    const { lost } = transport;
    // What is lost began with the read before.
    const from = lost && (ticks.findLast((at) => at <= lost.from) ?? lost.from);
    streams.push({ stream: 'conntrack', table: 'conntrack' });
    const way = lost === undefined ? transport : { ...transport, lost: { ...lost, from: from! } };
    out.push(...stream.deliver(way, ticks, random));
  }
  if (profile !== 'audit') {
    // The program's own sensors tell of packet sockets too; nobody in the world has one.
    add(new RowStream<HostTable>(host, 'packet_sockets', 'packet_sockets', resolution), polls);
  }
  const addresses = new RowStream(host, 'interface_addresses', 'interface_addresses', resolution);
  poll(addresses, polls, lookAtAddresses(host, osquery));
  add(addresses, polls);
  const users = new RowStream(host, 'users', 'users', resolution);
  poll(users, once, lookAtUsers(host));
  add(users, polls);
  out.push(...controlRows(watch, from, streams, osquery));
  return out;
}

function controlRows(
  watch: Watch,
  from: Micros,
  streams: { stream: string; table: HostTable }[],
  isOsquery: boolean,
): Delivery[] {
  const { random, host, transport, captures, offset, endAt } = watch;
  const seen: HostRow = {
    ...{ kind: 'host', host: host.id, boot: host.boot, streams, from: host.clock(from) },
    ...(isOsquery ? {} : { net_namespace: host.own.id }),
  };
  const out: Delivery[] = [{ at: from, row: seen }];
  const noise = random.pick([0, 100, 2_000, 30_000]);
  for (const capture of ['eth0', ...host.captures]) {
    for (const sampleAt of [genesis - second, genesis + random.int(2, 6) * second]) {
      const [first, last] = [host.offset(Math.max(sampleAt, genesis)), host.offset(endAt)];
      const measured = first + random.int(-noise, noise);
      const err = noise + Math.abs(last - first) + 1;
      out.push({
        at: Math.max(sampleAt, from) + random.int(0, 1000),
        row: {
          kind: 'clock',
          host: host.id,
          capture,
          offset: measured - offset(capture),
          err,
          from: sampleAt + offset(capture),
        },
      });
    }
  }
  // Against captures elsewhere a clock is measured where it may be further off than one that is not is trusted with.
  for (const capture of captures) {
    const [first, last] = [host.offset(genesis) - offset(capture), host.offset(endAt) - offset(capture)];
    if (Math.max(Math.abs(first), Math.abs(last)) <= UNMEASURED_ERR) continue;
    const err = Math.abs(last - first) + 1;
    const row: HostRow = { kind: 'clock', host: host.id, capture, offset: first, err, from: genesis + offset(capture) };
    out.push({ at: from, row });
  }
  if (transport.silentAt !== undefined) {
    const at = host.clock(transport.silentAt);
    out.push({ at: transport.silentAt + 2 * second, row: { kind: 'host_timeout', host: host.id, at } });
  }
  return out;
}
