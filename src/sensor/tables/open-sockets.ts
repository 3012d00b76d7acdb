import { limits } from '../../core/limits.js';
import { namespaceId } from '../network-namespace.js';
import type { ProcFiles } from '../proc-files.js';
import { parseSocketTable, socketFiles } from '../socket-table.js';
import { allProcesses } from './process-ids.js';

/** AF_UNIX. */
const UNIX = 1;

/** One socket of one process. */
export interface OpenSocket {
  /** -1 when no process is known to hold it. */
  readonly pid: number;
  readonly fd: number;
  readonly socket: number;
  readonly family: number;
  readonly protocol: number;
  readonly local_address: string;
  readonly remote_address: string;
  readonly local_port: number;
  readonly remote_port: number;
  /** '' but for UNIX sockets with a name. */
  readonly path: string;
  /** '' but for TCP. */
  readonly state: string;
  readonly net_namespace: string | undefined;
}

interface Holder {
  readonly pid: number;
  readonly fd: number;
}

const unknownHolder: Holder = { pid: -1, fd: -1 };

/**
 * The sockets of all network namespaces that have a process, each once for every process that holds it (osquery names one of them).
 * Sockets without an inode, which their process has closed, are left out.
 */
export function* openSockets(files: ProcFiles): Generator<OpenSocket> {
  const holders = new Map<number, Holder[]>();
  const namespaces = new Map<string | undefined, string>();
  for (const pid of allProcesses(files)) {
    const id = namespaceId(files.link(`/proc/${pid}/ns/net`));
    if (id !== undefined && !namespaces.has(id)) namespaces.set(id, `/proc/${pid}/net`);
    noteHolders(files, pid, holders);
  }
  // Where namespaces may not be read there is at least our own.
  if (namespaces.size === 0) namespaces.set(undefined, '/proc/self/net');
  for (const [net_namespace, folder] of namespaces) {
    for (const socket of namespaceSockets(files, folder)) {
      for (const holder of holders.get(socket.socket) ?? [unknownHolder]) yield { ...holder, ...socket, net_namespace };
    }
  }
}

/** Of several descriptors of one socket in one process the lowest counts. */
function noteHolders(files: ProcFiles, pid: number, holders: Map<number, Holder[]>): void {
  const folder = `/proc/${pid}/fd`;
  for (const fd of (files.names(folder) ?? []).map(Number).sort((a, b) => a - b)) {
    const link = files.link(`${folder}/${fd}`);
    if (link?.startsWith('socket:[') !== true) continue;
    const inode = Number(link.slice('socket:['.length, -1));
    const known = holders.get(inode);
    if (known === undefined) holders.set(inode, [{ pid, fd }]);
    else if (known.at(-1)?.pid !== pid) known.push({ pid, fd });
  }
}

function* namespaceSockets(
  files: ProcFiles,
  folder: string,
): Generator<Omit<OpenSocket, 'pid' | 'fd' | 'net_namespace'>> {
  for (const file of socketFiles) {
    const { sockets } = parseSocketTable(files.text(`${folder}/${file.name}`) ?? '', file, limits.sensorSockets);
    for (const { inode, state = '', ...tuple } of sockets) yield { socket: inode, ...tuple, path: '', state };
  }
  for (const { inode, path } of parseUnixSockets(files.text(`${folder}/unix`) ?? '')) {
    const ends = { local_address: '', remote_address: '', local_port: 0, remote_port: 0 };
    yield { socket: inode, family: UNIX, protocol: 0, ...ends, path, state: '' };
  }
}

/** /proc/net/unix (proc(5)): the seventh field is the inode, what follows is the name, which may hold blanks. */
export function parseUnixSockets(text: string): { inode: number; path: string }[] {
  const found: { inode: number; path: string }[] = [];
  for (const [, inode, path] of text.matchAll(/^[0-9a-f]+: (?:[0-9A-F]+ +){5}(\d+)(?: (.*))?$/gm)) {
    found.push({ inode: Number(inode), path: path ?? '' });
  }
  return found;
}
