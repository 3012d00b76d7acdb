import type { Micros } from '../../../src/core/time.js';
import type { Flow, TrueOwner } from './network.js';
import { imageAt, type Process } from './process-life.js';

/** Who truly owned one end of a connection. */
export interface TrueEnd {
  readonly host: string;
  readonly pid: number;
  /** True time of the fork. */
  readonly start: Micros;
  /** Command lines of the images that the owner had from its call to the connection's first packet, or until it took that. */
  readonly cmdlines: readonly string[];
  readonly uid: number;
  /** Start of the owner as its host's clock told it. */
  readonly hostStart: Micros;
  /** Everybody who ever held the socket or the listener that it came from, the owner among them. */
  readonly holders: readonly { readonly pid: number; readonly start: Micros; readonly hostStart: Micros }[];
  readonly ancestors: readonly { readonly pid: number; readonly path: string }[];
  /** Number of the listener or unconnected socket that the owner held, with others or alone, when the connection began. */
  readonly standing?: number;
  /** When the connection was over, on the clock of its host. */
  readonly over: Micros;
  /** Of its host. */
  readonly boot: string;
  /** Who took a datagram first, where nobody read that which came to this owner's socket: either may be named. */
  readonly instead?: TrueEnd;
}

export interface Truth {
  readonly flow: Flow;
  /** Absent: nobody, or a host that is no part of the world. */
  readonly orig?: TrueEnd;
  readonly resp?: TrueEnd;
}

function imagesBetween(process: Process, from: Micros, to: Micros): string[] {
  const first = imageAt(process, from).cmdline;
  return [first, ...process.images.filter((image) => image.from > from && image.from <= to).map((i) => i.cmdline)];
}

/** connect and accept fix the image; a bound socket is its process's for as long as it lasts. */
function isCall({ socket }: TrueOwner): boolean {
  return socket.remote !== undefined;
}

function trueEnd(owner: TrueOwner, flow: Flow): TrueEnd {
  const { start: flowStart, last } = flow;
  const { process, at, socket, listener } = owner;
  const { host } = process;
  const ancestors: { pid: number; path: string }[] = [];
  for (let p: Process | undefined = process.parent; p !== undefined; p = p.parent) {
    ancestors.push({ pid: p.pid, path: imageAt(p, at).path });
  }
  const standing = listener ?? socket;
  const hasHeld = standing.holds.some((hold) => hold.process === process && hold.from <= flowStart);
  return {
    host: host.id,
    pid: process.pid,
    start: process.start,
    hostStart: host.clock(process.start),
    cmdlines: imagesBetween(process, at, isCall(owner) ? at : Math.max(flowStart, owner.taken ?? flowStart)),
    uid: process.uid,
    holders: [...socket.holds, ...(listener?.holds ?? [])].map(({ process: holder }) => ({
      pid: holder.pid,
      start: holder.start,
      hostStart: host.clock(holder.start),
    })),
    ancestors,
    over: host.clock(last),
    boot: host.bootAt(process.start),
    ...(hasHeld && { standing: standing.id }),
    ...(owner.instead !== undefined && { instead: trueEnd(owner.instead, flow) }),
  };
}

/** The truth by uid, as the records name the ends: a flipped flow has them swapped. */
export function truthOf(flows: readonly Flow[]): Map<string, Truth> {
  const out = new Map<string, Truth>();
  for (const flow of flows) {
    const orig = flow.origOwner === undefined ? undefined : trueEnd(flow.origOwner, flow);
    const resp = flow.respOwner === undefined ? undefined : trueEnd(flow.respOwner, flow);
    const [first, second] = flow.flipped ? [resp, orig] : [orig, resp];
    out.set(flow.uid, {
      flow,
      ...(first === undefined ? {} : { orig: first }),
      ...(second === undefined ? {} : { resp: second }),
    });
  }
  return out;
}
