import type { Micros } from '../../core/time.js';
import type { AnyTableRow } from '../../records/host-row.js';
import type { HeadColumns } from './head-columns.js';
import { OFFSET } from './record-pages.js';
import { HEAD, type RowStore } from './row-store.js';
import { namespaceOf, type SocketFact } from './socket-fact.js';
import { placeOfSource, type SocketSource, socketSources } from './socket-interval.js';
import type { TextPool } from './text-pool.js';
import type { SocketPlace } from './tuple-table.js';

/** What records about sockets have besides: the peer as the number of a text, 0 for none. */
const REMOTE = HEAD;
/** Local port above the remote one; 0: unknown, unless the traits say that it is 0. */
const PORTS = HEAD + 1;
/** The process above the descriptor, as far as both are small; else the process alone. */
const PID = HEAD + 2;
/** Then, as the traits say: the socket's number or that of its text; the descriptor. */
const REST = HEAD + 3;

/**
 * Traits of a row about a socket: protocol, family above it, source above that; which ports are known to be 0; whether there is a word for the
 * socket's number, whether it is that of a text; whether the descriptor has a word of its own; whether it tells of a datagram.
 */
const FAMILY_SHIFT = 8;
const SOURCE_SHIFT = 16;
const LOCAL_PORT_0 = 1 << 19;
const REMOTE_PORT_0 = 1 << 20;
const HAS_INODE = 1 << 21;
const INODE_TEXT = 1 << 22;
const APART = 1 << 23;
const DATAGRAM = 1 << 24;
const NO_FAMILY = 0xff;
const NONE = -1;
const FD_BITS = 10;
const NO_SMALL_FD = (1 << FD_BITS) - 1;
const MAX_SMALL_PID = (1 << (32 - FD_BITS)) - 1;
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

const headNames = new Set([
  ...['pid', 'fd', 'socket', 'family', 'protocol', 'action', 'address', 'port'],
  ...['local_address', 'local_port', 'remote_address', 'remote_port'],
]);

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

  mayHave(name: string): boolean {
    return headNames.has(name);
  }

  gives(place: number, value: unknown): boolean {
    const fact = this.fact!;
    if (value === undefined) return false;
    switch (place) {
      case Place.Pid:
        return value === fact.pid;
      case Place.Descriptor:
        return value === fact.fd;
      case Place.DescriptorText:
        return fact.fd !== undefined && value === String(fact.fd);
      case Place.Inode:
        return fact.inode !== undefined && fact.inode.length <= MAX_DIGITS && value === Number(fact.inode);
      case Place.InodeText:
        return fact.inode !== undefined && fact.inode.length <= MAX_DIGITS && value === fact.inode;
      case Place.Family:
        return value === fact.family;
      case Place.Protocol:
        return value === fact.protocol;
      case Place.Local:
        return value === fact.localAddress;
      case Place.LocalPort:
        return value === fact.localPort;
      case Place.Remote:
        return value === fact.remoteAddress;
      case Place.RemotePort:
        return value === fact.remotePort;
      default:
        return value === fact.source;
    }
  }

  value(rows: RowStore, handle: number, place: number): unknown {
    switch (place) {
      case Place.Pid:
        return pidOf(rows, handle);
      case Place.Descriptor:
        return descriptorOf(rows, handle);
      case Place.DescriptorText:
        return String(descriptorOf(rows, handle));
      case Place.Inode:
        return Number(inodeText(rows, handle));
      case Place.InodeText:
        return inodeText(rows, handle);
      case Place.Family:
        return familyOf(traitsOf(rows, handle));
      case Place.Protocol:
        return traitsOf(rows, handle) & 0xff;
      case Place.Local:
        return rows.texts.text(rows.local(handle));
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
  const { texts } = rows;
  const { localAddress, remoteAddress, pid, fd } = fact;
  const inode = openInode(texts, fact.inode);
  const isApart = pid > MAX_SMALL_PID || (fd !== undefined && fd >= NO_SMALL_FD);
  const local = place?.localText() ?? (localAddress === undefined ? 0 : texts.open(localAddress));
  const traits =
    (fact.protocol & 0xff) |
    ((fact.family ?? NO_FAMILY) << FAMILY_SHIFT) |
    (placeOfSource(fact.source as SocketSource) << SOURCE_SHIFT) |
    (fact.localPort === 0 ? LOCAL_PORT_0 : 0) |
    (fact.remotePort === 0 ? REMOTE_PORT_0 : 0) |
    (inode === 0 ? 0 : HAS_INODE) |
    (inode < 0 ? INODE_TEXT : 0) |
    (isApart ? APART : 0) |
    (fact.isDatagram ? DATAGRAM : 0);
  socketColumns.fact = fact;
  const length = REST + (inode === 0 ? 0 : 1) + (isApart ? 1 : 0);
  const handle = rows.pack(fact.row, host, length, socketColumns, traits, local);
  socketColumns.fact = undefined;
  // What keeps it is where the row comes from.
  if (place === undefined && local !== 0) texts.release(local);
  const words = rows.pages.words[handle >>> 16]!;
  const at = handle & OFFSET;
  const remote = place?.remoteText() ?? 0;
  if (remote !== 0) texts.use(remote);
  words[at + REMOTE] = remote !== 0 || remoteAddress === undefined ? remote : texts.open(remoteAddress);
  words[at + PORTS] = ((fact.localPort ?? 0) << 16) | (fact.remotePort ?? 0);
  words[at + PID] = isApart ? pid : (pid << FD_BITS) | (fd ?? NO_SMALL_FD);
  if (inode !== 0) words[at + REST] = Math.abs(inode);
  if (isApart) words[at + length - 1] = fd ?? NONE;
  return handle;
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
  if ((traitsOf(rows, handle) & 0xff) !== protocol) return false;
  return rows.texts.text(words[at + REMOTE]!) === remote && rows.texts.text(rows.local(handle)) === local;
}

function traitsOf(rows: RowStore, handle: number): number {
  return rows.shape(handle).traits;
}

function familyOf(traits: number): number {
  return (traits >>> FAMILY_SHIFT) & 0xff;
}

function pidOf(rows: RowStore, handle: number): number {
  const word = rows.word(handle, PID);
  return (traitsOf(rows, handle) & APART) === 0 ? word >>> FD_BITS : word;
}

function descriptorOf(rows: RowStore, handle: number): number {
  const traits = traitsOf(rows, handle);
  if ((traits & APART) !== 0) return rows.word(handle, (traits & HAS_INODE) === 0 ? REST : REST + 1);
  const fd = rows.word(handle, PID) & NO_SMALL_FD;
  return fd === NO_SMALL_FD ? NONE : fd;
}

/** See openInode. */
function inodeOf(rows: RowStore, handle: number): number {
  const traits = traitsOf(rows, handle);
  if ((traits & HAS_INODE) === 0) return 0;
  const word = rows.word(handle, REST) >>> 0;
  return (traits & INODE_TEXT) !== 0 ? -word : word;
}

function inodeText(rows: RowStore, handle: number): string {
  const inode = inodeOf(rows, handle);
  return inode < 0 ? rows.texts.text(-inode) : String(inode);
}

function sourceOf(rows: RowStore, handle: number): SocketSource {
  return socketSources[(traitsOf(rows, handle) >>> SOURCE_SHIFT) & 7]!;
}

export function freeSocket(rows: RowStore, handle: number): void {
  const remote = rows.word(handle, REMOTE);
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
  /** Boot of the host that the row names. */
  get boot(): string | undefined {
    return this.rows.boot(this.handle);
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
  /** See SocketFact.isDatagram. */
  get isDatagram(): boolean {
    return (traitsOf(this.rows, this.handle) & DATAGRAM) !== 0;
  }
  get pid(): number {
    return pidOf(this.rows, this.handle);
  }
  get fd(): number | undefined {
    const fd = descriptorOf(this.rows, this.handle);
    return fd === NONE ? undefined : fd;
  }
  /** See openInode. */
  get inode(): number {
    return inodeOf(this.rows, this.handle);
  }
  get protocol(): number {
    return traitsOf(this.rows, this.handle) & 0xff;
  }
  get family(): number | undefined {
    const family = familyOf(traitsOf(this.rows, this.handle));
    return family === NO_FAMILY ? undefined : family;
  }
  get localAddress(): string | undefined {
    const id = this.rows.local(this.handle);
    return id === 0 ? undefined : this.rows.texts.text(id);
  }
  get localPort(): number | undefined {
    const port = this.rows.word(this.handle, PORTS) >>> 16;
    return port !== 0 || this.#hasTrait(LOCAL_PORT_0) ? port : undefined;
  }
  get remoteAddress(): string | undefined {
    const id = this.rows.word(this.handle, REMOTE);
    return id === 0 ? undefined : this.rows.texts.text(id);
  }
  get remotePort(): number | undefined {
    const port = this.rows.word(this.handle, PORTS) & 0xffff;
    return port !== 0 || this.#hasTrait(REMOTE_PORT_0) ? port : undefined;
  }
  #hasTrait(trait: number): boolean {
    return (traitsOf(this.rows, this.handle) & trait) !== 0;
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
