import type { Micros } from '../../../src/core/time.js';
import { PROMPT } from '../../../src/join/call-times.js';
import type { AttributedConnection, AttributedEnd, End } from '../../../src/records/attributed-connection.js';
import type { Fact } from './host.js';
import { sameEndpoint } from './sockets.js';
import type { TrueEnd, Truth } from './truth.js';
import type { Profile, World } from './world.js';

export type Verdict = 'right' | 'wrong' | 'open';

/** Methods that rest on who holds a connected socket, which any of its holders may be. */
const holderMethods = new Set(['open_socket', 'shared_socket']);
/** Methods that rest on who holds a socket without a peer, which each of its holders may serve or send through. */
const poolMethods = new Set(['listening_port', 'local_endpoint']);

/** How far a told start may lie from the true one: whole seconds, and half a tick of a coarse source. */
const startSlack: Record<Profile, number> = { ebpf: 1_100_000, audit: 1_100_000, poll: 1_100_000, none: 0 };

function isSameStart(told: number | undefined, hostStart: number, start: number, profile: Profile): boolean {
  if (told === undefined) return true;
  const slack = startSlack[profile];
  return Math.abs(told - hostStart) <= slack || Math.abs(told - start) <= slack;
}

function isOwner(end: AttributedEnd, truth: TrueEnd, profile: Profile): boolean {
  const { pid, start, cmdline } = end.process;
  if (end.host.boot !== truth.boot) return false;
  if (pid !== truth.pid || !isSameStart(start, truth.hostStart, truth.start, profile)) return false;
  if (end.user !== undefined && end.user.uid !== truth.uid) return false;
  if (!areAncestors(end, truth)) return false;
  // Only a stream of every exec can know the image of a moment.
  return profile !== 'ebpf' || cmdline === undefined || truth.cmdlines.includes(cmdline);
}

/** Told ancestors are the true ones in order, as far as they are told. */
function areAncestors(end: AttributedEnd, truth: TrueEnd): boolean {
  return (end.process.ancestors ?? []).every((told, i) => told.pid === truth.ancestors[i]?.pid);
}

function isHolder(end: AttributedEnd, truth: TrueEnd, profile: Profile): boolean {
  return truth.holders.some(
    (holder) =>
      holder.pid === end.process.pid && isSameStart(end.process.start, holder.hostStart, holder.start, profile),
  );
}

/** Whether a told end names the true owner. Everything but `attributed` is open: it claims nobody. */
export function judgeEnd(end: End, truth: TrueEnd | undefined, world: World): Verdict {
  const verdict = judgeOwner(end, truth, world);
  return verdict === 'wrong' && truth?.instead !== undefined ? judgeOwner(end, truth.instead, world) : verdict;
}

function judgeOwner(end: End, truth: TrueEnd | undefined, world: World): Verdict {
  if (end.state !== 'attributed') return 'open';
  if (truth === undefined || end.host.id !== truth.host) return 'wrong';
  const profile = world.profiles.get(truth.host)!;
  if (
    end.user?.name !== undefined &&
    end.user.name !== (end.user.uid === 0 ? 'root' : `u${end.user.uid}-${truth.host}`)
  ) {
    return 'wrong';
  }
  if (isOwner(end, truth, profile)) return 'right';
  if (!isHolder(end, truth, profile)) return 'wrong';
  if (holderMethods.has(end.method)) return 'right';
  if (!poolMethods.has(end.method)) return 'wrong';
  return end.process.pid === truth.pid || !wasShown(truth, world) ? 'right' : 'wrong';
}

/**
 * Whether some row showed the true owner with the socket by the end of the connection, so that naming another of its holders is a mistake: what the
 * first poll of a later run of the watcher shows may long have been told otherwise.
 */
function wasShown({ host, boot, pid, standing, over }: TrueEnd, world: World): boolean {
  return world.deliveries.some(({ row }) => {
    if (row.kind !== 'row' || row.host !== host || row.boot !== boot || row.action !== 'added') return false;
    if (row.table !== 'listening_ports' && row.table !== 'process_open_sockets') return false;
    return row.columns.pid === pid && row.columns.socket === standing && (row.since ?? row.time) <= over;
  });
}

/** The verdicts on both ends of a line. */
export function judge(line: AttributedConnection, world: World): { orig: Verdict; resp: Verdict } {
  const { orig, resp } = endsOf(line, world.truth.get(line.connection.uid)!);
  return { orig: judgeEnd(line.orig, orig, world), resp: judgeEnd(line.resp, resp, world) };
}

/** The true ends as the line names them: a line may have learned who began. */
function endsOf(
  { connection: { history = '' } }: AttributedConnection,
  { orig, resp }: Truth,
): Pick<Truth, 'orig' | 'resp'> {
  const [first, second] = history.startsWith('^h') ? [resp, orig] : [orig, resp];
  return { ...(first !== undefined && { orig: first }), ...(second !== undefined && { resp: second }) };
}

/**
 * Whether the originating end names the caller of the next connection with its endpoints, whose first packet was held up, or of one whose first packet
 * never left, as the socket was closed meanwhile, where its call and this connection's first packet lie within the error of the clock. No row tells
 * that one from its own caller until its own call does.
 */
export function isHeldUpCaller({ connection, orig }: AttributedConnection, world: World): boolean {
  if (orig.state !== 'attributed' || orig.clock === undefined) return false;
  const { flow } = world.truth.get(connection.uid)!;
  const { pid } = orig.process;
  const { err } = orig.clock;
  const { id } = orig.host;
  const isNear = (at: Micros): boolean => Math.abs(at - flow.start) <= 2 * err;
  const isHeldUp = [...world.truth.values()].some(({ flow: next }) => {
    const { origOwner: caller, start } = next;
    if (next === flow || caller?.process.pid !== pid || caller.process.host.id !== id) return false;
    if (!sameEndpoint(next.orig, flow.orig) || !sameEndpoint(next.resp, flow.resp)) return false;
    return start - caller.at > PROMPT && isNear(caller.at);
  });
  return isHeldUp || world.hosts.some((host) => host.id === id && host.facts.some(hasNeverLeft));

  function hasNeverLeft(fact: Fact): boolean {
    if (fact.kind !== 'connect' || fact.process.pid !== pid || !isNear(fact.at)) return false;
    const { local, remote, closed = Infinity } = fact.socket;
    if (remote === undefined || !sameEndpoint(local, flow.orig) || !sameEndpoint(remote, flow.resp)) return false;
    const hasLeft = [...world.truth.values()].some(({ flow: other }) => other.sockets.includes(fact.socket));
    return !hasLeft && closed - fact.at > PROMPT;
  }
}

function describeEnd(end: End | TrueEnd | undefined): string {
  return JSON.stringify(end, (key, value: unknown) => (key === 'evidence' || key === 'ancestors' ? undefined : value));
}

/** What a failing test prints about a line. */
export function describeLine(line: AttributedConnection, world: World): string {
  const { connection: c } = line;
  const truth = endsOf(line, world.truth.get(c.uid)!);
  return [
    `seed ${world.seed} ${c.uid} ${c.proto} ${c['id.orig_h']}:${c['id.orig_p']} > ${c['id.resp_h']}:${c['id.resp_p']}`,
    `ts ${c.ts} +${c.duration ?? 0} history ${c.history ?? ''} cause ${line.cause} rev ${line.rev}`,
    `orig  ${describeEnd(line.orig)}`,
    `truth ${describeEnd(truth.orig)}`,
    `resp  ${describeEnd(line.resp)}`,
    `truth ${describeEnd(truth.resp)}`,
  ].join('\n  ');
}
