import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attributed } from '../attributed.js';
import { RuleFolder, type RunningEngine } from './script-folder.js';

let folder: RuleFolder;
beforeEach(() => {
  folder = new RuleFolder();
});
afterEach(() => folder.remove());

const rule = (id: string, body: string): string =>
  `import { defineRule } from 'correlate';\nexport default defineRule({ id: '${id}', level: 'low' }, ({ hosts, connections, alert }) => {\n${body}\n});\n`;

/** Tells how many connections it has seen. */
const counting = rule(
  'counting',
  "let n = 0; connections.attributed$.subscribe((connection) => alert({ connection, title: 'seen ' + ++n }));",
);
const listening = (port: number) =>
  rule(
    `listening-${port}`,
    `hosts.subscribe('SELECT port FROM listening_ports WHERE port >= ${port}').added$.subscribe(({ host, row }) => alert({ host, title: 'port ' + row.port }));`,
  );

const to = (uid: string) => attributed({ connection: { uid } });

async function reload({ engine }: RunningEngine, texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) folder.write(name, text);
  const set = await folder.load();
  expect(set.problems).toEqual([]);
  engine.replace(set);
}

describe('rules that are replaced while they run', () => {
  test('keep what they know where their code is the same', async () => {
    const running = await folder.start(counting);
    running.engine.connection(to('C1'));
    await reload(running, { 'other.ts': listening(1) });
    running.engine.connection(to('C2'));
    expect(running.titles).toEqual(['seen 1', 'seen 2']);
  });

  test('begin anew where their code has changed, and the version before falls silent', async () => {
    const running = await folder.start(counting);
    running.engine.connection(to('C1'));
    await reload(running, { 'rule-0.ts': counting.replace("'seen '", "'saw '") });
    running.engine.connection(to('C2'));
    running.engine.end();
    expect(running.titles).toEqual(['seen 1', 'saw 1']);
  });

  test('begin anew where they had failed', async () => {
    const failing = rule(
      'failing',
      "let n = 0; connections.attributed$.subscribe((connection) => { if (++n === 2) throw new Error('no'); alert({ connection, title: 'seen ' + n }); });",
    );
    const running = await folder.start(failing);
    for (const uid of ['C1', 'C2', 'C3']) running.engine.connection(to(uid));
    expect(running.titles).toEqual(['seen 1']);
    await reload(running, {});
    running.engine.connection(to('C4'));
    expect(running.titles).toEqual(['seen 1', 'seen 1']);
  });

  test('see the rows of before in tables that rules had read, and are told of others', async () => {
    const running = await folder.start(listening(80));
    running.row(1, 'listening_ports', { port: 443 });
    running.row(2, 'listening_ports', { port: 22 });
    const withUsers = rule(
      'users',
      "hosts.subscribe('SELECT username FROM users').added$.subscribe(({ host, row }) => alert({ host, title: String(row.username) }));",
    );
    running.row(3, 'users', { uid: 1, username: 'before' });
    await reload(running, { 'more.ts': listening(400), 'users.ts': withUsers });
    expect(running.titles).toEqual(['port 443', 'port 443']);
    expect(running.warnings).toMatchObject([{ code: 'RULE_STATE_PARTIAL', message: expect.stringMatching(/users/) }]);
    running.row(4, 'users', { uid: 2, username: 'after' });
    running.engine.end();
    expect(running.titles.slice(2)).toEqual(['after']);
  });

  test('leave no rows behind of tables that none reads any more', async () => {
    const running = await folder.start(listening(80));
    running.row(1, 'listening_ports', { port: 443 });
    await reload(running, { 'rule-0.ts': counting });
    running.row(2, 'listening_ports', { port: 443 }, { action: 'removed' });
    await reload(running, { 'rule-0.ts': listening(80) });
    running.engine.end();
    expect(running.titles).toEqual(['port 443']);
  });
});
