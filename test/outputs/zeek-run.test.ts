import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readZeekLog } from './zeek-reader.js';
import { runFiles } from './zeek-run.js';

const sample = fileURLToPath(new URL('../../samples/desktop', import.meta.url));

interface EndLine {
  readonly state: string;
  readonly reason?: string;
  readonly method?: string;
  readonly host?: { readonly id: string };
  readonly process?: { readonly pid: number; readonly path?: string; readonly cmdline?: string };
  readonly user?: { readonly uid: number; readonly name?: string };
}

interface ConnectionLine {
  readonly uid: string;
  readonly orig: EndLine;
  readonly resp: EndLine;
}

describe('the logs of a run over a sample', () => {
  let folder = '';
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'zeek-run-'));
    for (const [name, format] of [
      ['one', 'tsv'],
      ['two', 'tsv'],
      ['three', 'json'],
    ] as const) {
      await runFiles({
        files: [join(sample, 'traffic.pcap')],
        hostLogs: [join(sample, 'host.log')],
        outputs: {
          connections: join(folder, `${name}.jsonl`),
          zeekLogs: { folder: join(folder, name), format },
        },
      });
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('have every connection once, with the owners that its JSON line has', () => {
    const lines = read('one.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ConnectionLine);
    const { rows } = readZeekLog(read('one/conn.log'));
    expect(rows.map(({ uid }) => uid)).toEqual(lines.map(({ uid }) => uid));
    for (const [i, line] of lines.entries()) {
      for (const side of ['orig', 'resp'] as const) {
        const end = line[side];
        const row = rows[i]!;
        const cells = ['state', 'reason', 'method', 'host', 'pid', 'path', 'cmdline', 'user_id', 'user'];
        expect(cells.map((cell) => row[`${side}_${cell}`])).toEqual([
          ...[end.state, end.reason, end.method, end.host?.id],
          ...[end.process?.pid, end.process?.path, end.process?.cmdline, end.user?.uid, end.user?.name],
        ]);
      }
    }
    const attributed = rows.filter(({ orig_state }) => orig_state === 'attributed');
    expect(attributed.length).toBeGreaterThan(10);
  });

  it('are the same, byte for byte, in a second run', () => {
    expect(read('two/conn.log')).toBe(read('one/conn.log'));
  });

  it('have as many lines in JSON', () => {
    const json = read('three/conn.log').trimEnd().split('\n');
    expect(json.map((line) => (JSON.parse(line) as ConnectionLine).uid)).toEqual(
      readZeekLog(read('one/conn.log')).rows.map(({ uid }) => uid),
    );
  });
});
