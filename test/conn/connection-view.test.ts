import { describe, expect, it } from 'vitest';
import { ConnectionView } from '../../src/conn/connection-view.js';
import type { TrackerOptions } from '../../src/conn/tracker-options.js';
import { Unwatched } from '../../src/join/unwatched.js';
import { connectionLine } from '../../src/outputs/connection-json.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import { concat, ethernet, type Frame, ip, START, TcpScript, tcpSegment, track, udpDatagram } from './traffic.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const syn = tcpSegment({ sport: 40_000, dport: 80, seq: 1, flags: 'S' });
const datagram = (src: string, dst: string, proto: number, payload: Uint8Array) => ip({ src, dst, proto, payload });
const frame = (bytes: Uint8Array): Frame => ({ timeUs: START, bytes });
const over = (src: string, dst: string, proto: number, payload: Uint8Array): Frame[] => [
  frame(ethernet(datagram(src, dst, proto, payload))),
];
const inner = datagram('192.0.2.1', '192.0.2.2', 6, syn);

/** More letters than the record has room for: retransmissions, closed windows, both ends' FIN and RST. */
function longHistory(): Frame[] {
  const script = new TcpScript().handshake();
  script.client('PA', 1, 1, 10).server('PA', 1, 11, 10).client('PA', 1, 11, 10).server('PA', 1, 11, 10);
  script.client('A', 11, 11, 0, 0).server('A', 11, 11, 0, 0).client('A', 11, 11).server('A', 11, 11);
  return script.client('FA', 11, 11).server('FA', 11, 12).client('R', 12).server('R', 12).frames;
}

const cases: Readonly<Record<string, readonly Frame[]>> = {
  'a whole TCP connection': new TcpScript().handshake().client('PA', 1, 1, 50).server('FA', 1, 51).client('FA', 51, 2)
    .frames,
  'a lone SYN': new TcpScript().client('S', 0).frames,
  'a rejected attempt': new TcpScript().client('S', 0).server('RA', 0, 1).frames,
  'an attempt that was given up': new TcpScript().client('S', 0).client('R', 1).frames,
  'a gap': new TcpScript().handshake().client('PA', 1001, 1, 50).server('A', 1, 1051).frames,
  'a long history': longHistory(),
  'TCP over IPv6': new TcpScript([40_000, 80], [1, 2], ['2001:db8::1', '2001:db8::2']).handshake().frames,
  UDP: over('10.0.0.255', '192.168.100.7', 17, udpDatagram(5353, 53, 12)),
  'UDP to a group': over('198.51.100.1', '239.255.255.250', 17, udpDatagram(40_000, 1900, 12)),
  'UDP to all': over('0.0.0.0', '255.255.255.255', 17, udpDatagram(68, 67, 12)),
  'UDP from and to nowhere': over('0.0.0.0', '0.0.0.0', 17, udpDatagram(68, 67, 12)),
  'UDP to a group over IPv6': over('::', 'ff02::fb', 17, udpDatagram(5353, 5353, 12)),
  ping: over('192.0.2.1', '192.0.2.2', 1, hex('0800 0000 0001 0001')),
  'an ICMP message without an answer': over('192.0.2.1', '192.0.2.2', 1, hex('0301 0000 0000 0000')),
  'a protocol without ports': over('192.0.2.1', '192.0.2.2', 132, new Uint8Array(12)),
  'two VLAN tags': [frame(concat(hex('020000000001 020000000002 8100 0007 8100 0009 0800'), inner))],
  'a tunnel': over('198.51.100.1', '198.51.100.2', 4, inner),
};

/** The lines of a run without hosts, of connections as they are handed on. */
function lines(frames: readonly Frame[], options: Partial<TrackerOptions>, see: (update: ConnectionUpdate) => void) {
  const told: string[] = [];
  const join = new Unwatched((line) => told.push(connectionLine(line)), false);
  const emit = (update: ConnectionUpdate) => {
    see(update);
    join.connection(update);
  };
  track(frames, { startRecords: true, ...options, emit });
  return told;
}

describe('a connection that is only lent', () => {
  it.each(Object.entries(cases))('gives the lines of its object: %s', (_name, frames) => {
    const kept = lines(frames, {}, ({ connection }) => expect(connection).not.toBeInstanceOf(ConnectionView));
    const lent = lines(frames, { lends: true }, ({ connection }) => expect(connection).toBeInstanceOf(ConnectionView));
    expect(lent).toEqual(kept);
    expect(lent.length).toBeGreaterThan(1);
  });

  it.each(Object.entries(cases))('has the fields of its object: %s', (_name, frames) => {
    const records = track(frames).updates.map(({ connection }) => connection);
    const seen: unknown[] = [];
    const names = Object.keys(Object.getOwnPropertyDescriptors(ConnectionView.prototype));
    const emit = ({ connection }: ConnectionUpdate) => {
      const fields = new Map<string, unknown>(Object.entries(records[seen.length]!));
      for (const name of fields.keys()) expect(names).toContain(name);
      seen.push(Object.fromEntries([...fields.keys()].map((name) => [name, connection[name as 'ts']])));
      for (const name of ['duration', 'history', 'tunnel_parents', 'vlan', 'inner_vlan'] as const) {
        if (!fields.has(name)) expect(connection[name]).toBeUndefined();
      }
    };
    track(frames, { lends: true, emit });
    expect(seen).toEqual(records);
  });

  it('has a history beyond its record', () => {
    const [update] = track(cases['a long history']!).updates;
    expect(update!.connection.history!.length).toBeGreaterThan(12);
  });
});
