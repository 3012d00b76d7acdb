/** A packet socket as /proc/net/packet shows it. */
export interface ProcPacketSocket {
  readonly inode: number;
  /** SOCK_RAW is 3, SOCK_DGRAM 2. */
  readonly type: number;
  /** EtherType that it takes, 3 for every one; 0: it only sends. */
  readonly protocol: number;
  /** Absent: it is bound to no interface. */
  readonly interface_index?: number;
}

/** Parses /proc/net/packet (packet_seq_show in net/packet/af_packet.c). At most `room` sockets; lines that do not fit are left out. */
export function parsePacketSockets(text: string, room: number): ProcPacketSocket[] {
  const found: ProcPacketSocket[] = [];
  for (const line of text.split('\n').slice(1)) {
    if (found.length >= room) break;
    const [, , type, protocol, index, , , , inode] = line.trim().split(/\s+/);
    const numbers = [Number(inode), Number(type), Number.parseInt(protocol ?? '', 16), Number(index)];
    if (!numbers.every(Number.isSafeInteger) || numbers[0]! <= 0) continue;
    const [socket, kind, etherType, place] = numbers as [number, number, number, number];
    found.push({ inode: socket, type: kind, protocol: etherType, ...(place > 0 && { interface_index: place }) });
  }
  return found;
}
