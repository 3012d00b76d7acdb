import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from '../decode/packet.js';

export const MLD_REPORT_V2 = 143;
const ICMP_HEADER = 8;
const RECORD_START = 4;
const ADDRESS = 16;

/** Looks whether the records of an MLDv2 report (RFC 3810 5.2) are whole; what Zeek calls otherwise is counted. */
export function checkMldReport(packet: Packet, weird: WeirdCounts): void {
  const { view } = packet;
  const length = packet.length === 0 ? packet.captured : Math.min(packet.length, packet.captured);
  const end = packet.at + length;
  let at = packet.at + ICMP_HEADER;
  const records = view.getUint16(at - 2);
  if (end - at < records * (RECORD_START + ADDRESS)) {
    weird.count('truncated_ICMPv6_MLDv2');
    return;
  }
  for (let i = 0; i < records && at < end; i++) {
    const auxiliaryBytes = at + RECORD_START <= end ? view.getUint8(at + 1) * 4 : 0;
    const sources = at + RECORD_START <= end ? view.getUint16(at + 2) : 0;
    at += RECORD_START + ADDRESS * (1 + sources) + auxiliaryBytes;
    if (at > end) weird.count('truncated_ICMPv6_MLDv2_record');
  }
}
