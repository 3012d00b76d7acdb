import { describe, expect, it } from 'vitest';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { WeirdReports } from '../../src/conn/weird-reports.js';
import { SECOND } from '../../src/core/time.js';
import { Packet } from '../../src/decode/packet.js';
import type { Weird } from '../../src/records/weird.js';
import { ethernet, type Frame, ip, START, TcpScript, tcpSegment, track } from './traffic.js';

const CLIENT = '192.0.2.10';

const SERVER = '198.51.100.20';

function tcpFrame(timeUs: number, sport: number, flags: string, payload = 0): Frame {
  const segment = tcpSegment({ sport, dport: 80, seq: 100, flags, payload });
  return { timeUs, bytes: ethernet(ip({ src: CLIENT, dst: SERVER, proto: 6, payload: segment })) };
}

function weirdsOf(frames: readonly Frame[], perBatch?: number) {
  const weirds: Weird[] = [];
  const options = { checksums: 'ignore', onWeird: (weird: Weird) => void weirds.push(weird) } as const;
  const { stats, updates } = track(frames, options, perBatch);
  return { weirds, stats, updates };
}

const cut = (frame: Frame, length: number): Frame => ({ timeUs: frame.timeUs, bytes: frame.bytes.slice(0, length) });

describe('reports of weirds', () => {
  it('name the connection, its ends, the time of the packet, and the protocol', () => {
    const { weirds, updates } = weirdsOf([tcpFrame(START, 4000, 'S'), tcpFrame(START + 1, 4000, 'SU')]);
    expect(updates).toHaveLength(1);
    expect(weirds).toEqual([
      {
        ts: START + 1,
        capture: 'test',
        name: 'baroque_SYN',
        uid: updates[0]!.connection.uid,
        'id.orig_h': CLIENT,
        'id.orig_p': 4000,
        'id.resp_h': SERVER,
        'id.resp_p': 80,
        source: 'TCP',
      },
    ]);
  });

  it('come once in ten minutes, while every one is counted', () => {
    const frames = [0, 1, 599, 600, 601].map((at) => cut(tcpFrame(START + at * SECOND, 4000, 'S'), 24));
    const { weirds, stats } = weirdsOf(frames);
    expect(weirds.map(({ ts }) => (ts - START) / SECOND)).toEqual([0, 600]);
    expect(stats.weirds.truncated_IP).toBe(5);
  });

  it('come for each connection by itself', () => {
    const { weirds } = weirdsOf([4000, 4001, 4000].map((port, i) => tcpFrame(START + i, port, 'SU')));
    expect(weirds.map((weird) => weird['id.orig_p'])).toEqual([4000, 4001]);
    expect(new Set(weirds.map(({ uid }) => uid)).size).toBe(2);
  });

  it('come once a day for an originator where Zeek has them so', () => {
    const frames = [0, 1, 86_399, 86_400].map((at, i) => tcpFrame(START + at * SECOND, 4000 + i, 'S', 10));
    const { weirds, stats } = weirdsOf(frames);
    const told = weirds.filter(({ name }) => name === 'SYN_with_data').map(({ ts }) => (ts - START) / SECOND);
    expect(told).toEqual([0, 86_400]);
    expect(stats.weirds.SYN_with_data).toBe(4);
  });

  it('are not made of what Zeek only counts', () => {
    const { weirds, stats } = weirdsOf([tcpFrame(START, 4000, 'F')]);
    expect(stats.weirds.spontaneous_FIN).toBe(1);
    expect(weirds).toEqual([]);
  });

  it('have no addresses where the packet was cut before them, and come between those of its neighbours', () => {
    const frames = [
      tcpFrame(START, 4000, 'SU'),
      cut(tcpFrame(START + 1, 4001, 'S'), 24),
      tcpFrame(START + 2, 4002, 'SU'),
    ];
    for (const perBatch of [1, 1000]) {
      const { weirds } = weirdsOf(frames, perBatch);
      expect(weirds.map(({ name }) => name)).toEqual(['baroque_SYN', 'truncated_IP', 'baroque_SYN']);
      expect(weirds[1]).toEqual({ ts: START + 1, capture: 'test', name: 'truncated_IP' });
    }
  });

  it('have the addresses and ports of 0 where the packet belongs to no connection', () => {
    const fragment = ip({ src: CLIENT, dst: SERVER, proto: 17, payload: new Uint8Array(80), id: 7, fragment: 0x6000 });
    const { weirds } = weirdsOf([{ timeUs: START, bytes: ethernet(fragment) }]);
    expect(weirds.find(({ name }) => name === 'fragment_with_DF')).toEqual({
      ts: START,
      capture: 'test',
      name: 'fragment_with_DF',
      'id.orig_h': CLIENT,
      'id.orig_p': 0,
      'id.resp_h': SERVER,
      'id.resp_p': 0,
    });
  });

  it('change nothing in the connections and counts', () => {
    const { frames } = new TcpScript().handshake().client('SR', 1).client('PA', 1, 1, 100).server('S', 0);
    const { updates, stats } = weirdsOf(frames);
    expect({ updates, stats }).toEqual(track(frames, { checksums: 'ignore' }));
  });
});

describe('WeirdReports', () => {
  it('forgets the oldest at its bound, which is then reported again', () => {
    const weirds: Weird[] = [];
    const reports = new WeirdReports(new ConnectionTable({ k0: 1, k1: 2 }, 16), (weird) => weirds.push(weird), 2);
    const packet = new Packet();
    for (const name of [
      'truncated_IP',
      'unknown_ip_version',
      'truncated_IP',
      'ip_hdr_len_zero',
      'truncated_IP',
    ] as const) {
      reports.ofPacket([name], packet, 'test');
    }
    expect(weirds.map(({ name }) => name)).toEqual([
      'truncated_IP',
      'unknown_ip_version',
      'ip_hdr_len_zero',
      'truncated_IP',
    ]);
  });
});
