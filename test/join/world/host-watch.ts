import type { Micros } from '../../../src/core/time.js';
import { UNMEASURED_ERR } from '../../../src/join/host-clocks.js';
import type { HostRow, StreamSeen } from '../../../src/records/host-row.js';
import type { HostTable } from '../../../src/records/host-tables.js';
import { observeProcesses, observeSockets } from './event-observer.js';
import type { Host } from './host.js';
import { observeTranslations } from './nat-observer.js';
import {
  lookAtAddresses,
  lookAtListeners,
  lookAtProcesses,
  lookAtSockets,
  lookAtUsers,
  poll,
} from './poll-observer.js';
import type { Random } from './random.js';
import { type Delivery, RowStream, type Transport } from './row-stream.js';
import { genesis, type Profile } from './world.js';

const second = 1_000_000;

export interface Watch {
  readonly random: Random;
  readonly host: Host;
  readonly profile: Profile;
  readonly transport: Transport;
  /** Those that are taken on other hosts. */
  readonly captures: readonly string[];
  readonly offset: (capture: string) => Micros;
  readonly endAt: Micros;
}

/** A time in which a host's sensor runs. */
interface Run {
  readonly from: Micros;
  readonly to: Micros;
  /** Absent: the world ends with it. */
  readonly end?: 'stopped' | 'killed';
}

/** How the sensor of a host works, in all its runs. */
interface Method {
  readonly isOsquery: boolean;
  readonly resolution: Micros;
  /** Time between two watermarks of events, and between two polls. */
  readonly tick: Micros;
  readonly interval: Micros;
}

function times({ from, to, end }: Run, step: Micros, random: Random): Micros[] {
  const out = [from];
  for (let at = from; at + step < to; ) {
    at += step + random.int(0, Math.floor(step / 10));
    out.push(at);
  }
  if (end === undefined) return out;
  const within = out.filter((at) => at < to);
  return end === 'stopped' ? [...within, to] : within;
}

/** When the sensor of a host runs: between its gaps, and not again once it fell silent. */
function runsOf({ gaps }: Host, from: Micros, endAt: Micros, silentAt = Infinity): Run[] {
  const runs: Run[] = [];
  let start = from;
  for (const { from: to, to: next, isStopped } of gaps) {
    if (silentAt <= to) break;
    runs.push({ from: start, to, end: isStopped ? 'stopped' : 'killed' });
    start = next;
  }
  if (silentAt > start || runs.length === 0) runs.push({ from: start, to: endAt });
  return runs;
}

export function observeHost(watch: Watch): Delivery[] {
  const { random, host, profile, transport, endAt } = watch;
  const drawn = genesis + random.int(200_000, random.chance(0.2) ? 4 * second : 900_000);
  const isOsquery = (profile === 'audit' || (profile === 'poll' && random.chance(0.5))) && host.gaps.length === 0;
  const interval = random.int(200_000, 2_500_000);
  const tick = random.int(200_000, second);
  const method: Method = { isOsquery, resolution: isOsquery ? second : 1, tick, interval };
  const from = host.gaps.length === 0 ? drawn : Math.min(drawn, host.gaps[0]!.from - second);
  const runs = runsOf(host, from, endAt, transport.silentAt);
  const out: Delivery[] = [];
  let streams: StreamSeen[] = [];
  const handedOver = new Map<string, Micros>();
  for (const run of runs) {
    const told = observeRun(watch, method, run, handedOver);
    streams = told.streams;
    out.push(...told.deliveries);
    if (run !== runs[0]) out.push({ at: run.from, row: seenRow(host, run, streams, isOsquery) });
    if (run.end !== undefined) out.push(endOf(host, run, told.deliveries, random));
  }
  out.push(...controlRows(watch, runs[0]!, streams, isOsquery));
  const { silentAt } = transport;
  // Who is given up in a gap has been silent since before.
  if (silentAt !== undefined && runs.at(-1)!.end === undefined) {
    const at = host.clock(silentAt);
    out.push({ at: silentAt + 2 * second, row: { kind: 'host_timeout', host: host.id, at } });
  }
  return out;
}

function observeRun(
  watch: Watch,
  { isOsquery, resolution, tick, interval }: Method,
  run: Run,
  handedOver: Map<string, Micros>,
): { deliveries: Delivery[]; streams: StreamSeen[] } {
  const { random, host, profile } = watch;
  const { from } = run;
  const boot = host.bootAt(from);
  const once = [from];
  const ticks = times(run, tick, random);
  const isEventful = profile === 'ebpf' || profile === 'audit';
  // What an agent of events has polled goes out with the watermarks of these.
  const lastPoll = run.end === 'killed' && isEventful ? ticks.at(-1)! : Infinity;
  const polls = times(run, interval, random).filter((at) => at <= lastPoll);
  const transport = host.gaps.length === 0 ? watch.transport : transportIn(watch.transport, run);
  const deliveries: Delivery[] = [];
  const streams: StreamSeen[] = [];
  const add = <T extends HostTable>(stream: RowStream<T>, completeAt: readonly Micros[], way = transport): void => {
    // Of the program's own polling sensors every other one says how often it polls.
    const saysPause = profile === 'poll' && !isOsquery && interval % 2 === 0 && completeAt === polls;
    const pause = saysPause ? { pause: Math.ceil(1.1 * interval) } : {};
    streams.push({ stream: stream.stream, table: stream.table, ...pause });
    const told = stream.deliver(way, completeAt, random, handedOver.get(stream.stream) ?? 0);
    handedOver.set(stream.stream, Math.max(0, ...told.map(({ at }) => at)));
    deliveries.push(...told);
  };
  if (isEventful) {
    const detail = profile === 'ebpf' ? 'full' : 'audit';
    const processes = new RowStream(host, 'process_events', resolution, boot);
    observeProcesses(host, processes, detail, from);
    add(processes, ticks);
    const sockets = new RowStream(host, 'socket_events', resolution, boot);
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
    const stream = new RowStream<HostTable>(host, table, resolution, boot);
    poll(stream, looks, look);
    add(stream, completeAt);
  }
  if (host.nat !== undefined && !isOsquery) {
    const stream = new RowStream(host, 'conntrack', resolution, boot);
    observeTranslations(host.nat, stream, ticks);
    const { lost } = transport;
    // What is lost began with the read before.
    const lostFrom = lost && (ticks.findLast((at) => at <= lost.from) ?? lost.from);
    add(stream, ticks, lost === undefined ? transport : { ...transport, lost: { ...lost, from: lostFrom! } });
  }
  if (profile !== 'audit') {
    // The program's own sensors tell of packet sockets too; nobody in the world has one.
    add(new RowStream<HostTable>(host, 'packet_sockets', resolution, boot), polls);
  }
  const addresses = new RowStream(host, 'interface_addresses', resolution, boot);
  poll(addresses, polls, lookAtAddresses(host, isOsquery));
  add(addresses, polls);
  const users = new RowStream(host, 'users', resolution, boot);
  poll(users, once, lookAtUsers(host));
  add(users, polls);
  return { deliveries, streams };
}

/** What of a loss falls into a run. */
function transportIn(transport: Transport, { from, to }: Run): Transport {
  const { lost, ...whole } = transport;
  if (lost === undefined || lost.from >= to || lost.to <= from) return whole;
  return { ...whole, lost: { ...lost, from: Math.max(lost.from, from), to: Math.min(lost.to, to) } };
}

function seenRow(host: Host, { from }: Run, streams: StreamSeen[], isOsquery: boolean): HostRow {
  return {
    ...{ kind: 'host', host: host.id, boot: host.bootAt(from), streams, from: host.clock(from) },
    ...(isOsquery ? {} : { net_namespace: host.own.id }),
  };
}

/** The host was watched until the last watermark. One whose agent was killed says so as that begins anew, or the engine before. */
function endOf(host: Host, { to, end }: Run, told: readonly Delivery[], random: Random): Delivery {
  const untils = told.flatMap(({ row }) => (row.kind === 'complete' ? [row.until] : []));
  const next = host.gaps.find(({ from }) => from === to)!.to;
  const at = end === 'stopped' ? to + 1_000 : random.int(to, next);
  return { at, row: { kind: 'host_timeout', host: host.id, at: Math.max(...untils) } };
}

function controlRows(watch: Watch, first: Run, streams: StreamSeen[], isOsquery: boolean): Delivery[] {
  const { random, host, captures, offset, endAt } = watch;
  const { from } = first;
  const out: Delivery[] = [{ at: from, row: seenRow(host, first, streams, isOsquery) }];
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
  return out;
}
