import { CorrelateError } from '../core/errors.js';
import { CANNOT, type ChildPrograms, trafficProgram } from './child-programs.js';

/**
 * Where the traffic happens. `namespaces`: hosts as network namespaces on a bridge; `user-namespace`: the same, as the root of a user namespace; `loopback`:
 * this host's loopback, since neither may be had.
 */
const stageKinds = ['namespaces', 'user-namespace', 'loopback'] as const;
export type StageKind = (typeof stageKinds)[number];

const hosts = ['client', 'server', 'container'] as const;
type Host = (typeof hosts)[number];

/** A point from which programs run. */
export interface Spot {
  /** The words before a command. */
  readonly prefix: readonly string[];
  /** Addresses by version. */
  readonly addresses: Readonly<Record<4 | 6, string>>;
}

export interface Stage {
  readonly spots: Readonly<Record<Host | 'tap', Spot>>;
  /** What is captured, from the tap. */
  readonly interfaces: readonly string[];
}

const loopback = { 4: '127.0.0.1', 6: '::1' } as const;
const here: Spot = { prefix: [], addresses: loopback };

/** This host as it is. */
export const loopbackStage: Stage = {
  spots: { client: here, server: here, container: here, tap: here },
  interfaces: ['lo'],
};

/** Addresses of the ranges for documentation. */
const addresses: Readonly<Record<Host, Spot['addresses']>> = {
  client: { 4: '198.51.100.10', 6: '2001:db8:77::10' },
  server: { 4: '198.51.100.20', 6: '2001:db8:77::20' },
  container: { 4: '198.51.100.30', 6: '2001:db8:77::30' },
};

/**
 * Three hosts on a bridge, each a network namespace, and the bridge in one of its own, which is the tap. The namespaces have no names: each lives as long
 * as a program that holds it, and everything in it goes with it.
 * @throws CorrelateError SELFTEST_FAILED
 */
export async function buildStage(programs: ChildPrograms): Promise<Stage> {
  const tap = await holdNamespace(programs);
  await configure(programs, tap, ['link set lo up', 'link add br0 type bridge', 'link set br0 up']);
  const spots: Partial<Record<Host, Spot>> = {};
  for (const host of hosts) {
    const pid = await holdNamespace(programs);
    const { 4: ipv4, 6: ipv6 } = addresses[host];
    const card = `v-${host}`;
    await configure(programs, tap, [
      `link add ${card} type veth peer name eth0 netns ${pid}`,
      `link set ${card} master br0 up`,
    ]);
    await configure(programs, pid, [
      'link set lo up',
      `address add ${ipv4}/24 dev eth0`,
      // A machine may be without IPv6, which shows in the kinds that need it.
      `-6 address add ${ipv6}/64 dev eth0 nodad`,
      'link set eth0 up',
    ]);
    spots[host] = { prefix: within(pid), addresses: addresses[host] };
  }
  return {
    spots: { ...(spots as Record<Host, Spot>), tap: { prefix: within(tap), addresses: loopback } },
    interfaces: ['br0', 'lo'],
  };
}

function within(pid: string): string[] {
  return [trafficProgram, 'in', pid];
}

/** Starts a program that holds a network namespace; returns its pid. */
async function holdNamespace(programs: ChildPrograms): Promise<string> {
  const holder = programs.start([trafficProgram, 'hold']);
  const pid = await holder.until(() => /^ready (\d+)$/.exec(holder.lines[0] ?? '')?.[1]);
  if (pid === undefined) throw new CorrelateError('SELFTEST_FAILED', `no network namespace: ${holder.said}`);
  return pid;
}

/** Runs commands of `ip` in a namespace. */
async function configure(programs: ChildPrograms, pid: string, commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    const words = command.split(' ');
    const { code, said } = await programs.start([...within(pid), 'ip', ...words]).wait();
    if (code !== 0 && words[0] !== '-6') throw new CorrelateError('SELFTEST_FAILED', `ip ${command}: ${said}`);
  }
}

/** Whether hosts can be made of namespaces; else why not. */
export async function namespacesRefused(programs: ChildPrograms, asUser: boolean): Promise<string | undefined> {
  const alone = asUser ? [trafficProgram, 'alone'] : [];
  const tried = programs.start([...alone, trafficProgram, 'hold']);
  const pid = await tried.until(() => /^ready (\d+)$/.exec(tried.lines[0] ?? '')?.[1]);
  const { said, code } = await tried.end();
  if (pid === undefined) return code === CANNOT || code === 1 ? said : `the traffic program ended with ${code}`;
  const ip = programs.start(['ip', '-V']);
  const { code: ipCode } = await ip.end();
  return ipCode === 0 ? undefined : 'the program ip is not installed (Debian package iproute2)';
}
