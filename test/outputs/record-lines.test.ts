import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureNames } from '../../src/conn/capture-names.js';
import { connectionRecord } from '../../src/conn/connection-record.js';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ConnectionView } from '../../src/conn/connection-view.js';
import { EndedRecords, MOST_ENDED } from '../../src/conn/ended-records.js';
import {
  ACKED,
  CAPTURE,
  CONFIRMED,
  FLAGS,
  GAPS,
  IN_STEP,
  IPV6_WORDS,
  LAST,
  LAST_TIME,
  META,
  NEXT,
  ORIG_WORD,
  RECORD_WORDS,
  RESP_WORD,
  START_TIME,
} from '../../src/conn/record-layout.js';
import { META_IPV6, Packet } from '../../src/decode/packet.js';
import { Unwatched, unwatchedEnds } from '../../src/join/unwatched.js';
import { connectionLine } from '../../src/outputs/connection-json.js';
import { Coverage } from '../../src/outputs/coverage.js';
import { LineSink } from '../../src/outputs/line-sink.js';
import { RecordLines } from '../../src/outputs/record-lines.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import { type Fields, fields, putFields } from './record-fields.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'lines'], { encoding: 'utf8' });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'record-lines-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const captures = new CaptureNames();
captures.use([{ name: 'first' }, { name: 'second', host: 'h' }]);
const table = new ConnectionTable({ k0: 1, k1: 2 }, MOST_ENDED);
for (let i = 0; i < MOST_ENDED; i++) table.insert(new Packet(), false);
const ended = new EndedRecords(table, new ConnectionView(table), captures, table.places(MOST_ENDED)!, () => {});

/** Addresses that are a host's, a group's and none, in either version. */
const addresses = [0, 0, -1, 0xe000_0001 | 0, 0xefff_ffff | 0, 0x0a00_0001, 0xff02_0000 | 0, 1, 0xff00_0000 | 0];

interface Each {
  readonly fields: Fields;
  readonly orig: number;
  readonly resp: number;
  readonly capture: number;
  /** Sequence numbers that the relative ones have not caught up with. */
  readonly behind: number | undefined;
}
const each: fc.Arbitrary<Each> = fc.record({
  fields: fields.filter(({ start, duration }) => start + duration < Number.MAX_SAFE_INTEGER),
  orig: fc.oneof(fc.constantFrom(...addresses), fc.integer()),
  resp: fc.oneof(fc.constantFrom(...addresses), fc.integer()),
  capture: fc.constantFrom(0, 0, 0, 0, 0, 1),
  behind: fc.option(fc.nat(2 ** 30 - 1), { nil: undefined }),
});

function put(slot: number, { fields: those, orig, resp, capture, behind }: Each): void {
  putFields(table, slot, those);
  table.missedBytes.delete(slot);
  const base = slot * RECORD_WORDS;
  const { i32, u16, f64 } = table;
  u16[2 * base + CAPTURE] = capture;
  i32[base + GAPS / 2] = 0;
  const isIpv6 = (i32[base + META]! & META_IPV6) !== 0;
  i32[base + ORIG_WORD] = isIpv6 && (orig === 0 || orig === 1) ? orig : i32[base + ORIG_WORD]!;
  if (isIpv6) i32.fill(0, base + IPV6_WORDS + 1, base + IPV6_WORDS + 3);
  i32[base + (isIpv6 ? IPV6_WORDS : ORIG_WORD)] = orig;
  i32[base + (isIpv6 ? IPV6_WORDS + 3 : RESP_WORD)] = resp;
  if (behind === undefined) return;
  i32[base + FLAGS] = i32[base + FLAGS]! | IN_STEP;
  const f = base >> 1;
  for (let dir = 0; dir < 2; dir++) {
    f64[f + LAST + dir] = f64[f + LAST + dir]! % 2 ** 50;
    f64[f + ACKED + dir] = f64[f + ACKED + dir]! % 2 ** 50;
    const start = i32[base + 28 + dir]!;
    i32[base + NEXT + dir] = (start + f64[f + LAST + dir]! + behind) | 0;
    i32[base + CONFIRMED + dir] = (start + f64[f + ACKED + dir]! + behind) | 0;
  }
}

/** What is made of each record by itself, once it has become an object. */
function oneByOne(count: number): { readonly text: string; readonly coverage: Coverage } {
  let text = '';
  const coverage = new Coverage();
  const unwatched = new Unwatched((attributed: AttributedConnection) => {
    coverage.line(attributed, true);
    text += `${connectionLine(attributed)}\n`;
  }, true);
  for (let i = 0; i < count; i++) {
    const update = ended.update(i);
    unwatched.connection({ ...update, connection: connectionRecord(update.connection as unknown as ConnectionView) });
  }
  return { text, coverage };
}

/** What is made of them at once, and how many were left to others. */
async function atOnce(count: number) {
  const path = join(folder, 'lines');
  const sink = new LineSink(path, () => {});
  const lines = RecordLines.over(ended, unwatchedEnds, sink)!;
  const coverage = new Coverage();
  const unwatched = new Unwatched((attributed) => {
    coverage.line(attributed, true);
    sink.line(connectionLine(attributed));
  }, true);
  let left = 0;
  for (let i = 0; i < count; ) {
    const next = lines.write(ended, i, count, sink, coverage);
    expect(next).toBeLessThanOrEqual(count);
    if (next === i) {
      left++;
      unwatched.connection(ended.update(i++));
    } else i = next;
  }
  await sink.close();
  return { text: readFileSync(path, 'utf8'), coverage, left, written: sink.linesWritten };
}

function addAll(list: readonly Each[]): void {
  ended.count = 0;
  list.forEach((one, slot) => {
    put(slot, one);
    ended.add(slot * RECORD_WORDS);
  });
}

describe('lines of many records', () => {
  it('are those of each by itself, whatever their addresses, protocols and captures are', async () => {
    expect([built.status, built.stderr]).toEqual([0, '']);
    await fc.assert(
      fc.asyncProperty(fc.array(each, { minLength: 1, maxLength: 20 }), async (list) => {
        addAll(list);
        // First, since an object brings the numbers of its record up to date.
        const { text, coverage, left, written } = await atOnce(list.length);
        const expected = oneByOne(list.length);
        expect(text).toBe(expected.text);
        expect(written).toBe(list.length);
        expect(coverage.connections).toBe(list.length);
        expect(coverage.metrics()).toEqual(expect.arrayContaining(expected.coverage.metrics().slice(1)));
        for (const side of ['orig', 'resp'] as const)
          for (const protocol of ['tcp', 'udp', 'icmp', 'unknown_transport'] as const)
            expect(coverage.text(side, protocol)).toBe(expected.coverage.text(side, protocol));
        expect(left).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it('fill the room as often as they need to', async () => {
    const one = fc.sample(each, 1)[0]!;
    addAll(Array.from({ length: MOST_ENDED }, () => one));
    const { text, left } = await atOnce(MOST_ENDED);
    expect(text).toBe(oneByOne(MOST_ENDED).text);
    expect(left).toBe(0);
  });

  it('leave records with gaps, and with times that are no whole microseconds', async () => {
    const usual = fc.sample(each, 1)[0]!;
    addAll([usual, usual, usual, usual, usual]);
    table.i32[RECORD_WORDS + GAPS / 2] = 1;
    table.missedBytes.set(1, 1000);
    const f = (3 * RECORD_WORDS) >> 1;
    table.f64[f + START_TIME] = 0.5;
    table.f64[f + LAST_TIME] = 0.5;
    const { text, left } = await atOnce(5);
    expect(text).toBe(oneByOne(5).text);
    expect(left).toBe(2);
    table.missedBytes.clear();
  });
});
