import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCaptureFile } from '../../src/capture/capture-file.js';
import { ConnectionTracker } from '../../src/conn/connection-tracker.js';
import { formatSeconds } from '../../src/core/time.js';
import type { Weird } from '../../src/records/weird.js';

const corpus = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const hasPython = spawnSync('python3', ['--version']).status === 0;
const reason = !existsSync(corpus) ? ' (skipped: no ../shared/corpus)' : hasPython ? '' : ' (skipped: no python3)';

interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly log?: string;
  readonly feature: string;
  readonly trace: string;
  readonly expected: string;
  readonly options?: { readonly ignore_checksums?: boolean };
  readonly expected_weird_names?: readonly string[];
}

interface Comparison {
  readonly paired_rows: number;
  readonly missing_rows: number;
  readonly extra_rows: number;
  readonly direction_flipped: number;
  readonly rows_fully_equal: number;
  readonly columns: Readonly<Record<string, { readonly compared: number; readonly match: number }>>;
  readonly mismatches: readonly { readonly column: string }[];
}

/** Columns that this stage does not fill: parsers, local networks and layer 2 are others' work. */
const notHere = /^(service|local_orig|local_resp|orig_l2_addr|resp_l2_addr|id\.ctx\..*|ja4.*)?$/;

/** Entries left out of the floors, each with its reason. */
const differences = JSON.parse(readFileSync(new URL('./zeek-differences.json', import.meta.url), 'utf8')) as {
  readonly case: string;
  readonly reason: string;
}[];
const leftOut = new RegExp(differences.map((difference) => difference.case).join('|'));

const driver = `
import contextlib, importlib.util, io, json, sys
spec = importlib.util.spec_from_file_location('compare_conn', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
results = []
for arguments in json.load(sys.stdin):
    sys.argv = ['compare_conn.py'] + arguments
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        module.main()
    results.append(json.loads(out.getvalue()))
print(json.dumps(results))
`;

function compare(jobs: readonly (readonly string[])[]): Comparison[] {
  const run = spawnSync('python3', ['-c', driver, join(corpus, 'compare_conn.py')], {
    input: JSON.stringify(jobs),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Comparison[];
}

async function track(
  trace: string,
  ignoreChecksums: boolean,
): Promise<{ lines: string; weirds: Record<string, number>; reported: Weird[] }> {
  let lines = '';
  const reported: Weird[] = [];
  const tracker = new ConnectionTracker({
    checksums: ignoreChecksums ? 'ignore' : 'verify',
    onWeird: (weird) => reported.push(weird),
    emit: ({ connection }) => {
      const { ts, duration, ...rest } = connection;
      const seconds = duration === undefined ? {} : { duration: Number(formatSeconds(duration)) };
      lines += `${JSON.stringify({ ts: Number(formatSeconds(ts)), ...seconds, ...rest })}\n`;
    },
  });
  const source = await openCaptureFile(join(corpus, trace), { warn: () => {}, overwriteReleased: true });
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    tracker.batch(batch, [{ name: 'trace' }]);
    source.release(batch);
  }
  await source.close();
  tracker.end();
  return { lines, weirds: { ...tracker.stats.weirds }, reported };
}

interface Figure {
  equal: number;
  compared: number;
}

function sumColumns(comparisons: readonly Comparison[]): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  for (const { columns } of comparisons) {
    for (const [column, { match, compared }] of Object.entries(columns)) {
      if (notHere.test(column)) continue;
      const figure = figures.get(column) ?? { equal: 0, compared: 0 };
      figure.equal += match;
      figure.compared += compared;
      figures.set(column, figure);
    }
  }
  return figures;
}

describe.skipIf(reason !== '')(`connections of Zeek's own traces${reason}`, () => {
  let folder = '';
  let entries: Entry[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'correlate-corpus-'));
    entries = (JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) as { entries: Entry[] }).entries;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('equal those of the conn.log baselines in every column that this stage fills', async () => {
    const conn = entries.filter((entry) => entry.log === 'conn' && !leftOut.test(entry.id));
    const jobs: string[][] = [];
    for (const [i, entry] of conn.entries()) {
      const actual = join(folder, `${i}.jsonl`);
      writeFileSync(actual, (await track(entry.trace, entry.options?.ignore_checksums === true)).lines);
      jobs.push([join(corpus, entry.expected), actual, '--manifest', join(corpus, 'manifest.json'), '--id', entry.id]);
    }
    const comparisons = compare(jobs);
    const figures = sumColumns(comparisons);
    const misses = comparisons.flatMap(({ mismatches }, i) =>
      mismatches.filter(({ column }) => !notHere.test(column)).map((mismatch) => ({ id: conn[i]?.id, ...mismatch })),
    );
    expect(misses).toEqual([]);
    const unpaired = comparisons.map((c, i) => [conn[i]?.id, c.missing_rows, c.extra_rows, c.direction_flipped]);
    expect(unpaired.filter(([, missing, extra, flipped]) => missing !== 0 || extra !== 0 || flipped !== 0)).toEqual([]);
    expect(conn.length).toBeGreaterThanOrEqual(78);
    expect(figures.get('tunnel_parents')?.compared).toBeGreaterThanOrEqual(80);
    expect(figures.get('history')?.compared).toBeGreaterThanOrEqual(85);
    expect(figures.get('conn_state')?.compared).toBeGreaterThanOrEqual(60);
  });

  it('equal those of a whole real run', async () => {
    const runs = [
      ['otrf_UTICA-C/UTICA-C.cap', 'otrf_UTICA-C/conn.log', 31],
      ['otrf_UTICA-ONE-DRIVE/UTICA-ONE-DRIVE.pcap', 'otrf_UTICA-ONE-DRIVE/conn.log', 64],
    ] as const;
    const ignored = 'ts,service,@stream,orig_l2_addr,resp_l2_addr';
    const jobs: string[][] = [];
    for (const [trace, log] of runs) {
      const actual = join(folder, log.replace('/', '-'));
      // Taken on the machine itself, where offloading leaves checksums to the card.
      writeFileSync(actual, (await track(`zeek_full/${trace}`, true)).lines);
      jobs.push([join(corpus, 'zeek_full', log), actual, '--ignore', ignored, '--duration-tolerance', '3e-6']);
    }
    const comparisons = compare(jobs);
    for (const [i, [, , rows]] of runs.entries()) {
      expect(comparisons[i]?.rows_fully_equal).toBe(rows);
      expect(comparisons[i]?.extra_rows).toBe(0);
    }
  });

  it('bring out the weirds that Zeek logs of tunnels and link layers, for the same connections and addresses', async () => {
    const wanted = /core\.tunnels\.(?!max-depth-exceeded)|vlan-qinqinq|max-packet-analyzer-depth/;
    const logs = entries.filter((entry) => entry.log === 'weird' && wanted.test(entry.id));
    expect(logs.length).toBeGreaterThanOrEqual(5);
    for (const { id, trace, expected, options } of logs) {
      const lines = readFileSync(join(corpus, expected), 'utf8').split('\n');
      const header = lines.find((line) => line.includes('\tname') || line.includes('name\t')) ?? '';
      const columns = header.replace('#fields\t', '').split('\t');
      const rows = lines
        .slice(lines.indexOf(header) + 1)
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split('\t'));
      const field = (row: string[], column: string) => {
        const text = row[columns.indexOf(column)];
        return text === '-' ? undefined : text;
      };
      const addresses = columns.includes('id.orig_h');
      const summary = (name: unknown, of: boolean, orig: unknown, resp: unknown) =>
        [name, of, ...(addresses ? [orig, resp] : [])].join(' ');
      const zeek = rows.map((row) =>
        summary(field(row, 'name'), field(row, 'uid') !== undefined, field(row, 'id.orig_h'), field(row, 'id.resp_h')),
      );
      const { reported } = await track(trace, options?.ignore_checksums === true);
      const own = reported.map((one) => summary(one.name, one.uid !== undefined, one['id.orig_h'], one['id.resp_h']));
      expect([id, ...own.sort()]).toEqual([id, ...zeek.sort()]);
    }
  });

  it('bring out the weirds that Zeek names', async () => {
    const weird = entries.filter((entry) => entry.kind === 'zeek-weird-names');
    expect(weird.length).toBeGreaterThan(5);
    for (const entry of weird) {
      const { weirds } = await track(entry.trace, entry.options?.ignore_checksums === true);
      expect([entry.id, Object.keys(weirds)]).toEqual([entry.id, entry.expected_weird_names]);
    }
  });
});
