import { describe, expect, it } from 'vitest';
import { ethernet, type Frame, ip, START, tcpSegment, track, udpDatagram } from './traffic.js';

const SERVER = '198.51.100.20';
const CLIENT = '192.0.2.10';

/** The ports from which one data packet is taken for a reply. */
function turnedPorts(proto: 6 | 17): number[] {
  const from = (sport: number): Uint8Array =>
    proto === 6
      ? tcpSegment({ sport, dport: 40_000, seq: 1, ack: 1, flags: 'PA', payload: 1 })
      : udpDatagram(sport, 40_000, 1);
  const frames = Array.from({ length: 65_535 }, (_, i): Frame => {
    const bytes = ethernet(ip({ src: SERVER, dst: CLIENT, proto, payload: from(i + 1) }));
    return { timeUs: START + i, bytes };
  });
  const connections = track(frames).updates.map(({ connection }) => connection);
  expect(connections).toHaveLength(65_535);
  const turned = connections.filter((connection) => connection['id.orig_h'] === CLIENT);
  return turned.map((connection) => connection['id.resp_p']).sort((a, b) => a - b);
}

describe('a connection that begins with data from a port', () => {
  it('is turned for the TCP ports that an analyzer of Zeek is registered for', () => {
    expect(turnedPorts(6)).toEqual([
      21, 22, 25, 53, 79, 80, 81, 88, 110, 135, 139, 143, 389, 443, 445, 465, 502, 563, 585, 587, 614, 631, 636, 989,
      990, 992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379, 6666, 6667,
      6668, 6669, 8000, 8080, 8888, 20_000,
    ]);
  });

  it('is turned for the UDP ports that an analyzer of Zeek is registered for', () => {
    expect(turnedPorts(17)).toEqual([
      53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 2123, 2152, 3389, 3544, 4754, 4789, 5060, 5072, 5353, 5355,
      6081, 20_000,
    ]);
  });
});
