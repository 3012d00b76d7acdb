import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenStream, StreamConsumer, StreamStart } from '../../src/conn/stream/stream-consumer.js';
import type { TrackerOptions } from '../../src/conn/tracker-options.js';
import { limits } from '../../src/core/limits.js';
import { ethernet, type Frame, ip, START, type Tracked, tcpSegment, track } from './traffic.js';

type Event =
  | readonly ['data', 0 | 1, string]
  | readonly ['gap', 0 | 1, number]
  | readonly ['end', 0 | 1]
  | readonly ['close'];

/** What the consumers of all connections were told, with data joined where nothing comes between. */
class Recorder {
  readonly starts: StreamStart[] = [];
  readonly events: Event[] = [];
  /** After so many calls it wants no more. */
  patience = Number.POSITIVE_INFINITY;

  readonly open: OpenStream = (start): StreamConsumer => {
    this.starts.push(start);
    return {
      data: (direction, bytes) => {
        expect(bytes.length).toBeGreaterThan(0);
        const last = this.events.at(-1);
        const text = Buffer.from(bytes).toString('latin1');
        if (last?.[0] === 'data' && last[1] === direction) {
          this.events[this.events.length - 1] = ['data', direction, last[2] + text];
        } else this.events.push(['data', direction, text]);
        return --this.patience > 0;
      },
      gap: (direction, length) => {
        expect(length).toBeGreaterThan(0);
        this.events.push(['gap', direction, length]);
        return --this.patience > 0;
      },
      end: (direction) => this.events.push(['end', direction]),
      flip: () => undefined,
      close: () => this.events.push(['close']),
    };
  };

  text(direction: 0 | 1): string {
    return this.events.map((event) => (event[0] === 'data' && event[1] === direction ? event[2] : '')).join('');
  }

  kinds(): string[] {
    return this.events.map((event) => event.join(' '));
  }
}

const ENDS = ['192.0.2.10', '198.51.100.20'] as const;
const BASES = [0xffff_ff00, 70_000] as const;

interface Segment {
  readonly dir: 0 | 1;
  readonly flags: string;
  /** Relative to the SYN, which is 0. */
  readonly seq: number;
  readonly ack?: number;
  readonly text?: string;
}

function frames(segments: readonly Segment[], swapped = false, ports = [40_000, 40_001] as const): Frame[] {
  return segments.map(({ dir, flags, seq, ack, text }, i) => {
    const peer = dir === 0 ? 1 : 0;
    const payload = tcpSegment({
      sport: ports[dir],
      dport: ports[peer],
      seq: BASES[dir] + seq,
      ack: ack === undefined ? 0 : BASES[peer] + ack,
      flags,
      payload: Buffer.from(text ?? '', 'latin1'),
    });
    const [src, dst] = swapped ? [ENDS[peer], ENDS[dir]] : [ENDS[dir], ENDS[peer]];
    return { timeUs: START + 1000 * i, bytes: ethernet(ip({ src, dst, proto: 6, payload })) };
  });
}

const client = (flags: string, seq: number, ack?: number, text?: string): Segment => ({
  ...{ dir: 0, flags, seq },
  ...(ack !== undefined && { ack }),
  ...(text !== undefined && { text }),
});
const server = (flags: string, seq: number, ack?: number, text?: string): Segment => ({
  ...client(flags, seq, ack, text),
  dir: 1,
});
const handshake = [client('S', 0), server('SA', 0, 1), client('A', 1, 1)];

function record(segments: readonly Segment[], options: Partial<TrackerOptions> = {}): Recorder & { tracked: Tracked } {
  const recorder = new Recorder();
  const tracked = track(frames(segments), { openStream: recorder.open, ...options }, 7);
  return Object.assign(recorder, { tracked });
}

describe('a consumer of a connection', () => {
  it('gets both directions in order, their ends, and the close', () => {
    const told = record([
      ...handshake,
      client('PA', 1, 1, 'GET /'),
      server('A', 1, 6),
      server('PA', 1, 6, 'hello '),
      server('PA', 7, 6, 'world'),
      client('FA', 6, 12),
      server('FA', 12, 7),
      client('A', 7, 13),
    ]);
    expect(told.kinds()).toEqual(['data 0 GET /', 'data 1 hello world', 'end 0', 'end 1', 'close']);
    const { uid, ts } = told.tracked.updates[0]!.connection;
    expect(told.starts).toEqual([{ uid, ts, origPort: 40_000, respPort: 40_001, isPartial: false }]);
  });

  it.each([
    [
      'reordered segments in order',
      [client('PA', 4, 1, 'def'), client('PA', 7, 1, 'ghi'), client('PA', 1, 1, 'abc'), server('A', 1, 10)],
      ['data 0 abcdefghi', 'close'],
    ],
    [
      'a retransmission once, and only what is new of it',
      [client('PA', 1, 1, 'abc'), client('PA', 1, 1, 'abc'), client('PA', 1, 1, 'ABCdef')],
      ['data 0 abcdef', 'close'],
    ],
    [
      'what came first where segments above a hole overlap',
      [
        client('PA', 4, 1, 'def'),
        client('PA', 3, 1, 'CDEFG'),
        client('PA', 9, 1, 'i'),
        client('PA', 5, 1, 'vwxyzj'),
        client('PA', 1, 1, 'ab'),
      ],
      ['data 0 abCdefGyij', 'close'],
    ],
    [
      'a gap where more is acknowledged than was captured',
      [client('PA', 1, 1, 'abc'), client('PA', 9, 1, 'ijk'), server('A', 1, 12), client('PA', 12, 1, 'lm')],
      ['data 0 abc', 'gap 0 5', 'data 0 ijklm', 'close'],
    ],
    [
      'a gap of the peer before the data that shows it',
      [client('PA', 6, 1, 'fgh'), server('PA', 1, 9, 'reply')],
      ['gap 0 5', 'data 0 fgh', 'data 1 reply', 'close'],
    ],
    [
      'not what fills a gap that was told',
      [client('PA', 4, 1, 'def'), server('A', 1, 7), client('PA', 1, 1, 'abcDEFghi')],
      ['gap 0 3', 'data 0 defghi', 'close'],
    ],
    [
      'not the data of a RST',
      [client('PA', 1, 1, 'abc'), client('R', 4, undefined, 'because')],
      ['data 0 abc', 'end 0', 'close'],
    ],
    ['not what still waits behind a hole when the connection ends', [client('PA', 4, 1, 'def')], ['close']],
  ] as const)('gets %s', (_, segments, events) => {
    expect(record([...handshake, ...segments]).kinds()).toEqual([...events]);
  });

  it('gets a connection whose start was not seen from the first byte on', () => {
    const told = record([server('PA', 700, 501, 'middle'), client('A', 501, 706), server('PA', 706, 501, ' end')]);
    expect(told.starts[0]?.isPartial).toBe(true);
    // Who spoke first is the originator where no port and no SYN tells.
    expect(told.kinds()).toEqual(['data 0 middle end', 'close']);
  });

  it('gets the data of a SYN', () => {
    const told = record([client('S', 0, undefined, 'early'), server('SA', 0, 6), client('PA', 6, 1, ' later')]);
    expect(told.text(0)).toBe('early later');
  });

  it('is asked for once, when the first bytes come, and may decline', () => {
    let asked = 0;
    const { updates } = track(frames([...handshake, client('PA', 1, 1, 'a'), client('PA', 2, 1, 'b')]), {
      openStream: () => {
        asked++;
        return undefined;
      },
    });
    expect([asked, updates[0]?.connection.orig_bytes]).toEqual([1, 2]);
    track(frames(handshake), { openStream: () => void asked++ });
    expect(asked).toBe(1);
  });

  it('is told nothing more once it has enough', () => {
    const recorder = new Recorder();
    recorder.patience = 2;
    const segments = [
      ...handshake,
      ...[...'abcdef'].map((text, i) => client('PA', 1 + i, 1, text)),
      client('FA', 7, 1),
    ];
    const { updates } = track(frames(segments), { openStream: recorder.open });
    expect(recorder.kinds()).toEqual(['data 0 ab']);
    expect(updates[0]?.connection).toMatchObject({ orig_bytes: 6, history: 'ShADF' });
  });

  it('has a gap where more came above a hole than is kept, which is counted, and the record does not change', () => {
    const piece = 'x'.repeat(1400);
    const segments = [...handshake, client('PA', 1, 1, 'a'), server('A', 1, 2)];
    // The hole is byte 2; so much behind it that the last pieces find no room.
    const pieces = Math.floor(limits.streamBytes / piece.length) + 3;
    for (let i = 0; i < pieces; i++) segments.push(client('PA', 3 + i * piece.length, 1, piece));
    const filled = [...segments, client('PA', 2, 1, 'b')];
    const told = record(filled);
    const kept = Math.floor(limits.streamBytes / piece.length) * piece.length;
    expect(told.events.map((event) => (event[0] === 'data' ? ['data', event[2].length] : event))).toEqual([
      ['data', 2 + kept],
      ['gap', 0, 3 * piece.length],
      ['close'],
    ]);
    expect(told.tracked.stats.weirds).toEqual({ stream_buffer_full: 3 });
    expect(told.tracked.updates).toEqual(track(frames(filled), {}, 7).updates);
  });
});

/** A message cut into pieces, some of them twice or more, and a little out of order; as positions in it. */
const cutting = fc.record({
  length: fc.integer({ min: 1, max: 3_000 }),
  cuts: fc.array(fc.nat(2_999), { maxLength: 12 }),
  again: fc.array(fc.tuple(fc.nat(2_999), fc.integer({ min: 1, max: 900 })), { maxLength: 6 }),
  order: fc.array(fc.nat(1_000), { minLength: 24, maxLength: 24 }),
});
type Cutting = typeof cutting extends fc.Arbitrary<infer T> ? T : never;

function piecesOf({ length, cuts, again, order }: Cutting): [from: number, to: number][] {
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < length), length])].sort((a, b) => a - b);
  const pieces = ends.map((end, i): [number, number] => [ends[i - 1] ?? 0, end]);
  for (const [from, size] of again) if (from < length) pieces.push([from, Math.min(length, from + size)]);
  return pieces
    .map((piece, i) => ({ piece, at: i * 300 + (order[i] ?? 0) }))
    .sort((a, b) => a.at - b.at)
    .map(({ piece }) => piece);
}

const message = (length: number, seed: number): string =>
  String.fromCharCode(...Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 0xff));

/** Both messages sent in the pieces given, each acknowledged as far as it came without a hole. */
function conversation(cuttings: readonly [Cutting, Cutting], turns: readonly boolean[]): Segment[] {
  const texts = [message(cuttings[0].length, 1), message(cuttings[1].length, 99)] as const;
  const queues = [piecesOf(cuttings[0]), piecesOf(cuttings[1])] as const;
  const seen = [new Set<number>(), new Set<number>()] as const;
  const reached = [0, 0];
  const segments: Segment[] = [...handshake];
  for (let turn = 0; queues[0].length + queues[1].length > 0; turn++) {
    const wanted = turns[turn % turns.length] === true ? 1 : 0;
    const dir = queues[wanted].length > 0 ? wanted : wanted === 0 ? 1 : 0;
    const [from, to] = queues[dir].shift()!;
    for (let i = from; i < to; i++) seen[dir].add(i);
    while (seen[dir].has(reached[dir]!)) reached[dir] = reached[dir]! + 1;
    const ack = 1 + reached[1 - dir]!;
    segments.push({ dir, flags: 'PA', seq: 1 + from, ack, text: texts[dir].slice(from, to) });
  }
  const [a, b] = [texts[0].length + 1, texts[1].length + 1];
  segments.push(
    client('A', a, b),
    server('A', b, a),
    client('FA', a, b),
    server('FA', b, a + 1),
    client('A', a + 1, b + 1),
  );
  return segments;
}

describe('streams', () => {
  const turns = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });

  it('have the bytes that were sent, and one record, however they were cut, reordered and repeated', () => {
    fc.assert(
      fc.property(cutting, cutting, turns, (one, two, order) => {
        const told = record(conversation([one, two], order));
        expect(told.text(0) === message(one.length, 1) && told.text(1) === message(two.length, 99)).toBe(true);
        expect(told.events.filter(([kind]) => kind === 'gap')).toEqual([]);
        expect(told.kinds().slice(-3)).toEqual(['end 0', 'end 1', 'close']);
        expect(told.tracked.updates).toHaveLength(1);
        expect(told.tracked.updates[0]?.connection).toMatchObject({
          conn_state: 'SF',
          orig_bytes: one.length,
          resp_bytes: two.length,
          missed_bytes: 0,
          duration: expect.any(Number),
        });
        expect(told.tracked.updates[0]?.connection.history).toMatch(/^ShA[DdTta]*Ff$/);
      }),
      { numRuns: 150 },
    );
  });

  it('change nothing in the record, whether they are taken, declined or given up half-way', () => {
    fc.assert(
      fc.property(cutting, cutting, turns, fc.integer({ min: 1, max: 12 }), (one, two, order, patience) => {
        const sent = frames(conversation([one, two], order));
        const without = track(sent);
        const recorder = new Recorder();
        recorder.patience = patience;
        for (const openStream of [recorder.open, new Recorder().open, () => undefined]) {
          const { updates, stats } = track(sent, { openStream });
          expect(updates).toEqual(without.updates);
          expect(stats).toEqual(without.stats);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('only swap their directions when the ends are swapped, and do not depend on the hash secret', () => {
    fc.assert(
      fc.property(cutting, cutting, turns, fc.integer(), (one, two, order, k0) => {
        const segments = conversation([one, two], order);
        const recorders = [new Recorder(), new Recorder(), new Recorder()] as const;
        track(frames(segments), { openStream: recorders[0].open, key: { k0: 1, k1: 2 } });
        track(frames(segments), { openStream: recorders[1].open, key: { k0, k1: 7 } }, 3);
        track(frames(segments, true), { openStream: recorders[2].open });
        expect(recorders[1].events).toEqual(recorders[0].events);
        expect(recorders[1].starts).toEqual(recorders[0].starts);
        expect(recorders[2].events).toEqual(recorders[0].events);
      }),
      { numRuns: 60 },
    );
  });

  it('cover every number once, with the first content that came for it, whatever is sent and acknowledged', () => {
    const wild = fc.record({
      dir: fc.constantFrom<0 | 1>(0, 0, 0, 1),
      flags: fc.constantFrom('A', 'PA', 'PA', 'PA', 'FA', 'R', 'S', 'SA'),
      seq: fc.nat(60),
      ack: fc.nat(60),
      text: fc.string({ maxLength: 12 }),
    });
    fc.assert(
      fc.property(fc.array(wild, { maxLength: 40 }), (steps) => {
        const recorder = new Recorder();
        const sent = [...handshake, ...steps.map((s) => ({ ...s, text: s.text.replace(/[^ -~]/g, '?') }))];
        const { updates } = track(frames(sent), { openStream: recorder.open });
        expect(recorder.events.filter(([kind]) => kind === 'close')).toHaveLength(recorder.starts.length);
        expect(recorder.starts.length).toBeLessThanOrEqual(updates.length);
        // SYNs move the start of the numbers; contents are compared where none came after the handshake.
        if (recorder.starts.length !== 1 || steps.some(({ flags }) => flags.startsWith('S'))) return;
        for (const dir of [0, 1] as const) {
          const first = new Map<number, string>();
          for (const { seq, text, flags, dir: from } of sent) {
            if (from !== dir || flags === 'R') continue;
            for (const [i, letter] of [...(text ?? '')].entries()) if (!first.has(seq + i)) first.set(seq + i, letter);
          }
          let at = 1;
          for (const event of recorder.events) {
            if (event[0] === 'gap' && event[1] === dir) at += event[2];
            if (event[0] !== 'data' || event[1] !== dir) continue;
            for (const letter of event[2]) expect([at, letter]).toEqual([at, first.get(at++)]);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
