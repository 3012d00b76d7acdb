import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Micros } from '../../src/core/time.js';
import { trim } from '../../src/store/retention.js';
import { Store } from '../../src/store/store.js';

const second = 1_000_000;
const start = 1_700_000_000 * second;
const manyBytes = 2 ** 40;

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'correlate-retention-'));
  store = await Store.open(join(folder, 'store.db'));
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

/** Connections one a second, with texts that no compression makes small. */
async function fill(count: number): Promise<void> {
  await store.command(`INSERT INTO connection_lines (ts, uid, history)
    SELECT make_timestamp(${start} + range * ${second}), 'C' || range, md5(CAST(range AS VARCHAR)) FROM range(${count})`);
}

async function kept(): Promise<{ count: number; oldest: Micros }> {
  const sql = 'SELECT CAST(count(*) AS DOUBLE), CAST(epoch_us(min(ts)) AS DOUBLE) FROM connection_lines';
  const [[count, oldest]] = (await store.rows(sql)) as [[number, number]];
  return { count, oldest };
}

describe('retention', () => {
  it('deletes what is older than may be kept', async () => {
    await fill(1_000);
    await trim(store, { keepUs: 400 * second, keepBytes: manyBytes }, start + 1_000 * second);
    expect(await kept()).toEqual({ count: 400, oldest: start + 600 * second });
  });

  it('deletes the oldest until the file is small enough, and the space is used again', async () => {
    await fill(250_000);
    await trim(store, { keepUs: Infinity, keepBytes: manyBytes }, start + 250_000 * second);
    const bytes = await store.usedBytes();
    expect((await kept()).count).toBe(250_000);
    const keepBytes = bytes * 0.8;
    // How much of what was deleted a checkpoint frees depends on how the rows lie; the next trim goes on.
    for (let times = 0; times < 5 && (await store.usedBytes()) > keepBytes; times++) {
      await trim(store, { keepUs: Infinity, keepBytes }, start + 250_000 * second);
    }
    const { count, oldest } = await kept();
    expect(await store.usedBytes()).toBeLessThanOrEqual(keepBytes);
    expect(count).toBeGreaterThan(0);
    expect(oldest).toBe(start + (250_000 - count) * second);
  });
});
