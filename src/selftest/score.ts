import type { Micros } from '../core/time.js';
import { SECOND } from '../core/time.js';
import type { TrueEnd } from './truth.js';

/** An end of a connection line, as far as it is compared (schema `attributed-connection`). */
interface ToldEnd {
  readonly state: 'attributed' | 'ambiguous' | 'pending' | 'unattributed';
  readonly reason?: string;
  readonly method?: string;
  readonly process?: { readonly pid: number };
  readonly sharers?: readonly { readonly pid: number }[];
  readonly user?: { readonly uid: number };
}

export interface ToldConnection {
  readonly ts: number;
  readonly uid: string;
  readonly 'id.orig_h': string;
  readonly 'id.orig_p': number;
  readonly 'id.resp_h': string;
  readonly 'id.resp_p': number;
  readonly ip_proto: number;
  readonly duration?: number;
  readonly orig_bytes?: number;
  readonly resp_bytes?: number;
  readonly orig: ToldEnd;
  readonly resp: ToldEnd;
}

/** How the ends of one kind were told. Ends that no process owns are counted apart, and only here when they were given an owner. */
export interface Score {
  /** Connections that the programs made. */
  connections: number;
  /** Their ends that a process owns. */
  ends: number;
  /** Told with the true process and user, on the last line. */
  right: number;
  /** One owner was told, on the last line, right or not. */
  unique: number;
  /** Told with an owner, on any line. */
  named: number;
  /** Told with a wrong process, on any line. */
  wrong: number;
  /** Told with the right process on the last line, and with a user that it was not then. */
  wrongUsers: number;
  /** Ends that no process owns. */
  ownerless: number;
  /** What was told in place of an owner, by state or reason. */
  readonly missed: Record<string, number>;
  /** How many ends each kind of evidence decided. */
  readonly methods: Record<string, number>;
  /** Payload that processes sent, and what of it their connections have as told. */
  sentBytes: number;
  attributedBytes: number;
  /** Processes that sent, and those of them told with exactly what they sent. */
  senders: number;
  exactSenders: number;
  /** The first few wrong owners, in a sentence. */
  readonly mistakes: string[];
}

const MISTAKES_TOLD = 3;
/** How far a call and its packets may be apart. */
const NEAR_US: Micros = SECOND;

function newScore(): Score {
  return {
    connections: 0,
    ends: 0,
    right: 0,
    unique: 0,
    named: 0,
    wrong: 0,
    wrongUsers: 0,
    ownerless: 0,
    missed: {},
    methods: {},
    sentBytes: 0,
    attributedBytes: 0,
    senders: 0,
    exactSenders: 0,
    mistakes: [],
  };
}

type Side = 'orig' | 'resp';

/** All lines of a connection, and one of its ends. */
interface Found {
  readonly lines: readonly ToldConnection[];
  readonly side: Side;
}

const other = (side: Side): Side => (side === 'orig' ? 'resp' : 'orig');

/** Ends of connections by protocol, port and peer. */
class ToldEnds {
  readonly #byKey = new Map<string, Found[]>();
  readonly #taken = new Map<string, TrueEnd>();

  constructor(lines: readonly ToldConnection[]) {
    const connections = new Map<string, ToldConnection[]>();
    for (const line of lines) {
      const known = connections.get(line.uid);
      if (known === undefined) connections.set(line.uid, [line]);
      else known.push(line);
    }
    for (const revisions of connections.values()) {
      const line = revisions[0]!;
      for (const side of ['orig', 'resp'] as const) {
        const far = other(side);
        const key = keyOf(line.ip_proto, line[`id.${side}_p`], line[`id.${far}_h`], line[`id.${far}_p`]);
        const found = this.#byKey.get(key);
        if (found === undefined) this.#byKey.set(key, [{ lines: revisions, side }]);
        else found.push({ lines: revisions, side });
      }
    }
  }

  /** The told end that is this one. Of several the first that is not another's yet: ends are asked for in order of time, and told ones stand in it. */
  find(end: TrueEnd): Found | undefined {
    const fitting = (this.#byKey.get(keyOf(end.proto, end.localPort, end.remote, end.remotePort)) ?? [])
      .filter((found) => isAt(found, end))
      .sort((a, b) => a.lines[0]!.ts - b.lines[0]!.ts);
    return fitting.find((found) => !this.#taken.has(takenKey(found))) ?? fitting.at(-1);
  }

  /** The end that a told one stands for: of several, as when a port was used again within one UDP connection, the first. */
  claim(found: Found, end: TrueEnd): TrueEnd {
    const key = takenKey(found);
    const first = this.#taken.get(key) ?? end;
    this.#taken.set(key, first);
    return first;
  }
}

const takenKey = ({ lines, side }: Found): string => `${lines[0]!.uid} ${side}`;

/** Whether address and time agree. */
function isAt({ lines, side }: Found, end: TrueEnd): boolean {
  const { ts, duration = 0, ...line } = lines.at(-1)!;
  if (end.local !== undefined && line[`id.${side}_h`] !== end.local) return false;
  return ts * SECOND <= end.to + NEAR_US && (ts + duration) * SECOND >= end.from - NEAR_US;
}

function keyOf(proto: number, localPort: number, remote: string, remotePort: number): string {
  return `${proto} ${localPort} ${remote} ${remotePort}`;
}

/** Compares what was told with what was done, kind by kind, on every line that was told. */
export function score(truth: readonly TrueEnd[], lines: readonly ToldConnection[]): Map<string, Score> {
  const told = new ToldEnds(lines);
  const scores = new Map<string, Score>();
  const senders = new Map<string, { score: Score; sent: number; attributed: number }>();
  for (const end of [...truth].sort((a, b) => a.from - b.from)) {
    const kind = scores.get(end.kind) ?? newScore();
    scores.set(end.kind, kind);
    const found = told.find(end);
    const first = found === undefined ? end : told.claim(found, end);
    // What follows in the same connection is not another one, and its bytes are of the first owner.
    if (first !== end && first.owner?.pid !== end.owner?.pid) continue;
    if (first === end && end.role === 'orig') kind.connections++;
    const bytes = first === end ? count(kind, end, found) : 0;
    if (end.owner === undefined || end.sent === 0) continue;
    const key = `${end.kind} ${end.owner.pid}`;
    const sender = senders.get(key) ?? { score: kind, sent: 0, attributed: 0 };
    senders.set(key, sender);
    sender.sent += end.sent;
    sender.attributed += bytes;
  }
  for (const { score: kind, sent, attributed } of senders.values()) {
    kind.senders++;
    kind.sentBytes += sent;
    kind.attributedBytes += attributed;
    if (sent === attributed) kind.exactSenders++;
  }
  return scores;
}

/** Counts an end. Returns the bytes that its owner was told to have sent. */
function count(kind: Score, end: TrueEnd, found: Found | undefined): number {
  const told = found?.lines.map((line) => line[found.side]) ?? [];
  const named = told.filter(({ state }) => state === 'attributed');
  const mistake = named.find((each) => !isProcess(each, end) && !isShared(each, end));
  if (named.length > 0) kind.named++;
  if (mistake !== undefined) {
    kind.wrong++;
    if (kind.mistakes.length < MISTAKES_TOLD) kind.mistakes.push(mistakeText(end, mistake));
  }
  if (end.owner === undefined) {
    kind.ownerless++;
    return 0;
  }
  kind.ends++;
  const last = told.at(-1);
  if (last?.state !== 'attributed') {
    const what = last === undefined ? 'not captured' : (last.reason ?? last.state);
    kind.missed[what] = (kind.missed[what] ?? 0) + 1;
    return 0;
  }
  if (isShared(last, end)) {
    kind.missed[last.method!] = (kind.missed[last.method!] ?? 0) + 1;
    return 0;
  }
  kind.unique++;
  if (!isProcess(last, end)) return 0;
  if (last.user !== undefined && last.user.uid !== end.owner.uid) {
    kind.wrongUsers++;
    return 0;
  }
  kind.right++;
  if (last.method !== undefined) kind.methods[last.method] = (kind.methods[last.method] ?? 0) + 1;
  return found!.lines.at(-1)![`${found!.side}_bytes`] ?? 0;
}

function isProcess(told: ToldEnd, { owner }: TrueEnd): boolean {
  return owner !== undefined && told.process?.pid === owner.pid;
}

/** Method shared_socket says that no row tells which of the holders made it: no owner was claimed where the true one is among the sharers. */
function isShared(told: ToldEnd, { owner }: TrueEnd): boolean {
  return told.method === 'shared_socket' && told.sharers?.some(({ pid }) => pid === owner?.pid) === true;
}

function mistakeText(end: TrueEnd, told: ToldEnd): string {
  const truth = end.owner === undefined ? 'no process' : `process ${end.owner.pid}`;
  const where = `${end.local ?? '*'} port ${end.localPort} to ${end.remote} port ${end.remotePort}`;
  return `${where}: ${truth} was told as ${told.process?.pid} (${told.method})`;
}

/** The sum of several. */
export function total(scores: Iterable<Score>): Score {
  const sum = newScore();
  for (const each of scores) {
    for (const field of sums) sum[field] += each[field];
    for (const [what, times] of Object.entries(each.missed)) sum.missed[what] = (sum.missed[what] ?? 0) + times;
    for (const [what, times] of Object.entries(each.methods)) sum.methods[what] = (sum.methods[what] ?? 0) + times;
    sum.mistakes.push(...each.mistakes.slice(0, MISTAKES_TOLD - sum.mistakes.length));
  }
  return sum;
}

const sums = [
  'connections',
  'ends',
  'right',
  'unique',
  'named',
  'wrong',
  'wrongUsers',
  'ownerless',
  'sentBytes',
  'attributedBytes',
  'senders',
  'exactSenders',
] as const;
