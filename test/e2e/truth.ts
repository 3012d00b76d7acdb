import { readFileSync } from 'node:fs';

/** One call that a program of a sample made, as the program itself knew it (samples/record/shim.c). */
export interface TruthEntry {
  readonly host: string;
  readonly pid: number;
  readonly uid: number;
  readonly exe: string;
  readonly proto: 'tcp' | 'udp';
  readonly role: 'connect' | 'accept' | 'send' | 'receive';
  readonly local_address: string;
  readonly local_port: number;
  readonly remote_address: string;
  readonly remote_port: number;
  /** Microseconds since the epoch. */
  readonly start: number;
  readonly end?: number;
}

/** A connection line as far as it is compared. */
export interface ConnectionLine {
  readonly ts: number;
  readonly duration?: number;
  readonly uid: string;
  readonly 'id.orig_h': string;
  readonly 'id.orig_p': number;
  readonly 'id.resp_h': string;
  readonly 'id.resp_p': number;
  readonly proto: string;
  readonly orig: EndLine;
  readonly resp: EndLine;
}

export interface EndLine {
  readonly state: string;
  readonly reason?: string;
  readonly method?: string;
  readonly host?: { readonly id: string };
  readonly process?: { readonly pid: number; readonly path?: string };
  readonly user?: { readonly uid: number };
  readonly container?: { readonly id: string };
  readonly clock?: { readonly offset: number; readonly err: number };
  /** The end's own endpoints where it is behind a translation. */
  readonly nat?: {
    readonly host: { readonly id: string };
    readonly address: string;
    readonly port: number;
    readonly peer_address: string;
    readonly peer_port: number;
  };
  readonly candidates?: readonly { readonly process: { readonly pid: number } }[];
}

export function readTruth(path: string): TruthEntry[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as TruthEntry);
}

export interface TruthfulEnd {
  readonly line: ConnectionLine;
  readonly side: 'orig' | 'resp';
  readonly end: EndLine;
  /** Who owns the end; undefined when no watched program called connect, accept, send or receive for it. */
  readonly truth: TruthEntry | undefined;
}

/** How far the clocks of the shim and the capture, on one machine, and a call and its packet may be apart. */
const NEAR_US = 2_000_000;

function nearest(entries: readonly TruthEntry[], line: ConnectionLine, side: 'orig' | 'resp'): TruthEntry | undefined {
  const other = side === 'orig' ? 'resp' : 'orig';
  const own = line[side].nat ?? {
    address: line[`id.${side}_h`],
    port: line[`id.${side}_p`],
    peer_address: line[`id.${other}_h`],
    peer_port: line[`id.${other}_p`],
  };
  const first = line.ts * 1e6;
  const last = first + (line.duration ?? 0) * 1e6;
  const fits = entries.filter(
    (entry) =>
      entry.proto === line.proto &&
      entry.local_port === own.port &&
      (entry.local_address === own.address || entry.local_address === '0.0.0.0') &&
      entry.remote_port === own.peer_port &&
      entry.remote_address === own.peer_address &&
      entry.start > first - NEAR_US &&
      entry.start < last + NEAR_US,
  );
  const distance = (entry: TruthEntry) => Math.abs(entry.start - first);
  return fits.reduce<TruthEntry | undefined>(
    (best, e) => (best && distance(best) <= distance(e) ? best : e),
    undefined,
  );
}

/** Every end of every TCP and UDP connection with its true owner. */
export function compareWithTruth(lines: readonly ConnectionLine[], truth: readonly TruthEntry[]): TruthfulEnd[] {
  return lines
    .filter((line) => line.proto !== 'icmp')
    .flatMap((line) =>
      (['orig', 'resp'] as const).map((side) => ({ line, side, end: line[side], truth: nearest(truth, line, side) })),
    );
}
