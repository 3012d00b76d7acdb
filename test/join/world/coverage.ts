import { PROMPT } from '../../../src/join/call-times.js';
import type { AttributedConnection } from '../../../src/records/attributed-connection.js';
import { sameEndpoint } from './sockets.js';
import type { World } from './world.js';

const near = 1_000_000;

/** What a world puts in the join's way. */
export interface Hardships {
  readonly portReuse: boolean;
  readonly pidReuse: boolean;
  readonly lateRows: boolean;
  readonly translated: boolean;
  readonly unanswered: boolean;
  readonly doubtful: boolean;
  readonly translatedAgain: boolean;
  readonly heldUp: boolean;
  readonly seenSending: boolean;
}

/** Two connections with the same endpoints and different owners, within a second of each other. */
function hasPortReuse(world: World): boolean {
  const flows = [...world.truth.values()].map((truth) => truth.flow).filter((flow) => flow.origOwner !== undefined);
  return flows.some((a, i) =>
    flows
      .slice(i + 1)
      .some(
        (b) =>
          a.proto === b.proto &&
          sameEndpoint(a.orig, b.orig) &&
          sameEndpoint(a.resp, b.resp) &&
          a.origOwner!.process !== b.origOwner!.process &&
          b.start - a.last < near,
      ),
  );
}

/** A pid that owned a connection belonged to another process within a second of it. */
function hasPidReuse(world: World): boolean {
  return [...world.truth.values()].some(({ flow }) =>
    [flow.origOwner, flow.respOwner].some((owner) =>
      owner?.process.host.processes.all.some(
        (other) =>
          other !== owner.process &&
          other.pid === owner.process.pid &&
          other.start < flow.last + near &&
          (other.exit ?? Number.POSITIVE_INFINITY) > flow.start - near,
      ),
    ),
  );
}

/** A row came more than half a second after what it tells. */
function hasLateRows(world: World): boolean {
  const hosts = new Map(world.hosts.map((host) => [host.id, host]));
  return world.deliveries.some(({ at, row }) => {
    if (row.kind !== 'row') return false;
    const host = hosts.get(row.host)!;
    return at > row.time - host.offset(at) + row.resolution + near / 2;
  });
}

/** A connection that was captured before and behind a host that translates it, and tells so. */
function isTranslated({ deliveries }: World): boolean {
  return deliveries.some(({ row }) => row.kind === 'row' && row.table === 'conntrack');
}

/** A host translated connections between the same endpoints three times. */
function isTranslatedAgain({ hosts }: World): boolean {
  return hosts.some(({ nat }) => {
    const ways = nat?.trackings.map(({ original, reply }) => JSON.stringify([original, reply])) ?? [];
    return ways.some((way) => ways.filter((other) => other === way).length >= 3);
  });
}

/** The first packet of a connect left long after it. */
function hasHeldUp({ truth }: World): boolean {
  return [...truth.values()].some(
    ({ flow: { proto, start, origOwner } }) =>
      proto === 'tcp' && origOwner !== undefined && start - origOwner.at > PROMPT,
  );
}

/** A poll saw a socket first between two datagrams that went through it. */
function isSeenSending({ deliveries, hosts, truth }: World): boolean {
  const flows = [...truth.values()].flatMap(({ flow }) =>
    flow.proto === 'udp' && flow.last > flow.start ? [flow] : [],
  );
  return deliveries.some(({ at, row }) => {
    if (row.kind !== 'row' || row.table !== 'process_open_sockets' || row.action !== 'added') return false;
    const { host, time, columns } = row;
    const seen = time - hosts.find(({ id }) => id === host)!.offset(at);
    return flows.some(
      ({ origOwner, start, last }) =>
        origOwner?.socket.host.id === host && origOwner.socket.id === columns.socket && start < seen && seen < last,
    );
  });
}

/** What a host translated was told in part, and that some of it was lost. */
export function isTranslationLost({ deliveries }: World): boolean {
  const lost = deliveries.flatMap(({ row }) => (row.kind === 'lost' && row.stream === 'conntrack' ? [row.host] : []));
  return deliveries.some(({ row }) => row.kind === 'row' && row.table === 'conntrack' && lost.includes(row.host));
}

/** A poll saw a socket that waited for an answer. */
function tellsOfUnanswered({ deliveries }: World): boolean {
  return deliveries.some(
    ({ row }) => row.kind === 'row' && row.table === 'process_open_sockets' && row.columns.state === 'SYN_SENT',
  );
}

/** A sensor could not tell which of several processes took a datagram. */
function hasDoubts({ deliveries }: World): boolean {
  return deliveries.some(({ row }) => row.kind === 'row' && row.table === 'socket_events' && row.since !== undefined);
}

export function hardshipsOf(world: World): Hardships {
  return {
    portReuse: hasPortReuse(world),
    pidReuse: hasPidReuse(world),
    lateRows: hasLateRows(world),
    translated: isTranslated(world),
    unanswered: tellsOfUnanswered(world),
    doubtful: hasDoubts(world),
    translatedAgain: isTranslatedAgain(world),
    heldUp: hasHeldUp(world),
    seenSending: isSeenSending(world),
  };
}

/** What worlds hold in which hosts are watched anew. */
export interface Returns {
  readonly gaps: boolean;
  readonly reboots: boolean;
  /** A connection began after a gap at a socket without a peer that was told of before it and after it. */
  readonly toldTwice: boolean;
}

export function returnsOf(world: World): Returns {
  const { hosts } = world;
  return {
    gaps: hosts.some(({ gaps }) => gaps.length > 0),
    reboots: hosts.some(({ starts }) => starts > 1),
    toldTwice: [...world.truth.values()].some(({ flow: { respOwner, start } }) => {
      const { host, opened, id, remote } = respOwner?.listener ?? respOwner?.socket ?? {};
      const gap = host?.gaps.findLast(({ to }) => to < start);
      if (host === undefined || gap === undefined || opened! > gap.from) return false;
      const told = world.deliveries.filter(
        ({ row }) =>
          row.kind === 'row' &&
          row.host === host.id &&
          row.table === 'listening_ports' &&
          row.action === 'added' &&
          row.columns.socket === id &&
          row.boot === host.bootAt(opened!),
      );
      return remote === undefined && new Set(told.map(({ row }) => row)).size > 1;
    }),
  };
}

export function hasTie(lines: readonly AttributedConnection[]): boolean {
  return lines.some((line) => line.orig.state === 'ambiguous' || line.resp.state === 'ambiguous');
}

/** Counts the worlds of a campaign by what was hard in them, so that a campaign that became easy is noticed. */
export class Coverage {
  worlds = 0;
  readonly counts: Record<string, number> = {};

  add(marks: Readonly<Record<string, boolean>>): void {
    this.worlds++;
    for (const [name, holds] of Object.entries(marks)) this.counts[name] = (this.counts[name] ?? 0) + (holds ? 1 : 0);
  }

  toString(): string {
    const shares = Object.entries(this.counts).map(([name, n]) => `${name} ${Math.round((100 * n) / this.worlds)} %`);
    return `${this.worlds} worlds: ${shares.join(', ')}`;
  }

  /** Names of what fewer than one in twenty of the worlds held. */
  tooRare(): string[] {
    return Object.entries(this.counts)
      .filter(([, n]) => n < this.worlds / 20)
      .map(([name]) => name);
  }
}
