import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { AnyTableRow } from '../../src/records/host-row.js';
import { columnsOf, type StoreValue } from '../../src/store/column.js';
import { connectionLines, LAST_LINES, lineSelection, storedLine } from '../../src/store/connection-lines.js';
import { hostRowTables, rowSelection, storedRow } from '../../src/store/host-rows.js';
import { Store } from '../../src/store/store.js';
import { lastLines, runLive, shownEnd } from '../join/world/engine.js';
import { buildWorld } from '../join/world/world.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'correlate-store-'));
  path = join(folder, 'store.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const world = buildWorld(7, { losses: true, late: true, profiles: ['ebpf', 'audit', 'poll'] });
const run = runLive(world);

function takeLines(store: Store, lines: readonly AttributedConnection[]): void {
  const stored = lines.map((line) => ({ line, run: store.run, told: line.connection.ts }));
  store.append('connection_lines', columnsOf(connectionLines, stored));
}

/** Lines as they are written, in an order that does not matter here. */
function plain(lines: readonly AttributedConnection[]): unknown[] {
  const shown = lines.map(({ orig, resp, ...rest }) => ({ ...rest, orig: shownEnd(orig), resp: shownEnd(resp) }));
  return shown.sort((a, b) => a.connection.uid.localeCompare(b.connection.uid) || a.rev - b.rev);
}

function told(found: readonly (readonly StoreValue[])[]): AttributedConnection[] {
  return found.map((values) => storedLine(values).line);
}

describe('the store', () => {
  it('gives connection lines back as they were, and of each connection the last', async () => {
    const store = await Store.open(path);
    takeLines(store, run.lines);
    store.flush();
    const all = await store.rows(`SELECT ${lineSelection} FROM connection_lines`);
    expect(plain(told(all))).toEqual(plain(run.lines));
    const last = await store.rows(`SELECT ${lineSelection} FROM (${LAST_LINES}) ORDER BY ts, uid`);
    expect(plain(told(last))).toEqual(plain(lastLines(run)));
    store.close();
  });

  it('gives host rows back as they were', async () => {
    const store = await Store.open(path);
    const rows = world.deliveries.map(({ row }) => row).filter((row): row is AnyTableRow => row.kind === 'row');
    const tables = new Set(rows.map(({ table }) => table));
    expect(tables.size).toBeGreaterThan(4);
    for (const table of tables) {
      const ours = rows.filter((row) => row.table === table);
      store.append(table, columnsOf(hostRowTables[table], ours));
      store.flush();
      const found = await store.rows(`SELECT ${rowSelection(table)} FROM ${table}`);
      expect(found.map((values) => storedRow(table, values))).toEqual(ours);
    }
    store.close();
  });

  it('shows members of a record by the names of its JSON', async () => {
    const store = await Store.open(path);
    takeLines(store, run.lines);
    store.flush();
    const attributed = lastLines(run).filter(({ orig }) => orig.state === 'attributed');
    const [count] = await store.rows(`SELECT CAST(count(*) AS DOUBLE), CAST(count(DISTINCT orig.process.pid) AS DOUBLE)
      FROM connections WHERE orig.state = 'attributed' AND orig.host.id IS NOT NULL AND id.orig_p > 0`);
    const pids = new Set(attributed.map(({ orig }) => orig.state === 'attributed' && orig.process.pid));
    expect(count).toEqual([attributed.length, pids.size]);
    store.close();
  });

  it('keeps what earlier runs wrote and counts runs', async () => {
    const first = await Store.open(path);
    takeLines(first, run.lines);
    first.flush();
    first.close();
    const second = await Store.open(path);
    expect(second.run).toBe(first.run + 1);
    const { from, until } = (await second.span())!;
    const starts = run.lines.map(({ connection }) => connection.ts);
    expect(from).toBe(Math.min(...starts));
    expect(until).toBeGreaterThanOrEqual(Math.max(...starts));
    second.close();
  });

  it('loses what was not flushed and nothing else', async () => {
    const first = await Store.open(path);
    takeLines(first, run.lines.slice(0, 3));
    first.flush();
    takeLines(first, run.lines.slice(3));
    first.close();
    const second = await Store.openReadOnly(path);
    expect(await second.rows('SELECT CAST(count(*) AS DOUBLE) FROM connection_lines')).toEqual([[3]]);
    second.close();
  });

  it('writes values that do not fit as absent ones', async () => {
    const store = await Store.open(path);
    const [row] = world.deliveries.map(({ row: each }) => each).filter((each) => each.kind === 'row');
    const odd = { pid: 1e300, name: 'a\0b\ud800', uid: Number.NaN, cmdline: 5 } as unknown as { pid: number };
    const process = { ...(row as AnyTableRow), table: 'processes', columns: odd, since: -Infinity } as AnyTableRow;
    store.append('processes', columnsOf(hostRowTables.processes, [process]));
    store.flush();
    const [values] = await store.rows('SELECT pid, name, uid, cmdline, row_since FROM processes');
    expect(values).toEqual([null, 'a\0b\ufffd', null, null, null]);
    store.close();
  });

  it('adds the columns that a newer version knows, and leaves alone those that it does not know', async () => {
    const first = await Store.open(path);
    await first.command('DROP VIEW connections');
    await first.command('ALTER TABLE connection_lines DROP COLUMN history');
    await first.command('ALTER TABLE connection_lines ADD COLUMN unheard VARCHAR');
    first.close();
    const second = await Store.open(path);
    takeLines(second, run.lines);
    second.flush();
    const found = await second.rows(`SELECT ${lineSelection} FROM connection_lines WHERE unheard IS NULL`);
    expect(plain(told(found))).toEqual(plain(run.lines));
    second.close();
  });

  it('tells a locked file, a file of something else and a folder apart', async () => {
    const holder = spawn(process.execPath, [
      '-e',
      `require('@duckdb/node-api').DuckDBInstance.create(${JSON.stringify(path)}).then(() => { console.log('open'); setInterval(() => {}, 1000); })`,
    ]);
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(Store.open(path)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await expect(Store.openReadOnly(path)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    holder.kill();
    await new Promise((resolve) => holder.once('exit', resolve));
    writeFileSync(path, 'this is no data base');
    await expect(Store.open(path)).rejects.toMatchObject({ code: 'STORE_OPEN_FAILED' });
    await expect(Store.open(folder)).rejects.toMatchObject({ code: 'STORE_OPEN_FAILED' });
    await expect(Store.openReadOnly(join(folder, 'absent.db'))).rejects.toMatchObject({ code: 'STORE_OPEN_FAILED' });
  });
});
