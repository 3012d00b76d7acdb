import type { WeirdCounts } from '../core/weird.js';
import type { Packet } from '../decode/packet.js';

const MLD_REPORT = 131;
const MLD_DONE = 132;
const MLD_REPORT_V2 = 143;
const ICMP_HEADER = 8;
const RECORD_START = 4;
const ADDRESS = 16;

/** Looks whether an ICMPv6 packet that reports listeners (RFC 2710 3, RFC 3810 5.2) is whole; what Zeek calls otherwise is counted. */
export function checkMldReport(packet: Packet, weird: WeirdCounts): void {
  const type = packet.sport;
  if (type !== MLD_REPORT && type !== MLD_DONE && type !== MLD_REPORT_V2) return;
  const length = packet.length === 0 ? packet.captured : Math.min(packet.length, packet.captured);
  const start = packet.at + ICMP_HEADER;
  const end = packet.at + length;
  if (type === MLD_REPORT_V2) checkRecords(packet.view, start, end, weird);
  else if (start + ADDRESS > end) weird.count('truncated_ICMPv6_MLDv1');
}

/** The records of version 2 between `start` and `end`, whose number stands before them. */
function checkRecords(view: DataView, start: number, end: number, weird: WeirdCounts): void {
  let at = start;
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
