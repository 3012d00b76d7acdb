import { describe, expect, it } from 'vitest';
import { ConnectionTracker } from '../../src/conn/connection-tracker.js';
import { SECOND } from '../../src/core/time.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import { batches, concat, START, TcpScript, track } from './traffic.js';

interface Case {
  readonly name: string;
  readonly script: TcpScript;
  readonly state: string;
  readonly history: string;
  readonly bytes?: readonly [number, number];
  readonly missed?: number;
}

const tcp = (): TcpScript => new TcpScript();
/** Between ports of which none is likely a server's. */
const odd = (): TcpScript => new TcpScript([40_000, 40_001]);

/** Expected values follow from Zeek's source and the descriptions in its conn/main.zeek. */
const cases: readonly Case[] = [
  { name: 'S0 when a SYN gets no answer', script: tcp().client('S', 0), state: 'S0', history: 'S' },
  {
    name: 'S0 with one S for a repeated SYN',
    script: tcp().client('S', 0).client('S', 0),
    state: 'S0',
    history: 'S',
    bytes: [0, 0],
  },
  { name: 'S1 when nothing closes', script: tcp().handshake(), state: 'S1', history: 'ShA', bytes: [0, 0] },
  {
    name: 'SF after FINs from both ends',
    script: tcp()
      .handshake()
      .client('PA', 1, 1, 100)
      .server('A', 1, 101)
      .server('PA', 1, 101, 50)
      .client('FA', 101, 51)
      .server('FA', 51, 102)
      .client('A', 102, 52),
    state: 'SF',
    history: 'ShADadFf',
    bytes: [100, 50],
  },
  {
    name: 'REJ when the SYN is answered by a RST',
    script: tcp().client('S', 0).server('RA', 0, 1),
    state: 'REJ',
    history: 'Sr',
    bytes: [0, 0],
  },
  {
    name: 'S2 when only the originator closes',
    script: tcp().handshake().client('FA', 1, 1),
    state: 'S2',
    history: 'ShAF',
    bytes: [0, 0],
  },
  {
    name: 'S3 when only the responder closes',
    script: tcp().handshake().server('FA', 1, 1),
    state: 'S3',
    history: 'ShAf',
    bytes: [0, 0],
  },
  {
    name: 'RSTO when the originator aborts',
    script: tcp().handshake().client('R', 1),
    state: 'RSTO',
    history: 'ShAR',
    bytes: [0, 0],
  },
  {
    name: 'RSTR when the responder aborts',
    script: tcp().handshake().server('R', 1),
    state: 'RSTR',
    history: 'ShAr',
    bytes: [0, 0],
  },
  {
    name: 'RSTOS0 for a SYN and a RST without an answer',
    script: tcp().client('S', 0).client('R', 1),
    state: 'RSTOS0',
    history: 'SR',
    bytes: [0, 0],
  },
  {
    name: 'RSTRH for a SYN ACK and a RST without a SYN',
    script: tcp().server('SA', 0, 1).server('R', 1),
    state: 'RSTRH',
    history: '^hr',
    bytes: [0, 0],
  },
  {
    name: 'SH for a SYN and a FIN without an answer',
    script: tcp().client('S', 0).client('FA', 1, 1),
    state: 'SH',
    history: 'SF',
    bytes: [0, 0],
  },
  {
    name: 'SHR for a SYN ACK and a FIN without a SYN',
    script: tcp().server('SA', 0, 1).server('FA', 1, 1),
    state: 'SHR',
    history: '^hf',
    bytes: [0, 0],
  },
  {
    name: 'OTH for data in the middle',
    script: tcp().client('PA', 500, 700, 10).server('A', 700, 510),
    state: 'OTH',
    history: 'Da',
    bytes: [10, 0],
  },
  {
    name: 'S1 when only the first SYN was missed',
    script: tcp().server('SA', 0, 1).client('A', 1, 1),
    state: 'S1',
    history: '^hA',
    bytes: [0, 0],
  },
  {
    name: 'a flip when SYN and SYN ACK come in the wrong order',
    script: odd().server('SA', 0, 1).client('S', 0).client('A', 1, 1),
    state: 'S1',
    history: 'Hs^A',
    bytes: [0, 0],
  },
  {
    name: 'a flip when the client acknowledges a SYN ACK without a SYN, from a port of no known server',
    script: odd().server('SA', 0, 1).client('A', 1, 1).client('PA', 1, 1, 100).server('A', 1, 101),
    state: 'OTH',
    history: '^hADa',
    bytes: [100, 0],
  },
  {
    name: 'a flip when the client sends data behind such a SYN ACK',
    script: odd()
      .server('SA', 0, 1)
      .client('PA', 1, 1, 100)
      .server('PA', 1, 101, 50)
      .client('FA', 101, 51)
      .server('FA', 51, 102),
    state: 'SF',
    history: '^hDdFf',
    bytes: [100, 50],
  },
  {
    name: 'a flip when only the server is seen behind such a SYN ACK',
    script: odd().server('SA', 0, 1).server('A', 1, 1).server('FA', 1, 1),
    state: 'SHR',
    history: '^haf',
    bytes: [0, 0],
  },
  {
    name: 'T for a retransmission',
    script: tcp().handshake().client('PA', 1, 1, 10).client('PA', 1, 1, 10).server('A', 1, 11),
    state: 'S1',
    history: 'ShADTa',
    bytes: [10, 0],
  },
  {
    name: 'G and missed bytes when more is acknowledged than was seen',
    script: tcp().handshake().client('PA', 1, 1, 10).client('PA', 61, 1, 20).server('A', 1, 81),
    state: 'S1',
    history: 'ShADaG',
    bytes: [80, 0],
    missed: 50,
  },
  {
    name: 'no gap when a hole is filled before it is acknowledged',
    script: tcp().handshake().client('PA', 1, 1, 10).client('PA', 21, 1, 10).client('PA', 11, 1, 10).server('A', 1, 31),
    state: 'S1',
    history: 'ShADTa',
    bytes: [30, 0],
  },
  {
    name: 'two gaps around data that came in between',
    script: tcp().handshake().client('PA', 11, 1, 10).client('PA', 31, 1, 10).server('A', 1, 51),
    state: 'S1',
    history: 'ShADaG',
    bytes: [50, 0],
    missed: 30,
  },
  {
    name: 'W for a zero window',
    script: tcp().handshake().server('A', 1, 1, 0, 0).server('A', 1, 1, 0, 0),
    state: 'S1',
    history: 'ShAaw',
    bytes: [0, 0],
  },
  {
    name: 'I for FIN and RST together',
    script: tcp().handshake().client('FR', 1),
    state: 'RSTO',
    history: 'ShAI',
    bytes: [0, 0],
  },
  { name: 'Q for SYN and FIN together', script: tcp().client('SF', 0), state: 'SH', history: 'Q' },
  {
    name: 'F twice when the FIN moves',
    script: tcp().handshake().client('FA', 1, 1).client('FA', 11, 1),
    state: 'S2',
    history: 'ShAFF',
    bytes: [10, 0],
  },
  {
    name: 'a gap of one byte where data lies in the place of a FIN that was acknowledged, and a FIN comes behind it',
    script: tcp().handshake().client('FA', 1, 1).server('FA', 1, 2).client('FA', 1, 2, 7).server('A', 2, 9),
    state: 'SF',
    history: 'ShAFfFaG',
    bytes: [7, 0],
    missed: 1,
  },
  {
    name: 'sizes over the wrap of the sequence numbers',
    script: new TcpScript([40_000, 80], [0xffff_ff00, 0xffff_fff0])
      .handshake()
      .client('PA', 1, 1, 1000)
      .server('A', 1, 1001)
      .server('PA', 1, 1001, 500)
      .client('FA', 1001, 501)
      .server('FA', 501, 1002),
    state: 'SF',
    history: 'ShADadFf',
    bytes: [1000, 500],
  },
];

describe('a TCP connection', () => {
  it.each(cases)('has $name', ({ script, state, history, bytes, missed }) => {
    const { updates } = track(script.frames);
    expect(updates.map(({ cause }) => cause)).toEqual(['end']);
    const { connection } = updates[0]!;
    expect([connection.conn_state, connection.history]).toEqual([state, history]);
    expect(bytes === undefined ? [] : [connection.orig_bytes, connection.resp_bytes]).toEqual(bytes ?? []);
    expect(connection.missed_bytes).toBe(missed ?? 0);
    expect([connection['id.orig_p'], connection['id.orig_h']]).toEqual([40_000, '192.0.2.10']);
  });

  it('writes T at the 1st, 10th and 100th retransmission', () => {
    const script = tcp().handshake().client('PA', 1, 1, 10);
    for (let i = 0; i < 100; i++) script.client('PA', 1, 1, 10);
    expect(track(script.frames).updates[0]?.connection.history).toBe('ShADTTT');
  });

  it('writes C, W and G at the 1st, 10th and 100th too, for each end by itself', () => {
    const corrupt = tcp().handshake();
    for (let i = 0; i < 100; i++) corrupt.server('A', 1, 1);
    for (const { bytes } of corrupt.frames.slice(3)) bytes[50]! ^= 1;
    expect(track(corrupt.frames).updates[0]?.connection).toMatchObject({ history: 'ShAccc', resp_pkts: 1 });

    const closed = tcp().handshake();
    for (let i = 0; i < 99; i++) closed.client('A', 1, 1, 0, 0);
    for (let i = 0; i < 9; i++) closed.server('A', 1, 1, 0, 0);
    expect(track(closed.frames).updates[0]?.connection.history).toBe('ShAWWaw');

    const gaps = tcp().handshake();
    for (let i = 0; i < 10; i++) gaps.client('A', 11 + 20 * i, 1, 10).server('A', 1, 21 + 20 * i);
    const { connection } = track(gaps.frames).updates[0]!;
    expect(connection).toMatchObject({ history: 'ShADaGG', missed_bytes: 100, orig_bytes: 200 });
  });

  it.each([
    ['a zero window of a RST', tcp().handshake().client('R', 1, undefined, 0, 0), 'ShAR'],
    ['one after the own RST', tcp().handshake().client('R', 1).client('A', 1, 1, 0, 0), 'ShAR'],
    ['one after the peer has closed', tcp().handshake().server('FA', 1, 1).client('A', 1, 2, 0, 0), 'ShAf'],
  ])('writes no W for %s', (_, script, history) => {
    expect(track(script.frames).updates[0]?.connection.history).toBe(history);
  });

  it('takes no gap from a connection whose start was not seen', () => {
    const script = tcp().client('PA', 501, 701, 10).server('A', 701, 551).client('PA', 551, 701, 10);
    expect(track(script.frames).updates[0]?.connection).toMatchObject({ history: 'Da', missed_bytes: 0 });
  });

  it('writes S and R again when their sequence number moves, but once when it does not', () => {
    const resets = tcp().handshake().client('R', 1).client('R', 1).client('R', 5);
    expect(track(resets.frames).updates[0]?.connection.history).toBe('ShARR');
    // While an end is not closed, a SYN begins its numbers anew.
    const answers = tcp().client('S', 0).server('SA', 0, 1).server('SA', 0, 1).server('SA', 7, 1);
    expect(track(answers.frames).updates[0]?.connection.history).toBe('Sh');
    const late = tcp().handshake().server('FA', 1, 1).server('SA', 0, 1).server('SA', 7, 1);
    expect(track(late.frames).updates[0]?.connection.history).toBe('ShAfh');
  });

  it.each([
    ['SYN_seq_jump', tcp().client('S', 0).client('S', 7), ['S', 'S']],
    ['active_connection_reuse', tcp().handshake().client('S', 7), ['ShA', 'S']],
    [
      'premature_connection_reuse',
      tcp().handshake().client('FA', 1, 1).server('FA', 1, 2).client('S', 9_000),
      ['ShAFf', 'S'],
    ],
    [
      undefined,
      tcp()
        .handshake()
        .client('FA', 1, 1)
        .server('FA', 1, 2)
        .wait(5 * SECOND - 1)
        .client('S', 9_000),
      ['ShAFf', 'S'],
    ],
  ])('begins a new connection with a SYN of another number: %s', (weird, script, histories) => {
    const { updates, stats } = track(script.frames);
    expect(updates.map(({ connection }) => connection.history)).toEqual(histories);
    expect(Object.keys(stats.weirds)).toEqual(weird === undefined ? [] : [weird]);
  });

  it('takes the numbers of an attempt that was aborted for its data, but not where an answer acknowledged something else', () => {
    const bytes = (script: TcpScript) => track(script.frames).updates[0]?.connection.orig_bytes;
    expect(bytes(tcp().client('S', 0, undefined, 30).client('R', 31))).toBe(30);
    expect(bytes(tcp().client('S', 0).server('A', 5, 900).client('R', 900))).toBe(0);
  });

  it('keeps histories longer than a record holds', () => {
    const script = tcp().handshake();
    for (let i = 0; i < 40; i++) script.client('FA', 1 + i, 1);
    const { connection } = track(script.frames).updates[0]!;
    expect(connection.history).toBe(`ShA${'F'.repeat(40)}`);
  });

  it('leaves out the last acknowledgement from its duration', () => {
    const script = tcp().handshake().client('FA', 1, 1).server('FA', 1, 2).wait(SECOND).client('A', 2, 2);
    const { connection } = track(script.frames).updates[0]!;
    expect(connection.duration).toBe(4_000);
    expect(connection.orig_pkts).toBe(4);
  });

  it('does not take the numbers behind a RST with the number 0 for data', () => {
    const script = new TcpScript([40_000, 40_001], [3_000_000_000, 9_000])
      .server('A', 1, 1)
      .client('RA', -3_000_000_000, 1)
      .server('PA', 1, 1, 10)
      .client('FA', 1, 11)
      .server('A', 11, 2);
    const c = track(script.frames).updates[0]!.connection;
    expect([c.history, c.orig_bytes, c.resp_bytes]).toEqual(['ArDf', 10, 0]);
  });

  it('counts data behind a first number of 0 once it is acknowledged, as the number before it is the last one there is', () => {
    const script = new TcpScript([40_000, 40_001], [0, 9_000]).client('PA', 0, 1, 10).client('PA', 10, 1, 10);
    expect(track(script.frames).updates[0]!.connection.orig_bytes).toBe(0);
    script.server('A', 1, 20).client('FA', 20, 1).server('FA', 1, 21).client('A', 21, 2);
    expect(track(script.frames).updates[0]!.connection).toMatchObject({ orig_bytes: 20, history: 'DaFfA' });
  });

  it('closes an end whose FIN lies before what was acknowledged of it', () => {
    const script = tcp()
      .handshake()
      .server('A', 1, 20_001)
      .client('FA', 1, 1)
      .server('FA', 1, 2)
      .wait(SECOND)
      .client('R', 2);
    const { updates, stats } = track(script.frames);
    expect(updates[0]?.connection).toMatchObject({ duration: 5_000, missed_bytes: 20_000 });
    expect(stats.weirds.excessive_data_without_further_acks).toBeUndefined();
  });

  it('does not take what was never sent for data that nobody acknowledges', () => {
    const script = tcp().handshake().server('A', 1, 20_000_001).client('FA', 1, 1).client('PA', 20_000_001, 1, 10);
    expect(track(script.frames).stats.weirds).not.toHaveProperty('excessive_data_without_further_acks');
  });

  it('counts packets and IP bytes of both ends', () => {
    const script = tcp().handshake().client('PA', 1, 1, 100).server('A', 1, 101);
    const { connection } = track(script.frames).updates[0]!;
    expect([connection.orig_pkts, connection.orig_ip_bytes, connection.resp_pkts, connection.resp_ip_bytes]).toEqual([
      3, 220, 2, 80,
    ]);
  });

  it.each([
    ['a RST', odd().server('SA', 0, 1).client('R', 1).client('A', 1, 1), 'Hra'],
    ['a FIN', odd().server('SA', 0, 1).client('FA', 1, 1), 'Hf'],
    ['what closed its window', odd().server('SA', 0, 1, 0, 0).client('A', 1, 1), 'HWa'],
  ])('takes a SYN ACK for the probe of a scan where the next packet is %s', (_, script, history) => {
    const { connection } = track(script.frames).updates[0]!;
    expect([connection.history, connection['id.orig_p']]).toEqual([history, 40_001]);
  });

  it.each([
    ['the SYN came behind its answer', odd().server('SA', 0, 1).client('S', 0).client('A', 1, 1)],
    ['there was no SYN', odd().server('SA', 0, 1).client('A', 1, 1).client('PA', 1, 1)],
  ])('counts the packets of each end for itself where %s', (_, script) => {
    expect(track(script.frames).updates[0]?.connection).toMatchObject({
      'id.orig_p': 40_000,
      orig_pkts: 2,
      orig_ip_bytes: 80,
      resp_pkts: 1,
      resp_ip_bytes: 40,
    });
  });

  it('tells of a window scale that no TCP may offer', () => {
    const withScale = (scale: number) => {
      const bytes = tcp().client('S', 0).frames[0]!.bytes.slice();
      const frame = concat(bytes, new Uint8Array([1, 3, 3, scale]));
      frame[46] = 0x60;
      frame[17] = 44;
      return track([{ timeUs: START, bytes: frame }], { checksums: 'ignore' }).stats.weirds;
    };
    expect(withScale(14)).toEqual({});
    expect(withScale(15)).toEqual({ TCP_scale_range: 1 });
  });

  it('tells of a window scale only where nothing else of the connection was odd before, as data above a hole', () => {
    const scale = [3, 3, 15, 0];
    const behind = (seq: number): unknown => {
      const script = tcp().client('PA', 1, 1, 10).client('PA', seq, 1, 10).server('SA', 0, 11, 0, 4096, scale);
      return track(script.frames).stats.weirds;
    };
    expect(behind(11)).toEqual({ TCP_scale_range: 1 });
    expect(behind(20_011)).toEqual({ above_hole_data_without_any_acks: 1 });
  });

  it('leaves packets with a wrong checksum out and writes C', () => {
    const script = tcp().client('S', 0).server('SA', 0, 1);
    script.frames[1]!.bytes[50]! ^= 1;
    const verified = track(script.frames);
    expect(verified.updates[0]?.connection).toMatchObject({ conn_state: 'S0', history: 'Sc', resp_pkts: 0 });
    expect(verified.stats.weirds).toEqual({ bad_TCP_checksum: 1 });
    expect(track(script.frames, { checksums: 'ignore' }).updates[0]?.connection.history).toBe('Sh');
  });

  it('does not verify the checksum of a packet that the capture cut, and takes its payload for missing', () => {
    const script = tcp().handshake().client('PA', 1, 1, 100).server('A', 1, 101);
    const data = script.frames[3]!;
    script.frames[3] = { timeUs: data.timeUs, bytes: data.bytes.slice(0, 60), wireBytes: data.bytes.length };
    const { updates, stats } = track(script.frames);
    expect(updates[0]?.connection).toMatchObject({ history: 'ShADaG', orig_bytes: 100, missed_bytes: 100 });
    expect(stats.weirds).toEqual({ truncated_tcp_payload: 1 });
  });
});

describe('the ends of TCP connections in time', () => {
  /** Each with its end and a packet that belongs to it until then, and afterwards begins a new one. */
  const ends: readonly [string, TcpScript, number, (script: TcpScript) => TcpScript][] = [
    ['an attempt 5 s after the SYN', tcp().client('S', 0), 5 * SECOND, (s) => s.client('S', 0)],
    [
      'a closed one 5 s after the last FIN',
      tcp().handshake().client('FA', 1, 1).server('FA', 1, 2),
      5 * SECOND + 4_000,
      (s) => s.client('A', 2, 2),
    ],
    ['a reset one 5 s after the RST', tcp().handshake().client('R', 1), 5 * SECOND + 3_000, (s) => s.server('A', 1, 1)],
    [
      'an established one 5 min after its last packet',
      tcp().handshake(),
      300 * SECOND + 2_000,
      (s) => s.server('A', 1, 1),
    ],
    ['a partial one 5 min after its last packet', tcp().client('A', 1, 1), 300 * SECOND, (s) => s.client('A', 1, 1)],
    [
      'one with a FIN and a RST of the other end behind a hole 5 min after the RST',
      tcp().handshake().client('FA', 1, 1).server('R', 501),
      300 * SECOND + 4_000,
      (s) => s.server('A', 1, 1),
    ],
    [
      'one with a RST behind a hole and then a FIN 5 min after the FIN',
      tcp().handshake().server('R', 501).client('FA', 1, 1),
      300 * SECOND + 4_000,
      (s) => s.server('A', 1, 1),
    ],
    [
      'one with a FIN and a RST of the same end 5 s after the RST',
      tcp().handshake().client('FA', 1, 1).client('R', 2),
      5 * SECOND + 4_000,
      (s) => s.server('A', 1, 1),
    ],
    [
      'one with a FIN and a RST of the same end 5 s after the RST, whatever comes',
      tcp()
        .handshake()
        .client('FA', 1, 1)
        .client('R', 2)
        .wait(2 * SECOND)
        .server('PA', 1, 2, 100)
        .client('R', 2)
        .wait(2 * SECOND)
        .server('FA', 201, 2),
      5 * SECOND + 4_000,
      (s) => s.server('A', 1, 1),
    ],
    [
      'one with a FIN and a RST of the same end, and one of the other end behind a hole, 5 min after the last packet',
      tcp().handshake().client('FA', 1, 1).client('R', 2).server('R', 501),
      300 * SECOND + 5_000,
      (s) => s.server('A', 1, 1),
    ],
    [
      'one with a FIN before anything else 5 s after it, whatever the same end resets then',
      tcp().client('FA', 1, 1).server('A', 1, 2).client('R', 2),
      5 * SECOND,
      (s) => s.server('A', 1, 2),
    ],
    [
      'one with a FIN and, minutes after its start, a RST of the same end',
      tcp()
        .handshake()
        .wait(123 * SECOND)
        .client('FA', 1, 1)
        .client('R', 2),
      128 * SECOND + 4_000,
      (s) => s.server('A', 1, 1),
    ],
    [
      'a SYN after what was partial 5 min after it',
      tcp().client('A', 1, 1).wait(SECOND).client('S', 0),
      301 * SECOND + 1_000,
      (s) => s.client('A', 1, 1),
    ],
  ];

  it.each(ends)('ends %s', (_name, script, endUs, probe) => {
    for (const [offset, connections] of [
      [-1, 1],
      [0, 2],
    ] as const) {
      const late = probe(tcp().wait(endUs + offset));
      expect(track([...script.frames, ...late.frames]).stats.connections).toBe(connections);
    }
  });

  it.each([
    ['at once', [5 * SECOND + 1], 2],
    ['not when it is exactly as old', [5 * SECOND], 1],
    ['6 s later then', [5 * SECOND, 11 * SECOND - 1], 1],
    ['6 s later then', [5 * SECOND, 11 * SECOND], 2],
    ['6 s after the packet that let it be looked at', [5 * SECOND, 12 * SECOND, 17 * SECOND], 2],
  ] as const)('without a valid packet is given up by the look after 5 s, %s (case %#)', (_name, times, connections) => {
    const script = tcp();
    for (const at of [0, ...times]) script.wait(START + at - script.timeUs).client('A', 1, 1);
    for (const { bytes } of script.frames) bytes[50]! ^= 1;
    expect(track(script.frames).stats.connections).toBe(connections);
  });

  it.each([21, 22, 23, 513])('waits an hour on port %i, where sessions idle, once the SYN was answered', (port) => {
    const session = (): TcpScript => new TcpScript([40_000, port]);
    const connections = (start: TcpScript, idleUs: number): number =>
      track([...start.frames, ...session().wait(idleUs).client('A', 1, 1).frames]).stats.connections;
    const hour = 3600 * SECOND;
    expect(connections(session().handshake(), hour + 2_000 - 1)).toBe(1);
    expect(connections(session().handshake(), hour + 2_000)).toBe(2);
    expect(connections(session().client('A', 1, 1), 300 * SECOND)).toBe(2);
  });

  it('begins a new connection with a SYN after the close', () => {
    const script = tcp().handshake().client('FA', 1, 1).server('FA', 1, 2).client('A', 2, 2);
    const again = new TcpScript([40_000, 80], [77_000, 99_000]).wait(SECOND).handshake();
    const { updates } = track([...script.frames, ...again.frames]);
    expect(updates.map(({ connection }) => connection.history)).toEqual(['ShAFf', 'ShA']);
    expect(new Set(updates.map(({ connection }) => connection.uid)).size).toBe(2);
  });

  it('begins a new connection with a SYN behind a packet that was left out', () => {
    const script = tcp().client('A', 1, 1).client('S', 0);
    script.frames[0]!.bytes[50]! ^= 1;
    const { updates, stats } = track(script.frames);
    expect(updates.map(({ connection }) => connection.history)).toEqual(['C', 'S']);
    expect(stats.weirds).toEqual({ bad_TCP_checksum: 1, active_connection_reuse: 1 });
  });

  it('lets time pass without packets by advance', () => {
    const updates: ConnectionUpdate[] = [];
    const tracker = new ConnectionTracker({ checksums: 'verify', emit: (update) => updates.push(update) });
    for (const batch of batches(tcp().client('S', 0).frames)) tracker.batch(batch, [{ name: 'test' }]);
    tracker.advance(START + 5 * SECOND - 1);
    expect(updates).toHaveLength(0);
    tracker.advance(START + 5 * SECOND);
    expect(updates.map(({ cause, connection }) => [cause, connection.conn_state])).toEqual([['end', 'S0']]);
    expect(tracker.stats.open).toBe(0);
  });

  it('tells the start and every interim of a connection', () => {
    const script = tcp()
      .handshake()
      .wait(25 * SECOND)
      .client('PA', 1, 1, 10)
      .wait(10 * SECOND)
      .client('PA', 11, 1, 10);
    const { updates } = track(script.frames, { startRecords: true, interimUs: 10 * SECOND });
    expect(updates.map(({ cause }) => cause)).toEqual(['start', 'interim', 'interim', 'end']);
    expect(updates.map(({ connection }) => connection.orig_bytes)).toEqual([undefined, 0, 10, 20]);
    expect(new Set(updates.map(({ connection }) => connection.uid)).size).toBe(1);
  });
});
