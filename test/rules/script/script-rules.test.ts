import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as publicApi from '../../../src/index.js';
import * as givenApi from '../../../src/rules/script/define-rule.js';
import { attributed } from '../attributed.js';
import { RuleFolder, RunningEngine } from './script-folder.js';

let folder: RuleFolder;
beforeEach(() => {
  folder = new RuleFolder();
});
afterEach(() => folder.remove());

const rule = (body: string, head = "id: 'r', level: 'low'"): string =>
  `import { defineRule } from 'correlate';\nimport * as rx from 'rxjs';\nexport default defineRule({ ${head} }, ({ hosts, connections, alert }) => {\n${body}\n});\n`;

async function problemsOf(name: string, text: string): Promise<string[]> {
  const file = folder.write(name, text);
  const { rules, problems } = await folder.load();
  expect(rules).toEqual([]);
  return problems.map((p) => {
    expect(p.file).toBe(file);
    return `${p.line}:${p.column} ${p.code} ${p.message}`;
  });
}

test('the package exports what rules are given', () => {
  expect(Object.keys(publicApi)).toEqual(Object.keys(givenApi));
});

describe('a script rule', () => {
  test('may be TypeScript, a module or CommonJS, and bring modules along', async () => {
    folder.write(
      'a.ts',
      rule('const n: number = 1; void n; void alert; void hosts; void connections; void rx;', "id: 'a', level: 'low'"),
    );
    folder.write(
      'b.mjs',
      "import { head } from './lib/head.js'; import { defineRule } from 'correlate'; export default defineRule(head, () => {});",
    );
    folder.write(
      'lib/head.js',
      "import { sep } from 'node:path'; export const head = { id: 'b' + sep, level: 'high', title: 'B', tags: ['attack.t1059'] };",
    );
    folder.write(
      'c.js',
      "const { defineRule } = require('correlate'); module.exports = defineRule({ id: 'c', level: 'low' }, () => {});",
    );
    const { rules, problems } = await folder.load('a.ts', 'b.mjs', 'c.js');
    expect(problems).toEqual([]);
    expect(rules.map(({ about }) => [about.id, about.level, about.title])).toEqual([
      ['a', 'low', 'a'],
      ['b/', 'high', 'B'],
      ['c', 'low', 'c'],
    ]);
    expect(rules[1]!.about.tags).toEqual(['attack.t1059']);
  });

  test.each<readonly [string, string, string]>([
    [
      'does not parse',
      "import { defineRule } from 'correlate';\nexport default defineRule({,",
      '2:28 RULE_MALFORMED Expected identifier',
    ],
    [
      'imports what is not there',
      "import './gone.js';\nexport default 1;",
      '1:8 RULE_MALFORMED Could not resolve "./gone.js"',
    ],
    [
      'throws at its top level',
      '\n\n  throw new Error("boom");',
      '3:9 RULE_MALFORMED the rule throws while it is loaded: boom',
    ],
    ['exports something else', 'export default 5;', '1:1 RULE_MALFORMED the default export is not made by defineRule'],
    ['exports nothing', 'export {};', '1:1 RULE_MALFORMED the default export is not made by defineRule'],
    ['has no level', rule('', "id: 'x'"), '1:1 RULE_MALFORMED the rule has no level'],
    ['has no id', rule('', "level: 'low'"), '1:1 RULE_MALFORMED the rule has no id'],
    ['throws in its function', rule('  null.x;'), '4:8 RULE_MALFORMED Cannot read properties of null'],
    [
      'asks for an unknown column',
      rule("  hosts.subscribe('SELECT nope FROM users');"),
      '4:9 RULE_MALFORMED no such column: nope',
    ],
    [
      'asks for an unknown table',
      rule("\n\n  hosts.subscribe('SELECT * FROM kernel_modules');"),
      '6:9 RULE_MALFORMED no such table: kernel_modules',
    ],
    ['has a slip in its SQL', rule("  hosts.subscribe('SELCT 1');"), '4:9 RULE_MALFORMED near "SELCT": syntax error'],
    [
      'wants to write',
      rule("  hosts.subscribe('DELETE FROM users');"),
      '4:9 RULE_MALFORMED a query must be one SELECT',
    ],
    [
      'wants to attach a file',
      rule('  hosts.subscribe("ATTACH \'x\' AS y");'),
      '4:9 RULE_MALFORMED a query must be one SELECT',
    ],
    [
      'has two statements',
      rule("  hosts.subscribe('SELECT uid FROM users; SELECT uid FROM users');"),
      '4:9 RULE_MALFORMED a query must be one SELECT',
    ],
    [
      'asks for the time of the machine',
      rule('  hosts.subscribe("SELECT uid, datetime(\'now\') FROM users");'),
      "4:9 RULE_MALFORMED a query may not ask for 'now'",
    ],
    [
      'asks for the date',
      rule("  hosts.subscribe('SELECT uid, CURRENT_DATE FROM users');"),
      '4:9 RULE_MALFORMED a query may not call current_date',
    ],
    [
      'draws lots',
      rule("  hosts.subscribe('SELECT uid FROM users ORDER BY random()');"),
      '4:9 RULE_MALFORMED a query may not call random',
    ],
    ['reads no table', rule("  hosts.subscribe('SELECT 1');"), '4:9 RULE_MALFORMED the query reads no host table'],
  ])('that %s is refused with its place', async (_name, text, problem) => {
    const problems = await problemsOf('x.ts', text);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.startsWith(problem), problems[0]).toBe(true);
  });

  test('tells its id with a problem, once that is known', async () => {
    folder.write('x.ts', rule("  hosts.subscribe('SELCT 1');", "id: 'my-rule', level: 'low'"));
    expect((await folder.load()).problems.map(({ rule: id }) => id)).toEqual(['my-rule']);
  });
});

const failing = (wiring: string): string =>
  rule(`  let n = 0;
  const fail = () => { if (++n === 2) throw new Error('boom'); alert({ title: 'bad ' + n }); };
  ${wiring}`);
const sound = rule(
  '  connections.attributed$.subscribe(({ connection }) => alert({ title: connection.uid }));',
  "id: 'sound', level: 'low'",
);

describe('a script rule that fails', () => {
  test.each([
    ['in a handler', 'connections.attributed$.subscribe(() => fail());'],
    ['in the handler of an observer', 'connections.attributed$.subscribe({ next: () => fail() });'],
    [
      'behind operators',
      'connections.attributed$.pipe(rx.map((c) => c.connection.uid), rx.filter(Boolean)).subscribe(fail);',
    ],
    ['in an operator', 'connections.attributed$.pipe(rx.tap(fail)).subscribe();'],
  ])('%s is told with its place and stopped, and others go on', async (_name, wiring) => {
    const run = await folder.start(failing(wiring), sound);
    for (const uid of ['C1', 'C2', 'C3']) run.engine.connection(attributed({ connection: { uid } }));
    run.engine.end();
    expect(run.titles).toEqual(['bad 1', 'C1', 'C2', 'C3']);
    expect(run.warnings).toEqual([
      { code: 'RULE_SCRIPT_FAILED', message: 'rule r is stopped: boom', where: `${folder.path}/rule-0.ts:5:45` },
    ]);
    expect(run.engine.counters.stopped).toBe(1);
  });

  test.each([
    ['later, in an async handler', 'connections.attributed$.subscribe(async () => { await null; fail(); });'],
    ['behind a combined Observable', 'rx.merge(connections.attributed$, rx.NEVER).subscribe(() => fail());'],
  ])('%s is told and stopped', async (_name, wiring) => {
    const run = await folder.start(failing(wiring), sound);
    for (const uid of ['C1', 'C2']) run.engine.connection(attributed({ connection: { uid } }));
    await new Promise((resolve) => setTimeout(resolve, 5));
    run.engine.connection(attributed({ connection: { uid: 'C3' } }));
    run.engine.end();
    expect(run.titles.filter((title) => title.startsWith('C'))).toEqual(['C1', 'C2', 'C3']);
    expect(run.warnings.map(({ code, where }) => [code, where])).toEqual([
      ['RULE_SCRIPT_FAILED', `${folder.path}/rule-0.ts:5:45`],
    ]);
  });

  test('while it is wired up for the run is told and stopped', async () => {
    const run = await folder.start(
      rule(
        "  globalThis.setUpCount = (globalThis.setUpCount ?? 0) + 1;\n  if (globalThis.setUpCount === 2) { delete globalThis.setUpCount; throw new Error('second'); }",
      ),
      sound,
    );
    run.engine.connection(attributed({}));
    expect(run.warnings.map(({ message }) => message)).toEqual(['rule r is stopped: second']);
    expect(run.titles).toEqual(['CuidOfTheTest']);
  });

  test('to subscribe in time is told and stopped', async () => {
    const run = await folder.start(
      rule("  connections.attributed$.subscribe(() => hosts.subscribe('SELECT uid FROM users'));"),
    );
    run.engine.connection(attributed({}));
    expect(run.warnings.map(({ message }) => message)).toEqual([
      'rule r is stopped: subscribe while the function of the rule runs, not later',
    ]);
  });
});

describe('alerts of a script rule', () => {
  test('about a connection are told once, and again when the connection is known better', async () => {
    const run = await folder.start(
      rule(
        "  connections.attributed$.subscribe((c) => { if (c.orig.state === 'attributed') alert({ title: 'x', host: c.orig.host.id, side: 'orig', connection: c }); });",
      ),
    );
    const one = attributed({ orig: { path: '/bin/nc' } });
    run.engine.connection(attributed({}));
    run.engine.connection(one);
    run.engine.connection({ ...one, rev: 1, cause: 'interim' });
    run.engine.connection(attributed({ orig: { path: '/bin/nc' }, resp: { path: '/bin/sh' }, rev: 2 }));
    expect(run.alerts.map(({ status, rev, side, host, time }) => [status, rev, side, host, time])).toEqual([
      ['new', 0, 'orig', 'client-1', one.connection.ts],
      ['updated', 1, 'orig', 'client-1', one.connection.ts],
    ]);
    expect(run.alerts[0]!.id).toBe(run.alerts[1]!.id);
  });

  test('are one for a connection and side, whatever they are called, unless a key tells them apart', async () => {
    const run = await folder.start(
      rule(
        "  connections.attributed$.subscribe((connection) => { for (const key of [undefined, 'k']) alert({ title: 'rev ' + connection.rev, connection, key }); });",
      ),
    );
    run.engine.connection(attributed({}));
    run.engine.connection(attributed({ rev: 1 }));
    run.engine.connection(attributed({ rev: 1 }));
    expect(run.alerts.map(({ title, status, rev }) => [title, status, rev])).toEqual([
      ['rev 0', 'new', 0],
      ['rev 0', 'new', 0],
      ['rev 1', 'updated', 1],
      ['rev 1', 'updated', 1],
    ]);
    expect(new Set(run.alerts.map(({ id }) => id)).size).toBe(2);
  });

  test('without a connection are the same when their key is', async () => {
    const run = await folder.start(
      rule(
        "  hosts.subscribe('SELECT pid FROM processes').added$.subscribe(({ host, row }) => alert({ host, key: 'k', title: String(row.pid) }));",
      ),
    );
    run.row(1, 'processes', { pid: 1 });
    run.row(2, 'processes', { pid: 2 });
    run.row(3, 'processes', { pid: 1 }, { host: 'h2' });
    run.engine.end();
    expect(run.alerts.map(({ title, status, host }) => [title, status, host])).toEqual([
      ['1', 'new', 'h1'],
      ['2', 'updated', 'h1'],
      ['1', 'new', 'h2'],
    ]);
  });

  test('have the title, tags and file of the rule, and name the streams of their evidence', async () => {
    const run = await folder.start(
      rule(
        "  hosts.subscribe('SELECT pid FROM processes').added$.subscribe(({ host, row }) => alert({ host, evidence: [row, { a: 1 }] }));",
        "id: 'r', level: 'high', title: 'R', tags: ['attack.t1059']",
      ),
    );
    run.row(7, 'processes', { pid: 1 });
    run.engine.end();
    expect(run.alerts).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        status: 'new',
        rev: 0,
        time: 7,
        rule: { id: 'r', level: 'high', title: 'R', tags: ['attack.t1059'], file: `${folder.path}/rule-0.ts` },
        title: 'R',
        host: 'h1',
        evidence: [
          { stream: 'processes', row: { pid: 1 } },
          { stream: 'r', row: { a: 1 } },
        ],
      },
    ]);
  });

  test('of two engines over one rule set do not mix', async () => {
    folder.write(
      'x.ts',
      rule('  let n = 0;\n  connections.attributed$.subscribe(() => alert({ title: String(++n) }));'),
    );
    const ruleSet = await folder.load();
    const [one, two] = [new RunningEngine(ruleSet), new RunningEngine(ruleSet)];
    one.engine.connection(attributed({}));
    two.engine.connection(attributed({}));
    expect([one.titles, two.titles]).toEqual([['1'], ['1']]);
  });
});
