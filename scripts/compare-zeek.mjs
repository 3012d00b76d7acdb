// Compares the connections that the program writes with those of Zeek, over every conn.log of a corpus, with the corpus's own script:
// figures per column, and each cell that differs.
//
//   npm run compare-zeek -- [--corpus ../shared/corpus] [--case TEXT] [--quiet]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    corpus: { type: 'string', default: join(root, '../shared/corpus') },
    case: { type: 'string', default: '' },
    quiet: { type: 'boolean', default: false },
  },
});
const manifest = join(values.corpus, 'manifest.json');
if (!existsSync(manifest)) {
  console.log(`there is no ${manifest}; the corpus of Zeek's captures and logs is not part of this package`);
  process.exit(0);
}
const entries = JSON.parse(readFileSync(manifest, 'utf8')).entries.filter(
  ({ log, expected, trace, id }) => log === 'conn' && trace && expected && id.includes(values.case),
);
const scratch = mkdtempSync(join(tmpdir(), 'compare-zeek-'));

/** What the script says of one case. */
function compare({ id, trace, expected, options }) {
  const arguments_ = ['-q', '-r', join(values.corpus, trace), '--zeek-logs', scratch, '--zeek-format', 'json'];
  if (options?.ignore_checksums === true) arguments_.push('-C');
  const run = spawnSync(process.execPath, [join(root, 'bin/correlate.js'), ...arguments_], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${id}: ${run.stderr}`);
  const script = [join(values.corpus, 'compare_conn.py'), join(values.corpus, expected), join(scratch, 'conn.log')];
  const compared = spawnSync('python3', [...script, '--manifest', manifest, '--id', id], { encoding: 'utf8' });
  if (compared.status !== 0) throw new Error(`${id}: ${compared.stderr}`);
  return { id, ...JSON.parse(compared.stdout) };
}

const share = (match, compared) => `${`${match}/${compared}`.padEnd(12)}${((100 * match) / compared).toFixed(1)} %`;
const differences = JSON.parse(readFileSync(join(root, 'test/conn/zeek-differences.json'), 'utf8'));

/** Figures over several cases. */
class Figures {
  cases = 0;
  rows = { paired: 0, missing: 0, extra: 0, flipped: 0 };
  columns = new Map();

  add(result) {
    this.cases++;
    this.rows.paired += result.paired_rows;
    this.rows.missing += result.missing_rows;
    this.rows.extra += result.extra_rows;
    this.rows.flipped += result.direction_flipped;
    for (const [name, { match, compared }] of Object.entries(result.columns)) {
      const column = this.columns.get(name) ?? { match: 0, compared: 0 };
      this.columns.set(name, { match: column.match + match, compared: column.compared + compared });
    }
  }

  print(title) {
    console.log(`\n${title}: ${this.cases} cases; rows: ${JSON.stringify(this.rows)}`);
    const sum = { match: 0, compared: 0 };
    for (const [name, { match, compared }] of this.columns) {
      if (compared === 0) continue;
      console.log(`${name.padEnd(18)} ${share(match, compared)}`);
      if (!byParsers.test(name)) {
        sum.match += match;
        sum.compared += compared;
      }
    }
    console.log(
      `${'cells'.padEnd(18)} ${share(sum.match, sum.compared)} (without what parsers and policy scripts fill)`,
    );
  }
}

/** Columns of parsers and of policy scripts that Zeek does not load by itself. */
const byParsers = /^(service|ja4.*|.*_l2_addr|id\.ctx\..*)$/;
const all = new Figures();
const ours = new Figures();
try {
  for (const entry of entries) {
    const result = compare(entry);
    const known = differences.find((difference) => new RegExp(difference.case).test(entry.id));
    all.add(result);
    if (known === undefined) ours.add(result);
    if (values.quiet) continue;
    const why = known === undefined ? '' : ` [${known.reason}]`;
    const unpaired = [result.missing_rows, result.extra_rows, result.direction_flipped];
    if (unpaired.some((count) => count > 0))
      console.log(`${entry.id}: missing, extra, flipped rows: ${unpaired}${why}`);
    for (const mismatch of result.mismatches) {
      if (!byParsers.test(mismatch.column)) console.log(`${entry.id}: ${JSON.stringify(mismatch)}${why}`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}
all.print('all');
ours.print('without the cases of test/conn/zeek-differences.json');
