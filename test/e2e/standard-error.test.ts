import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bin, root } from './program.js';

/** Each is told with more than a hundred bytes, and a pipe holds 64 KiB. */
const RULES = 800;

let folder: string;
let connections: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'standard-error-'));
  connections = join(folder, 'connections.jsonl');
  for (let i = 0; i < RULES; i++) writeFileSync(join(folder, `rule-${i}.yml`), 'title: broken\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the program over a capture, with as many broken rules, and its standard error as the shell is told to put it. */
function inShell(redirection: string) {
  const traffic = join(root, 'samples/desktop/traffic.pcap');
  const line = `${process.execPath} ${bin} -r ${traffic} --rules ${folder} --alerts /dev/null --connections ${connections}`;
  return spawnSync('bash', ['-o', 'pipefail', '-c', `${line} ${redirection}`], { cwd: root, encoding: 'utf8' });
}

const written = () => readFileSync(connections, 'utf8').split('\n').length - 1;

describe('standard error', () => {
  it('gets all that is told through a pipe that is slow', () => {
    const { status, stdout } = inShell('2> >(sleep 4; grep -c RULE_MALFORMED)');
    const whole = inShell('2> >(grep -c RULE_MALFORMED)');
    expect(Number(whole.stdout)).toBeGreaterThanOrEqual(RULES);
    expect([status, stdout]).toEqual([0, whole.stdout]);
  });

  it.each([
    ['a reader that has gone', '2> >(head -1 > /dev/null)'],
    ['a full disk', '2> /dev/full'],
  ])('does not end a run with %s', (_name, redirection) => {
    if (redirection.includes('/dev/full') && !existsSync('/dev/full')) return;
    rmSync(connections, { force: true });
    expect([inShell(redirection).status, written()]).toEqual([0, 68]);
  });
});
