import { endianness } from 'node:os';
import { formatIpv4, formatIpv6 } from '../core/address.js';
import type { Micros } from '../core/time.js';

/** Offsets and sizes of native/sensor/record.h and sensor.h; a test compares them with the compiler's. */
export const ringLayout = {
  batchBytes: 40,
  wallOffset: 0,
  drained: 8,
  lostSockets: 16,
  lostProcesses: 24,
  bytes: 32,
  more: 36,
  time: 0,
  size: 8,
  kind: 12,
  flags: 14,
  pid: 16,
  uid: 20,
  loginUid: 24,
  netns: 28,
  headerBytes: 32,
  inode: 32,
  sent: 40,
  received: 48,
  since: 56,
  fd: 64,
  family: 68,
  type: 70,
  protocol: 72,
  localPort: 74,
  remotePort: 76,
  icmpType: 78,
  icmpCode: 79,
  localAddress: 80,
  remoteAddress: 96,
  socketBytes: 112,
  cgroupId: 32,
  parent: 40,
  euid: 44,
  gid: 48,
  egid: 52,
  exitCode: 56,
  pathBytes: 60,
  cwdBytes: 62,
  cgroupBytes: 64,
  argsBytes: 66,
  processBytes: 72,
  maxRecordBytes: 72 + 4096 + 8192 + 8,
} as const;

const socketKinds = ['connect', 'accept', 'listen', 'bind', 'close', 'send', 'receive', 'socket'] as const;
const [ICMP, ICMPV6] = [1, 58];
const processKinds = ['exec', 'fork', 'exit'] as const;

const flag = { hasBytes: 1, pathTruncated: 2, cwdTruncated: 4, cgroupTruncated: 8, argsTruncated: 16 } as const;

/** What every record tells. Numbers that the kernel did not know are absent. */
interface RecordHead {
  /** Host clock. */
  readonly time: Micros;
  readonly pid?: number;
  readonly uid: number;
  readonly loginUid?: number;
  /** Inode of the network namespace. */
  readonly netns?: number;
}

/** A call on a socket, or the first datagram between it and a peer. */
export interface SocketRecord extends RecordHead {
  readonly kind: (typeof socketKinds)[number];
  /** Of a receive: the peer's first datagram was taken between then and `time`, by this process or another one that has the socket. */
  readonly since?: Micros;
  readonly inode?: number;
  readonly fd?: number;
  /** As Linux numbers them; `type` is that of socket(2). */
  readonly family: number;
  readonly type?: number;
  readonly protocol: number;
  /** An endpoint without a port is not known or not connected; what was sent or received has both, with port 0 where the protocol has none. */
  readonly local?: Endpoint;
  readonly remote?: Endpoint;
  /** Of a sent ICMP or ICMPv6 message; the local port is the identifier of an echo, else 0. */
  readonly icmp?: { readonly type: number; readonly code: number };
  /** Payload of a TCP connection that closed. */
  readonly bytes?: { readonly sent: number; readonly received: number };
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface ProcessRecord extends RecordHead {
  /** `user`: it goes on as another one; the ring has none of these. */
  readonly kind: (typeof processKinds)[number] | 'user';
  readonly parent?: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  /** As wait(2) tells it; of exits. */
  readonly exitCode: number;
  /** Of execs. A path that was too long begins with `.../`. */
  readonly path?: string;
  readonly cwd?: string;
  readonly cgroup?: string;
  readonly args?: string;
}

export type RingRecord = SocketRecord | ProcessRecord;

/** What one read of the ring gave. */
export interface RingBatch {
  readonly records: readonly RingRecord[];
  /** Host clock just before the ring was read. */
  readonly drained: Micros;
  /** Records that found the ring full, since the start. */
  readonly lostSockets: number;
  readonly lostProcesses: number;
  readonly hasMore: boolean;
  /** Records that are not understood. Reading stops at one whose size is impossible. */
  readonly bad: number;
}

const little = endianness() === 'LE';

/** Reads a batch as the addon wrote it. Never throws: what does not fit is counted as bad. */
export function decodeBatch(buffer: ArrayBuffer): RingBatch {
  const at = ringLayout;
  const empty = { records: [], drained: 0, lostSockets: 0, lostProcesses: 0, hasMore: false };
  if (buffer.byteLength < at.batchBytes) return { ...empty, bad: 1 };
  const view = new DataView(buffer);
  const offset = Math.round(Number(view.getBigInt64(at.wallOffset, little)) / 1000);
  const end = view.getUint32(at.bytes, little);
  if (end > buffer.byteLength) return { ...empty, bad: 1 };
  const records: RingRecord[] = [];
  let bad = 0;
  let start: number = at.batchBytes;
  while (start + at.headerBytes <= end) {
    const size = view.getUint32(start + at.size, little);
    if (size < at.headerBytes || start + size > end) {
      bad++;
      break;
    }
    const record = decodeRecord(view, start, size, offset);
    if (record === undefined) bad++;
    else records.push(record);
    start += (size + 7) & ~7;
  }
  return {
    records,
    drained: micros(view, at.drained) + offset,
    lostSockets: word64(view, at.lostSockets),
    lostProcesses: word64(view, at.lostProcesses),
    hasMore: view.getUint32(at.more, little) !== 0,
    bad,
  };
}

/** `offset` from the boot clock to the host's clock. */
function decodeRecord(view: DataView, start: number, size: number, offset: Micros): RingRecord | undefined {
  const kind = view.getUint16(start + ringLayout.kind, little);
  const socketKind = socketKinds[kind - 1];
  if (socketKind !== undefined) return decodeSocket(view, start, size, socketKind, offset);
  const processKind = processKinds[kind - 1 - socketKinds.length];
  return processKind === undefined ? undefined : decodeProcess(view, start, size, processKind, offset);
}

function head(view: DataView, start: number, offset: Micros): RecordHead {
  const at = ringLayout;
  const pid = view.getUint32(start + at.pid, little);
  const loginUid = view.getUint32(start + at.loginUid, little);
  const netns = view.getUint32(start + at.netns, little);
  return {
    time: micros(view, start + at.time) + offset,
    ...(pid !== 0 && { pid }),
    uid: view.getUint32(start + at.uid, little),
    ...(loginUid !== 0xffffffff && { loginUid }),
    ...(netns !== 0 && { netns }),
  };
}

function decodeSocket(
  view: DataView,
  start: number,
  size: number,
  kind: SocketRecord['kind'],
  offset: Micros,
): SocketRecord | undefined {
  const at = ringLayout;
  if (size < at.socketBytes) return undefined;
  const number = (field: number): number => view.getUint16(start + field, little);
  const inode = word64(view, start + at.inode);
  const since = micros(view, start + at.since);
  const fd = view.getInt32(start + at.fd, little);
  const type = number(at.type);
  const [localPort, remotePort] = [number(at.localPort), number(at.remotePort)];
  const protocol = number(at.protocol);
  const hasEnds = kind === 'send' || kind === 'receive';
  const isIcmp = kind === 'send' && (protocol === ICMP || protocol === ICMPV6);
  const hasBytes = (number(at.flags) & flag.hasBytes) !== 0;
  return {
    ...head(view, start, offset),
    kind,
    ...(since !== 0 && { since: since + offset }),
    ...(inode !== 0 && { inode }),
    ...(fd >= 0 && { fd }),
    family: number(at.family),
    ...(type !== 0 && { type }),
    protocol,
    ...((hasEnds || localPort !== 0) && {
      local: { address: address(view, start + at.localAddress), port: localPort },
    }),
    ...((hasEnds || remotePort !== 0) && {
      remote: { address: address(view, start + at.remoteAddress), port: remotePort },
    }),
    ...(isIcmp && {
      icmp: { type: view.getUint8(start + at.icmpType), code: view.getUint8(start + at.icmpCode) },
    }),
    ...(hasBytes && {
      bytes: { sent: word64(view, start + at.sent), received: word64(view, start + at.received) },
    }),
  };
}

function decodeProcess(
  view: DataView,
  start: number,
  size: number,
  kind: ProcessRecord['kind'],
  offset: Micros,
): ProcessRecord | undefined {
  const at = ringLayout;
  if (size < at.processBytes) return undefined;
  const flags = view.getUint16(start + at.flags, little);
  const lengths = [at.pathBytes, at.cwdBytes, at.cgroupBytes, at.argsBytes].map((field) =>
    view.getUint16(start + field, little),
  );
  if (at.processBytes + lengths.reduce((sum, length) => sum + length, 0) > size) return undefined;
  let from = start + at.processBytes;
  const parts = lengths.map((length) => {
    const part = Buffer.from(view.buffer, from, length).toString('utf8');
    from += length;
    return part;
  });
  const [path, cwd, cgroup, args] = parts as [string, string, string, string];
  const parent = view.getUint32(start + at.parent, little);
  return {
    ...head(view, start, offset),
    kind,
    ...(parent !== 0 && { parent }),
    euid: view.getUint32(start + at.euid, little),
    gid: view.getUint32(start + at.gid, little),
    egid: view.getUint32(start + at.egid, little),
    exitCode: view.getUint32(start + at.exitCode, little),
    ...(path !== '' && { path: pathOf(path, (flags & flag.pathTruncated) !== 0) }),
    ...(kind === 'exec' && {
      cwd: pathOf(cwd, (flags & flag.cwdTruncated) !== 0),
      cgroup: pathOf(cgroup, (flags & flag.cgroupTruncated) !== 0),
    }),
    ...(args !== '' && { args: args.replace(/\0+$/, '').replaceAll('\0', ' ') }),
  };
}

/** From the names, leaf first. */
function pathOf(names: string, isTruncated: boolean): string {
  const path = names.split('\0').slice(0, -1).reverse().join('/');
  return isTruncated ? `.../${path}` : `/${path}`;
}

/** Exact up to 2^53. */
function word64(view: DataView, at: number): number {
  const [low, high] = little ? [at, at + 4] : [at + 4, at];
  return view.getUint32(low, little) + view.getUint32(high, little) * 2 ** 32;
}

function micros(view: DataView, at: number): Micros {
  return Math.floor(word64(view, at) / 1000);
}

function address(view: DataView, at: number): string {
  const [a, b, c, d] = [0, 4, 8, 12].map((part) => view.getUint32(at + part)) as [number, number, number, number];
  return a === 0 && b === 0 && c === 0xffff ? formatIpv4(d) : formatIpv6(a, b, c, d);
}
