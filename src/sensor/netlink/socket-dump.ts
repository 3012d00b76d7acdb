import { endianness } from 'node:os';
import type { NetlinkAddon } from '../netlink-addon.js';
import type { SocketTable } from '../socket-table.js';
import { type ProcSocket, type SocketFile, tcpStates } from '../socket-table.js';
import { address } from './held-socket.js';

const little = endianness() === 'LE';
const HEADER = 16;
const MESSAGE_BY_FAMILY = 20;
/** Of inet_diag_msg (linux/inet_diag.h), from the start of the message; ports and addresses are in network order. */
const at = { family: 16, state: 17, localPort: 20, remotePort: 22, local: 24, remote: 40, inode: 84, end: 88 } as const;

/**
 * Reads the messages of a dump. Sockets without an inode belong to no process and are left out, and so is what does not fit. At most
 * `room` sockets are returned.
 */
export function decodeSocketDump(
  buffer: ArrayBuffer,
  bytes: number,
  { protocol }: SocketFile,
  room: number,
): SocketTable {
  const view = new DataView(buffer);
  const end = Math.min(bytes, buffer.byteLength);
  const sockets: ProcSocket[] = [];
  let hasUnaccepted = false;
  let start = 0;
  while (start + HEADER <= end && sockets.length < room) {
    const size = view.getUint32(start, little);
    if (size < HEADER || start + size > end) break;
    if (view.getUint16(start + 4, little) === MESSAGE_BY_FAMILY && size >= at.end) {
      const inode = view.getUint32(start + at.inode, little);
      const state = tcpStates[view.getUint8(start + at.state)] ?? 'UNKNOWN';
      if (inode === 0) hasUnaccepted ||= state === 'ESTABLISHED' || state === 'CLOSE_WAIT';
      else {
        const family = view.getUint8(start + at.family) === 2 ? 2 : 10;
        sockets.push({
          inode,
          family,
          protocol,
          local_address: address(view, start + at.local, family),
          local_port: view.getUint16(start + at.localPort),
          remote_address: address(view, start + at.remote, family),
          remote_port: view.getUint16(start + at.remotePort),
          state: protocol === 6 ? state : undefined,
        });
      }
    }
    start += (size + 3) & ~3;
  }
  return { sockets, byText: new Map(), hasUnaccepted };
}

/** Sockets that have sent their SYN and not been answered, as `states`. */
export const SYN_SENT = 1 << 2;
const MOST_BYTES = 1 << 26;
const ENOBUFS = -105;

/** Asks the kernel for the sockets of namespaces. */
export class SocketDumps {
  #buffer = new ArrayBuffer(1 << 16);

  constructor(private readonly addon: NetlinkAddon) {}

  /** The sockets in the namespace of a process (0: our own), in any of the states; undefined when they cannot be had this way. */
  read(pid: number, file: SocketFile, room: number, states = -1): SocketTable | undefined {
    if (file.protocol !== 6 && file.protocol !== 17) return undefined;
    for (;;) {
      const bytes = this.addon.socketDump(pid, file.family, file.protocol, states, this.#buffer);
      if (bytes >= 0) return decodeSocketDump(this.#buffer, bytes, file, room);
      if (bytes !== ENOBUFS || this.#buffer.byteLength >= MOST_BYTES) return undefined;
      this.#buffer = new ArrayBuffer(this.#buffer.byteLength * 2);
    }
  }
}
