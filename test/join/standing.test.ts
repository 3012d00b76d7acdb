import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { shownLine } from './world/engine.js';
import { Random } from './world/random.js';

// What an end says whose socket polls alone tell of, held against what all rows say.

const polled: readonly HostTable[] = [
  'process_open_sockets',
  'listening_ports',
  'processes',
  'interface_addresses',
  'users',
];
const called: readonly HostTable[] = ['socket_events', 'process_events'];
const address = '192.0.2.1';
const peer = '198.51.100.1';
const pids = [70, 71];

interface Step {
  /** What the row is about, second; rows of later times may follow a watermark. */
  readonly about: number;
  readonly take: (scene: Scene) => unknown;
}

interface Kind {
  readonly isInbound: boolean;
  readonly protocol: number;
  readonly port: number;
  readonly peerPort: number;
  readonly tables: readonly HostTable[];
  /** When whoever watches the host began to anew, second; what stands is told again then as a rule. */
  readonly restartedAt: number | undefined;
}

/** Near the first packet, or at any time around. */
const moment = (random: Random): number =>
  random.chance(0.4) ? 10 + random.int(-60, 60) / 1e3 : random.int(20, 160) / 10;

function socketSteps(random: Random, { isInbound, protocol, port, peerPort, tables, restartedAt }: Kind): Step[] {
  const pid = random.pick(pids);
  const isConnected = random.chance(0.5);
  const table = isConnected || random.chance(0.5) ? 'process_open_sockets' : 'listening_ports';
  const at = random.chance(0.7) ? random.int(2, 9) : moment(random);
  const local = isConnected ? address : random.pick(['0.0.0.0', '0.0.0.0', address, '::']);
  const own = {
    pid,
    fd: random.int(3, 4),
    socket: random.int(1, 3),
    family: local === '::' ? 10 : 2,
    protocol,
    ...(random.chance(0.5) && { net_namespace: random.chance(0.9) ? '1' : '2' }),
  };
  const state = protocol === 17 ? '' : isConnected ? random.pick(['ESTABLISHED', 'ESTABLISHED', 'SYN_SENT']) : 'LISTEN';
  const ends = isConnected
    ? { local_address: local, local_port: port, remote_address: peer, remote_port: peerPort, state }
    : table === 'listening_ports'
      ? { address: local, port }
      : { local_address: local, local_port: port, state };
  const columns = { ...own, ...ends };
  const resolution = random.chance(0.2) ? 1e6 : 1;
  const since = random.chance(0.7) ? at - 1 : undefined;
  const row = (action: 'added' | 'removed', time: number, before?: number): Step => ({
    about: time,
    take: (scene) => scene.row(scene.makeRow('a', table, action, time, columns, resolution, before)),
  });
  const steps = [row('added', at, since)];
  if (random.chance(0.15)) steps.push(row('removed', at + random.int(1, 8), at + 0.5));
  if (random.chance(0.1)) steps.push(row('added', at + 0.1, at - 0.9));
  if (restartedAt !== undefined && random.chance(0.8)) steps.push(row('added', restartedAt));
  if (tables === polled || random.chance(0.8)) return steps;
  const close = random.chance(0.5);
  const calls = protocol === 17 ? [isInbound ? 'receive' : 'send', 'bind'] : ['accept', 'connect', 'bind', 'listen'];
  const action = close ? 'close' : random.pick(calls);
  const time = moment(random);
  const callEnds = { local_address: local, local_port: port, remote_address: peer, remote_port: peerPort };
  const { local_address: _, local_port: __, ...blank } = callEnds;
  const call = {
    ...own,
    fd: String(own.fd),
    socket: String(own.socket),
    action,
    ...(close ? {} : random.chance(0.5) ? blank : callEnds),
    path: '/bin/x',
  };
  steps.push({ about: time, take: (scene) => scene.event('a', 'socket_events', time, call) });
  return steps;
}

function processSteps(random: Random, { tables, restartedAt }: Kind): Step[] {
  const pid = random.pick([...pids, 7]);
  const about = { pid, parent: random.pick([1, 7]), path: random.pick(['/bin/x', '/bin/y']), uid: random.int(0, 1) };
  if (tables !== polled && random.chance(0.5)) {
    const at = moment(random);
    const columns = { ...about, syscall: random.pick(['execve', 'fork', 'exit', 'setresuid']) };
    return [{ about: at, take: (scene) => scene.event('a', 'process_events', at, columns) }];
  }
  const at = random.chance(0.7) ? random.int(2, 9) : moment(random);
  const start = Math.floor(1_700_000_000 + at) - random.pick([0, 1, 100]);
  const columns = { ...about, name: 'n', cmdline: about.path, start_time: start };
  const steps: Step[] = [{ about: at, take: (scene) => scene.added('a', 'processes', at, columns, at - 1) }];
  if (restartedAt !== undefined && random.chance(0.8)) {
    steps.push({ about: restartedAt, take: (scene) => scene.added('a', 'processes', restartedAt, columns) });
  }
  if (random.chance(0.2)) {
    const gone = at + random.int(1, 6);
    steps.push({ about: gone, take: (scene) => scene.removed('a', 'processes', gone, columns, gone - 1) });
  }
  return steps;
}

function hardships(random: Random, kind: Kind, ends: string): Step[] {
  const steps: Step[] = [];
  const maybe = (chance: number, take: Step['take'], about = Infinity): unknown =>
    random.chance(chance) && steps.push({ about, take });
  const at = moment(random);
  const stream = random.pick([...kind.tables]);
  maybe(0.08, (scene) => scene.row({ kind: 'lost', host: 'a', stream, from: scene.at(at), to: scene.at(at + 0.1) }));
  maybe(0.05, (scene) => scene.row({ kind: 'host_timeout', host: 'a', at: scene.at(at) }));
  maybe(0.05, (scene) => scene.row({ kind: 'host', host: 'a', streams: [], from: scene.at(at) }));
  maybe(0.15, (scene) => scene.start('C2', 10 + at / 20, ends));
  maybe(0.2, (scene) => scene.advance(13));
  const elsewhere = { interface: 'eth1', address };
  maybe(0.05, (scene) => scene.added('b', 'interface_addresses', at, elsewhere, at - 1));
  maybe(0.05, (scene) => scene.added('a', 'interface_addresses', at, { interface: 'eth1', address: peer }), at);
  maybe(0.05, (scene) => scene.removed('a', 'interface_addresses', at, { interface: 'eth0', address }, at - 1), at);
  maybe(0.2, (scene) => scene.added('a', 'users', 2, { uid: 1, username: random.pick(['u', 'v']) }), 2);
  return steps;
}

/** The rows that tell that the host is watched anew, and has its address still. */
function restart(random: Random, { restartedAt: from, tables }: Kind): Step[] {
  if (from === undefined) return [];
  const streams = tables.map((table) => ({ stream: table, table }));
  const silentAt = from - random.pick([0.001, 0.5, 3]);
  const steps: Step[] = [
    { about: silentAt, take: (scene) => scene.row({ kind: 'host_timeout', host: 'a', at: scene.at(silentAt) }) },
    { about: from, take: (scene) => scene.row({ kind: 'host', host: 'a', streams, from: scene.at(from) }) },
  ];
  const own = { interface: random.chance(0.9) ? 'eth0' : 'eth1', address };
  if (random.chance(0.9))
    steps.push({ about: from, take: (scene) => scene.added('a', 'interface_addresses', from, own) });
  return steps;
}

function stepsOf(random: Random, kind: Kind): Step[] {
  const proto = kind.protocol === 6 ? '' : ' udp';
  const [mine, other] = [`${address} ${kind.port}`, `${peer} ${kind.peerPort}`];
  const ends = `${kind.isInbound ? `${other} > ${mine}` : `${mine} > ${other}`}${proto}`;
  const history = kind.protocol === 17 ? 'Dd' : random.pick(['ShADadFf', 'ADad', 'DdAa', 'S']);
  const changes = { history, ...(history === 'S' && { resp_pkts: 0, conn_state: 'S0' }) };
  const capture = random.chance(0.3) ? { captureHost: random.pick(['a', 'c']) } : {};
  const lasts = random.pick([0.03, 0.3, 2]);
  const steps: Step[] = [{ about: Infinity, take: (scene) => scene.start('C1', 10, ends, changes, capture) }];
  for (let n = random.int(0, 3); n > 0; n--) steps.push(...socketSteps(random, kind));
  for (let n = random.int(0, 4); n > 0; n--) steps.push(...processSteps(random, kind));
  if (random.chance(0.5)) steps.push(...hardships(random, kind, ends));
  steps.push(...restart(random, kind));
  // Another one of the same port.
  const beside = ends.replace(peer, '198.51.100.2');
  const later = random.int(100, 140) / 10;
  steps.push({ about: Infinity, take: (scene) => scene.end('C3', later, 0.03, beside, changes) });
  for (let at = steps.length - 1; at > 0; at--) {
    const to = random.int(0, at);
    [steps[at], steps[to]] = [steps[to]!, steps[at]!];
  }
  const end = { about: Infinity, take: (scene: Scene) => scene.end('C1', 10, lasts, ends, changes, capture) };
  steps.splice(random.int(steps.findIndex(({ about }) => about === Infinity) + 1, steps.length), 0, end);
  let after = 0;
  for (const until of [9.5, 9.9995, 10.0005, 10.06, 11, 13]) {
    if (random.chance(0.5)) continue;
    const last = steps.findLastIndex(({ about }) => about <= until);
    after = random.int(Math.max(after, last + 1), steps.length);
    steps.splice(after++, 0, { about: Infinity, take: (scene) => scene.complete('a', until, kind.tables) });
  }
  for (const until of [17, 40])
    steps.push({ about: Infinity, take: (scene) => scene.complete('a', until, kind.tables) });
  return steps;
}

/** Every line, and the step at which it came. */
function linesOf(seed: number, takesShortWay: boolean): { readonly lines: string[]; readonly methods: string[] } {
  const random = new Random(seed);
  const scene = new Scene({ startsKnown: random.chance(0.8), takesShortWay });
  const tables = random.chance(0.5) ? polled : [...called, ...polled];
  const isInbound = random.chance(0.5);
  const [port, peerPort] = isInbound ? [80, 40_000] : [40_000, 80];
  const protocol = random.chance(0.7) ? 6 : 17;
  const restartedAt = random.chance(0.7) ? undefined : random.chance(0.8) ? random.int(3, 9) : moment(random);
  const kind: Kind = { isInbound, protocol, port, peerPort, tables, restartedAt };
  const err = random.pick([0, 1e3, 50e3]);
  scene.row({ kind: 'clock', host: 'a', capture: 'eth0', offset: 0, err, from: scene.at(0) });
  const streams = tables.map((table) => ({ stream: table, table }));
  scene.row({
    kind: 'host',
    host: 'a',
    streams,
    from: scene.at(random.chance(0.8) ? 0 : random.int(9_800, 10_100) / 1e3),
  });
  scene.added('a', 'interface_addresses', random.chance(0.9) ? 1 : moment(random), { interface: 'eth0', address });
  if (random.chance(0.8)) scene.added('a', 'users', 1, { uid: 0, username: 'root' });
  const steps = stepsOf(random, kind);
  const out: string[] = [];
  for (const [at, step] of steps.entries()) {
    const before = scene.lines.length;
    step.take(scene);
    for (const line of scene.lines.slice(before)) out.push(`${at} ${line.rev} ${line.cause} ${shownLine(line)}`);
  }
  scene.join.end();
  const { orig, resp } = scene.last();
  const methods = [orig, resp].flatMap((end) => (end.state === 'attributed' ? [end.method] : []));
  return { lines: [...out, ...scene.lines.map((line) => `${line.rev} ${shownLine(line)}`)], methods };
}

describe('the short way to the owner of a socket that stands', () => {
  it('gives every line that all rows give', () => {
    const found = new Map<string, number>();
    for (let seed = 1; seed <= Number(process.env.ORACLE_COUNT ?? 7_000); seed++) {
      const { lines, methods } = linesOf(seed, true);
      expect(lines, `seed ${seed}`).toEqual(linesOf(seed, false).lines);
      for (const method of methods) found.set(method, (found.get(method) ?? 0) + 1);
    }
    expect([...found.keys()]).toEqual(expect.arrayContaining(['open_socket', 'listening_port', 'local_endpoint']));
  });

  it('is looked for with the first poll after the beginning, where no calls are told', () => {
    const scene = new Scene({ startsKnown: true }).host('a', polled);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address });
    const listener = { pid: 70, fd: 3, socket: 1, family: 2, protocol: 6, address: '0.0.0.0', port: 80 };
    scene.added('a', 'listening_ports', 2, listener);
    scene.complete('a', 9, polled);
    const ends = `${peer} 40000 > ${address} 80`;
    const { looks } = scene.start('C1', 10, ends).join.stats;
    scene.end('C1', 10, 0.1, ends);
    scene.complete('a', 9.9, polled);
    expect([scene.join.stats.looks, scene.lines]).toEqual([looks, []]);
    scene.complete('a', 11, polled);
    expect(scene.join.stats.looks).toBe(looks + 1);
    expect(scene.last().resp).toMatchObject({ state: 'attributed', method: 'listening_port', process: { pid: 70 } });
  });

  it('is not waited for on a host that has fallen silent', () => {
    const scene = new Scene({ startsKnown: true }).host('a', polled);
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address });
    scene.complete('a', 9, polled);
    scene.row({ kind: 'host_timeout', host: 'a', at: scene.at(10.05) });
    const ends = `${peer} 40000 > ${address} 80`;
    scene.start('C1', 10, ends).end('C1', 10, 0.1, ends);
    expect(scene.lines.map(({ resp }) => resp)).toMatchObject([{ reason: 'agent_offline' }]);
  });
});
