import type { Packet } from '../decode/packet.js';
import { flagsOf, PROTO_TCP, PROTO_UDP, TCP_ACK, TCP_SYN } from '../decode/transport.js';

/**
 * Ports that Zeek's default scripts register an analyzer for as those of a server (`likely_server_ports`; 784 and 853 of
 * DNS over QUIC, and 68 and 4011 of DHCP, are registered as those of no server). Whoever is seen to send from one first is
 * taken for the responder, unless a SYN says otherwise.
 */
const tcpPorts = [
  21, 22, 25, 53, 79, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 465, 502, 563, 585, 587, 614, 631, 636, 989, 990,
  992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379, 6666, 6667, 6668, 6669,
  8000, 8080, 8888, 20000,
] as const;
const udpPorts = [
  53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 2123, 2152, 3389, 3544, 4754, 4789, 5060, 5072, 5353, 5355, 6081,
  20000,
] as const;

function bitmapOf(ports: readonly number[]): Uint8Array {
  const bitmap = new Uint8Array(65_536);
  for (const port of ports) bitmap[port] = 1;
  return bitmap;
}

/** 1 for a likely server port, by number. */
const likelyTcpServer: Uint8Array = bitmapOf(tcpPorts);
const likelyUdpServer: Uint8Array = bitmapOf(udpPorts);

/**
 * Whether the sender of a connection's first packet is more likely its responder, by the ports (Zeek's WantConnection).
 * A SYN is always believed.
 */
export function isFlipped(packet: Packet): boolean {
  const { proto, sport, dport } = packet;
  if (packet.version === 4 && packet.dst3 === -1) return false;
  if (proto === PROTO_UDP) return likelyUdpServer[sport] === 1 && likelyUdpServer[dport] === 0;
  if (proto !== PROTO_TCP || likelyTcpServer[sport] === 0) return false;
  const flags = flagsOf(packet.control);
  if ((flags & (TCP_SYN | TCP_ACK)) === TCP_SYN) return false;
  if (likelyTcpServer[dport] === 0) return true;
  return (flags & TCP_SYN) === 0 && sport < dport;
}
