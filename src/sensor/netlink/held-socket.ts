import { endianness } from 'node:os';
import { formatIpv4, formatIpv6 } from '../../core/address.js';
import type { NetlinkAddon } from '../netlink-addon.js';
import { type ProcSocket, tcpStates } from '../socket-table.js';

/** Offsets of native/netlink/netlink.h; a test compares them with the compiler's. */
export const heldLayout = {
  inode: 0,
  fd: 8,
  family: 12,
  protocol: 14,
  localPort: 16,
  remotePort: 18,
  state: 20,
  localAddress: 24,
  remoteAddress: 40,
  heldBytes: 56,
} as const;

/** A socket and the descriptor under which a process holds it. */
export interface HeldSocket extends ProcSocket {
  readonly fd: number;
}

const little = endianness() === 'LE';
const TCP = 6;

/** Reads what the addon wrote about the sockets of a process. */
export function decodeHeldSockets(buffer: ArrayBuffer, count: number): HeldSocket[] {
  const view = new DataView(buffer);
  const sockets: HeldSocket[] = [];
  for (let i = 0; i < count && (i + 1) * heldLayout.heldBytes <= buffer.byteLength; i++) {
    const start = i * heldLayout.heldBytes;
    const number = (field: number): number => view.getUint16(start + field, little);
    const family = number(heldLayout.family) === 2 ? 2 : 10;
    const protocol = number(heldLayout.protocol);
    sockets.push({
      inode: Number(view.getBigUint64(start + heldLayout.inode, little)),
      fd: view.getInt32(start + heldLayout.fd, little),
      family,
      protocol,
      local_address: address(view, start + heldLayout.localAddress, family),
      local_port: number(heldLayout.localPort),
      remote_address: address(view, start + heldLayout.remoteAddress, family),
      remote_port: number(heldLayout.remotePort),
      state: protocol === TCP ? (tcpStates[view.getUint8(start + heldLayout.state)] ?? 'UNKNOWN') : undefined,
    });
  }
  return sockets;
}

/** An address of 4 or 16 bytes, in network order. */
export function address(view: DataView, at: number, family: 2 | 10): string {
  if (family === 2) return formatIpv4(view.getUint32(at));
  const [a, b, c, d] = [0, 4, 8, 12].map((part) => view.getUint32(at + part)) as [number, number, number, number];
  return formatIpv6(a, b, c, d);
}

/** Descriptors of one process that are borrowed at a time. */
const MOST = 64;
const buffer = new ArrayBuffer(MOST * heldLayout.heldBytes);

/** The internet sockets that a process holds now, at most 64; undefined when they cannot be had. */
export function heldSockets(addon: NetlinkAddon, pid: number): HeldSocket[] | undefined {
  const count = addon.socketsOf(pid, buffer);
  return count < 0 ? undefined : decodeHeldSockets(buffer, count);
}
