import type { Micros } from '../core/time.js';
import { quoted, timeLiteral } from './column.js';
import { type Store, storeTables } from './store.js';

/** How much of the past a store keeps. */
export interface Retention {
  readonly keepUs: Micros;
  readonly keepBytes: number;
}

/** Parts of the kept time that are given up, oldest first, until the file is small enough; then the next trim goes on. */
const MOST_PARTS = 10;

/** Deletes what is older than may be kept at capture time `now`, then the oldest until the used part of the file is small enough. */
export async function trim(store: Store, { keepUs, keepBytes }: Retention, now: Micros): Promise<void> {
  await deleteBefore(store, now - keepUs);
  for (let part = 0; part < MOST_PARTS; part++) {
    await store.command('CHECKPOINT');
    if ((await store.usedBytes()) <= keepBytes) return;
    const oldest = await oldestTime(store);
    if (oldest === undefined) return;
    await deleteBefore(store, oldest + Math.ceil((Math.max(now, oldest) - oldest) / MOST_PARTS) + 1);
  }
  await store.command('CHECKPOINT');
}

async function deleteBefore(store: Store, time: Micros): Promise<void> {
  for (const table of storeTables) {
    if (table.time === undefined) continue;
    await store.command(`DELETE FROM ${quoted(table.name)} WHERE ${quoted(table.time)} < ${timeLiteral(time)}`);
  }
  // What a host said of itself last still holds.
  await store.command(`DELETE FROM host_control WHERE time < ${timeLiteral(time)} AND kind <> 'host'`);
}

async function oldestTime(store: Store): Promise<Micros | undefined> {
  const parts = storeTables.flatMap(({ name, time }) =>
    time === undefined ? [] : [`SELECT min(${quoted(time)}) AS t FROM ${quoted(name)}`],
  );
  const [[oldest]] = (await store.rows(
    `SELECT CAST(epoch_us(min(t)) AS DOUBLE) FROM (${parts.join(' UNION ALL ')})`,
  )) as [[number | null]];
  return oldest ?? undefined;
}
