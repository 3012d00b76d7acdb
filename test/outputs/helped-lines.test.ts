import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CaptureNames } from '../../src/conn/capture-names.js';
import { ConnectionTable } from '../../src/conn/connection-table.js';
import { ConnectionView } from '../../src/conn/connection-view.js';
import { EndedRecords } from '../../src/conn/ended-records.js';
import { CAPTURE, GAPS, RECORD_WORDS } from '../../src/conn/record-layout.js';
import { Packet } from '../../src/decode/packet.js';
import { Unwatched, unwatchedEnds } from '../../src/join/unwatched.js';
import {
  BATCH_RECORDS,
  HELP_TEXTS,
  helpWithLines,
  type LineHelper,
  type LineJob,
} from '../../src/outputs/line-help.js';
import { Outputs } from '../../src/pipeline/outputs.js';
import { fields, putFields } from './record-fields.js';

// Built where its sources are newer, as those with a fault in them are.
const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
const built = spawnSync(process.execPath, [script, 'lines'], { encoding: 'utf8' });

/** Batches that the other thread makes before this one writes any, and records of those, of as many as this one keeps for itself, and of some more. */
const HELPED = 6;
const COUNT = 45 * BATCH_RECORDS + 7;
const TEXTS_BYTES = HELP_TEXTS << 18;

const captures = new CaptureNames();
captures.use([{ name: 'first' }, { name: 'second', host: 'h' }]);
const table = new ConnectionTable({ k0: 1, k1: 2 }, COUNT, TEXTS_BYTES + 4 * COUNT);
const { buffer, memory, offset } = table.room!;
const places = new Int32Array(buffer, offset + TEXTS_BYTES, COUNT);
const records = new EndedRecords(table, new ConnectionView(table), captures, places, () => {});
const usual = fc.sample(
  fields.filter(({ start, duration }) => start + duration < Number.MAX_SAFE_INTEGER),
  { numRuns: 200, seed: 7 },
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'helped-lines-'));
  for (let slot = 0; slot < COUNT; slot++) {
    table.insert(new Packet(), false);
    records.add(slot * RECORD_WORDS);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Records that are all usual ones of one capture. */
beforeEach(() => {
  for (let slot = 0; slot < COUNT; slot++) {
    putFields(table, slot, usual[slot % usual.length]!);
    table.missedBytes.delete(slot);
    table.u16[2 * slot * RECORD_WORDS + CAPTURE] = 0;
    table.i32[slot * RECORD_WORDS + GAPS / 2] = 0;
  }
});

/** What is written of all of them, and what is told of their ends. */
async function written(helper?: LineHelper) {
  const path = join(folder, 'lines');
  const options = { connections: path, showsAlerts: false, format: 'ecs', table: false, overflow: 'wait' } as const;
  const warn = () => {};
  const outputs = await Outputs.open({ ...options, finalOnly: true, show: warn }, warn);
  const unwatched = new Unwatched((attributed) => outputs.connection(attributed), true);
  await outputs.open(records, unwatchedEnds, (update) => unwatched.connection(update), helper);
  await outputs.close();
  return {
    lines: readFileSync(path, 'latin1').split('\n'),
    count: outputs.linesWritten,
    // In whatever order their kinds came.
    ends: outputs.coverage.metrics().map(({ samples }) => samples.map((sample) => JSON.stringify(sample)).sort()),
  };
}

/** A helper that does `start` before this thread goes on, with so many bytes for texts. */
function helper(start: (job: LineJob) => void, bytes = TEXTS_BYTES): LineHelper {
  return { memory: memory!, at: offset, bytes, start };
}

const helps = (job: LineJob) => helpWithLines({ ...job, batches: HELPED });

describe('lines that another thread helps with', () => {
  it('are those that one thread writes', async () => {
    expect([built.status, built.stderr]).toEqual([0, '']);
    const alone = await written();
    expect([alone.count, alone.lines.length]).toEqual([COUNT, COUNT + 1]);
    let next = 0;
    const one = helper((job) => {
      helps(job);
      next = new Int32Array(job.control)[0]!;
    });
    expect(await written(one)).toEqual(alone);
    expect(next).toBe(HELPED);
  });

  it('leave out what is not usual, wherever it is', async () => {
    const odd = [0, 399, 400, 801, 802, 1999, 2000, 2399, HELPED * BATCH_RECORDS, COUNT - 1];
    for (const slot of odd) {
      table.i32[slot * RECORD_WORDS + GAPS / 2] = 1;
      table.missedBytes.set(slot, 1000);
    }
    for (const slot of [900, 1200]) table.u16[2 * slot * RECORD_WORDS + CAPTURE] = 1;
    const alone = await written();
    expect(alone.lines.filter((line) => line.includes('"missed_bytes":1000,')).length).toBeGreaterThanOrEqual(10);
    expect(await written(helper(helps))).toEqual(alone);
  });

  it('may be fewer than there is room for', async () => {
    expect(await written(helper(helps, TEXTS_BYTES / 8))).toEqual(await written());
  });

  it('are all made by the thread that writes where the other one does nothing', async () => {
    expect(await written(helper(() => {}))).toEqual(await written());
  });

  it('are made by the thread that writes where the other one does not come up with what it took', async () => {
    const takes = helper((job) => {
      helps(job);
      Atomics.add(new Int32Array(job.control), 0, 1);
    });
    expect(await written(takes)).toEqual(await written());
  });

  it('are made by the thread that writes where the other one has another memory', async () => {
    const foreign = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const started: LineJob[] = [];
    expect(await written({ ...helper((job) => started.push(job)), memory: foreign })).toEqual(await written());
    expect(started).toEqual([]);
  });
});
