// Runs everything that decides whether the project is good: format and lint, types, then all tests, and ends with the plain line
// `N passed, N failed, N skipped`. A skipped test is printed with its title, which says why. With CI set, a skip fails the
// run unless the reason is the absent corpus; outside CI missing privileges are a reason too.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name) => join(root, 'node_modules', '.bin', name);
const results = join(root, 'build', 'test-results.json');
const filters = process.argv.slice(2);

function step(title, command, args) {
  console.log(`\n== ${title}`);
  return spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

const checks =
  filters.length > 0 ||
  [
    step('format and lint', bin('biome'), ['ci', '--error-on-warnings', '.']),
    step('types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']),
  ].every(Boolean);

mkdirSync(join(root, 'build'), { recursive: true });
rmSync(results, { force: true });
const tested = step('tests', bin('vitest'), [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...filters,
]);

const report = JSON.parse(readFileSync(results, 'utf8'));
const cases = report.testResults.flatMap((file) => file.assertionResults);
const skipped = cases.filter(
  (test) => test.status === 'pending' || test.status === 'skipped' || test.status === 'todo',
);
const lawful = (title) => /corpus/i.test(title) || (!process.env.CI && /(root|privilege)/i.test(title));
const unlawful = skipped.filter((test) => !lawful(test.fullName));
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
if (unlawful.length > 0) console.log(`${unlawful.length} tests were skipped for a reason that is not accepted`);

const passed = cases.filter((test) => test.status === 'passed').length;
const failed = cases.filter((test) => test.status === 'failed').length;
const files = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
).length;
if (files > 0) console.log(`${files} test files did not load`);
if (!checks) console.log('format, lint or types failed');
const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : '';
console.log(`\n${passed} passed, ${failed + files} failed${tail}`);
process.exit(checks && tested && unlawful.length === 0 && passed > 0 ? 0 : 1);
