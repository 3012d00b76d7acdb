import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { HeadColumns } from './head-columns.js';
import { OFFSET } from './record-pages.js';
import { HEAD, type RowStore } from './row-store.js';
import { namespaceOf, type SocketFact } from './socket-fact.js';
import type { SocketSource } from './socket-interval.js';
import type { TextPool } from './text-pool.js';
import type { SocketPlace } from './tuple-table.js';

/** What records about sockets have besides: the socket's number or, as the bits say, that of its text, ends as numbers of texts, 0 for none. */
const INODE = HEAD;
const LOCAL = HEAD + 1;
const REMOTE = HEAD + 2;
/** Local port above the remote one; 0: unknown, unless the bits say that it is 0. */
const PORTS = HEAD + 3;
const PID = HEAD + 4;
/** Protocol, family and source, which end of its tuple is the local one, which ports are known to be 0, how the socket's number is kept. */
const BITS = HEAD + 5;
const FD = HEAD + 6;
const SOCKET_HEAD = HEAD + 7;

const sources = ['connect', 'accept', 'bind', 'listen', 'open', 'listening', 'connecting'] as const;
const placeOf = Object.fromEntries(sources.map((source, place) => [source, place])) as Record<SocketSource, number>;
const FORWARD = 1 << 24;
const LOCAL_PORT_0 = 1 << 25;
const REMOTE_PORT_0 = 1 << 26;
const INODE_TEXT = 1 << 27;
const NO_FAMILY = 0xff;
const NONE = -1;
/** Digits that a number holds exactly. */
const MAX_DIGITS = 15;

/** Places of the head that a column may be in; numbers of descriptors and sockets come as text too. */
const Place = {
  Pid: 0,
  Descriptor: 1,
  DescriptorText: 2,
  Inode: 3,
  InodeText: 4,
  Family: 5,
  Protocol: 6,
  Local: 7,
  LocalPort: 8,
  Remote: 9,
  RemotePort: 10,
  Action: 11,
} as const;

/** What most rows tell just as it was read: numbers, canonical addresses, known ports. The others keep their columns as they came. */
class SocketColumns implements HeadColumns {
  /** What was read of the row that is packed. */
  fact: SocketFact | undefined;

  find(name: string, value: unknown): number {
    const fact = this.fact!;
    switch (name) {
      case 'pid':
        return value === fact.pid ? Place.Pid : -1;
      case 'fd':
        if (fact.fd === undefined) return -1;
        return value === fact.fd ? Place.Descriptor : value === String(fact.fd) ? Place.DescriptorText : -1;
      case 'socket':
        if (fact.inode === undefined || fact.inode.length > MAX_DIGITS) return -1;
        return value === fact.inode ? Place.InodeText : value === Number(fact.inode) ? Place.Inode : -1;
      case 'family':
        return value === fact.family && value !== undefined ? Place.Family : -1;
      case 'protocol':
        return value === fact.protocol ? Place.Protocol : -1;
      case 'local_address':
      case 'address':
        return value === fact.localAddress && value !== undefined ? Place.Local : -1;
      case 'local_port':
      case 'port':
        return value === fact.localPort && value !== undefined ? Place.LocalPort : -1;
      case 'remote_address':
        return value === fact.remoteAddress && value !== undefined ? Place.Remote : -1;
      case 'remote_port':
        return value === fact.remotePort && value !== undefined ? Place.RemotePort : -1;
      case 'action':
        return value === fact.source ? Place.Action : -1;
      default:
        return -1;
    }
  }

  value(rows: RowStore, handle: number, place: number): unknown {
    switch (place) {
      case Place.Pid:
        return rows.word(handle, PID);
      case Place.Descriptor:
        return rows.word(handle, FD);
      case Place.DescriptorText:
        return String(rows.word(handle, FD));
      case Place.Inode:
        return Number(inodeText(rows, handle));
      case Place.InodeText:
        return inodeText(rows, handle);
      case Place.Family:
        return (rows.word(handle, BITS) >>> 8) & 0xff;
      case Place.Protocol:
        return rows.word(handle, BITS) & 0xff;
      case Place.Local:
        return rows.texts.text(rows.word(handle, LOCAL));
      case Place.LocalPort:
        return rows.word(handle, PORTS) >>> 16;
      case Place.Remote:
        return rows.texts.text(rows.word(handle, REMOTE));
      case Place.RemotePort:
        return rows.word(handle, PORTS) & 0xffff;
      case Place.Action:
        return sourceOf(rows, handle);
      default:
        return undefined;
    }
  }
}
const socketColumns = new SocketColumns();

/** Packs the row of a fact with what was read of it; `place`: where those of its endpoints are, if it names them all. */
export function packSocket(rows: RowStore, fact: SocketFact, host: number, place?: SocketPlace): number {
  socketColumns.fact = fact;
  const handle = rows.pack(fact.row, host, SOCKET_HEAD, socketColumns);
  socketColumns.fact = undefined;
  const words = rows.pages.words[handle >>> 16]!;
  const at = handle & OFFSET;
  const { localAddress, remoteAddress, source, protocol, family } = fact;
  const inode = openInode(rows.texts, fact.inode);
  words[at + INODE] = Math.abs(inode);
  if (place === undefined) {
    words[at + LOCAL] = localAddress === undefined ? 0 : rows.texts.open(localAddress);
    words[at + REMOTE] = remoteAddress === undefined ? 0 : rows.texts.open(remoteAddress);
  } else {
    words[at + LOCAL] = place.openLocalText();
    words[at + REMOTE] = place.openRemoteText();
  }
  words[at + PORTS] = ((fact.localPort ?? 0) << 16) | (fact.remotePort ?? 0);
  words[at + PID] = fact.pid;
  words[at + BITS] =
    (protocol & 0xff) |
    ((family ?? NO_FAMILY) << 8) |
    (placeOf[source as SocketSource] << 16) |
    (fact.localPort === 0 ? LOCAL_PORT_0 : 0) |
    (fact.remotePort === 0 ? REMOTE_PORT_0 : 0) |
    (inode < 0 ? INODE_TEXT : 0);
  words[at + FD] = fact.fd ?? NONE;
  return handle;
}

/** Tells which end of its tuple is the local one. */
export function setForward(rows: RowStore, handle: number, isForward: boolean): void {
  if (isForward) rows.setWord(handle, BITS, rows.word(handle, BITS) | FORWARD);
}

export function isForward(rows: RowStore, handle: number): boolean {
  return (rows.word(handle, BITS) & FORWARD) !== 0;
}

/** Whether the row is of a socket that has these endpoints, canonical texts, the local one first. */
export function isSocketBetween(
  rows: RowStore,
  handle: number,
  protocol: number,
  local: string,
  localPort: number,
  remote: string,
  remotePort: number,
): boolean {
  const words = rows.pages.words[handle >>> 16]!;
  const at = handle & OFFSET;
  if (words[at + PORTS] !== ((localPort << 16) | remotePort)) return false;
  if ((words[at + BITS]! & 0xff) !== protocol) return false;
  return rows.texts.text(words[at + LOCAL]!) === local && rows.texts.text(words[at + REMOTE]!) === remote;
}

/** See openInode. */
function inodeOf(rows: RowStore, handle: number): number {
  const word = rows.word(handle, INODE) >>> 0;
  return (rows.word(handle, BITS) & INODE_TEXT) !== 0 ? -word : word;
}

function inodeText(rows: RowStore, handle: number): string {
  const inode = inodeOf(rows, handle);
  return inode < 0 ? rows.texts.text(-inode) : String(inode);
}

function sourceOf(rows: RowStore, handle: number): SocketSource {
  return sources[(rows.word(handle, BITS) >>> 16) & 7]!;
}

export function freeSocket(rows: RowStore, handle: number): void {
  const local = rows.word(handle, LOCAL);
  const remote = rows.word(handle, REMOTE);
  if (local !== 0) rows.texts.release(local);
  if (remote !== 0) rows.texts.release(remote);
  releaseInode(rows.texts, inodeOf(rows, handle));
  rows.free(handle);
}

/**
 * The kernel's number of a socket as a number that equal texts share: itself, or where it takes more than 32 bits the negative number of its
 * text, which counts as used once more. 0: none.
 */
export function openInode(texts: TextPool, inode: string | undefined): number {
  if (inode === undefined) return 0;
  const number = inode.length <= MAX_DIGITS ? Number(inode) : Infinity;
  return Number.isInteger(number) && number <= 0xffff_ffff ? number : -texts.open(inode);
}

export function releaseInode(texts: TextPool, inode: number): void {
  if (inode < 0) texts.release(-inode);
}

/** One row about a socket as it is kept. A view: it is made when it is asked for. */
export class SocketRecord {
  readonly lo: Micros;
  /** The row's moment lies in [lo, hi]. */
  readonly hi: Micros;
  readonly isEvent: boolean;

  constructor(
    readonly rows: RowStore,
    readonly handle: number,
  ) {
    const { resolution, action } = rows.shape(handle);
    this.lo = rows.time(handle);
    this.hi = this.lo + Math.max(resolution, 1) - 1;
    this.isEvent = action === 'event';
  }

  /** As it was given. */
  get row(): AnyTableRow {
    return this.rows.row(this.handle, this.rows.stamp(this.handle))!;
  }
  get host(): number {
    return this.rows.host(this.handle);
  }
  get stream(): string {
    return this.rows.shape(this.handle).stream;
  }
  get isRemoved(): boolean {
    return this.rows.shape(this.handle).action === 'removed';
  }
  get resolution(): Micros {
    return this.rows.shape(this.handle).resolution;
  }
  get seq(): number {
    return this.rows.seq(this.handle);
  }
  /** The first moment of the poll before; of an event, when it may have happened at the earliest, in this process or in another one. */
  get since(): Micros | undefined {
    return this.rows.since(this.handle);
  }
  get source(): SocketSource {
    return sourceOf(this.rows, this.handle);
  }
  get pid(): number {
    return this.rows.word(this.handle, PID);
  }
  get fd(): number | undefined {
    const fd = this.rows.word(this.handle, FD);
    return fd === NONE ? undefined : fd;
  }
  /** See openInode. */
  get inode(): number {
    return inodeOf(this.rows, this.handle);
  }
  get protocol(): number {
    return this.rows.word(this.handle, BITS) & 0xff;
  }
  get family(): number | undefined {
    const family = (this.rows.word(this.handle, BITS) >>> 8) & 0xff;
    return family === NO_FAMILY ? undefined : family;
  }
  get localAddress(): string | undefined {
    const id = this.rows.word(this.handle, LOCAL);
    return id === 0 ? undefined : this.rows.texts.text(id);
  }
  get localPort(): number | undefined {
    const port = this.rows.word(this.handle, PORTS) >>> 16;
    return port !== 0 || this.#hasBit(LOCAL_PORT_0) ? port : undefined;
  }
  get remoteAddress(): string | undefined {
    const id = this.rows.word(this.handle, REMOTE);
    return id === 0 ? undefined : this.rows.texts.text(id);
  }
  get remotePort(): number | undefined {
    const port = this.rows.word(this.handle, PORTS) & 0xffff;
    return port !== 0 || this.#hasBit(REMOTE_PORT_0) ? port : undefined;
  }
  #hasBit(bit: number): boolean {
    return (this.rows.word(this.handle, BITS) & bit) !== 0;
  }
  /** The network namespace that it is in, where the row has it. */
  get namespace(): string | undefined {
    return namespaceOf(this.rows.text(this.handle, 'net_namespace'));
  }
  /** Path of the process at the call, where the row has it. */
  get path(): string | undefined {
    const { table } = this.rows.shape(this.handle);
    return table === 'socket_events' ? this.rows.text(this.handle, 'path') : undefined;
  }
  /** Real user of the process when it called connect or accept, where the row has it. */
  get uid(): number | undefined {
    const { table } = this.rows.shape(this.handle);
    if (table !== 'socket_events' || (this.source !== 'connect' && this.source !== 'accept')) return undefined;
    return this.rows.number(this.handle, 'uid');
  }
}
