import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { FileNetwork } from '../../src/pipeline/file-network.js';
import { type Intake, readFiles } from '../../src/pipeline/offline.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import type { HostRow } from '../../src/records/host-row.js';

const folder = mkdtempSync(join(tmpdir(), 'correlate-runs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const streams = [{ stream: 'processes', table: 'processes' }] as const;
const host = (from: number, name = 'h'): HostRow => ({ kind: 'host', host: name, streams, from });
const complete = (until: number): HostRow => ({ kind: 'complete', host: 'h', stream: 'processes', until });
const timeout = (at: number): HostRow => ({ kind: 'host_timeout', host: 'h', at });
const row = (time: number, seq: number): HostRow => ({
  kind: 'row',
  host: 'h',
  stream: 'processes',
  table: 'processes',
  action: 'added',
  time,
  resolution: 1,
  seq,
  columns: { pid: seq },
});

function recording(rows: readonly HostRow[]): string {
  return [{ correlate_recording: 1 }, ...rows].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** What is told of hosts and their runs when these files are read. */
async function told(...files: readonly string[]): Promise<string[]> {
  const paths = files.map((text, at) => {
    const path = join(folder, `${at}.jsonl`);
    writeFileSync(path, text);
    return path;
  });
  const rows: HostRow[] = [];
  const network = {
    readBytes: 0,
    async *updates(): AsyncGenerator<ConnectionUpdate[]> {},
  } as unknown as FileNetwork;
  const intake: Intake = {
    connection() {},
    row: (each) => rows.push(each),
    advance() {},
    ready: async () => {},
    stopped: false,
  };
  const warn = ({ message }: { message: string }): void => expect.fail(message);
  await readFiles(network, paths, 600e6, intake, { warn }, () => {});
  return rows.flatMap((each) => {
    if (each.kind === 'row') return [`row ${each.time}`];
    if (each.kind === 'host') return [`${each.host} ${each.from}`];
    return each.kind === 'host_timeout' ? [`timeout ${each.at}`] : [];
  });
}

describe('recordings of one host', () => {
  const first = [host(100), row(110, 1), complete(150), timeout(150)];
  const second = [host(300), row(310, 2), complete(350), timeout(350)];
  const both = ['h 100', 'row 110', 'timeout 150', 'h 300', 'row 310', 'timeout 350'];

  it('one behind the other tell that it was not watched between them', async () => {
    expect(await told(recording(first), recording(second))).toEqual(both);
    expect(await told(recording(first) + recording(second))).toEqual(both);
    expect(await told(recording(second), recording(first))).toEqual(both);
  });

  it('that was ended by force ends where it was last watched, if another one follows', async () => {
    expect(await told(recording(first.slice(0, -1)), recording(second))).toEqual(both);
    expect(await told(recording(first.slice(0, -1)) + recording(second))).toEqual(both);
    expect(await told(recording(first.slice(0, -1)))).toEqual(both.slice(0, 2));
  });

  it('at one time have it watched as long as one of them does', async () => {
    const long = [host(50), row(60, 3), complete(400), timeout(400)];
    expect(await told(recording(first), recording(second), recording(long))).toEqual([
      ...['h 100', 'h 300', 'h 50'].sort((a, b) => Number(a.slice(2)) - Number(b.slice(2))),
      ...['row 60', 'row 110', 'row 310', 'timeout 400'],
    ]);
  });

  it('have all other hosts known from the start', async () => {
    expect(await told(recording(first), recording(second), recording([host(320, 'other')]))).toEqual([
      ...['h 100', 'other 320', 'row 110', 'timeout 150', 'h 300', 'row 310', 'timeout 350'],
    ]);
  });
});
