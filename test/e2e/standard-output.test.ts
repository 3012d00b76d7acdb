import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bin, jsonLines, root } from './program.js';

const sample = join(root, 'samples/desktop');
const traffic = `-r ${join(sample, 'traffic.pcap')}`;
const hostLog = `--host-log ${join(sample, 'host.log')}`;

/** Runs the program in a shell line in which `$C` is its command. */
function inShell(line: string) {
  const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', line], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, C: `${process.execPath} ${bin}` },
  });
  return { status, stdout, stderr, log: jsonLines(stderr) };
}

describe('standard output', () => {
  it.skipIf(!existsSync('/dev/full')).each([
    ['a query', 'query "SELECT 1"'],
    ['a query as a table', 'query --format table "SELECT 1"'],
    ['why an end has its owner', `explain 192.0.2.10:42396 192.0.2.20:80 ${traffic} ${hostLog}`],
    ['a check of rules', 'rules check rules'],
    ['the help', '--help'],
    ['the version', '--version'],
    ['connections', `-q ${traffic} --connections -`],
  ])('on a full disk is an error: %s', (_name, command) => {
    const { status, log } = inShell(`$C ${command} > /dev/full`);
    expect(log).toContainEqual(expect.objectContaining({ code: 'OUTPUT_WRITE_FAILED' }));
    expect(status).toBe(1);
  });

  it('whose reader has gone is none', () => {
    const { status, stdout, stderr } = inShell(
      '$C query "SELECT * FROM processes a, processes b LIMIT 9000" | head -1',
    );
    expect([status, stdout.split('\n').length, stderr]).toEqual([0, 2, '']);
  });

  it('whose reader has gone ends a recording', () => {
    const { status, log } = inShell('$C record /dev/stdout --sensor poll --poll 0.02 --duration 60 | head -1');
    expect(log).not.toContainEqual(expect.objectContaining({ code: 'OUTPUT_WRITE_FAILED' }));
    expect(log.at(-1)).toMatchObject({ msg: expect.stringMatching(/^\d+ rows recorded$/) });
    expect(status).toBe(0);
  });

  it('gets all of a long result through a pipe that is slow', () => {
    const { status, stdout } = inShell(
      '$C query "SELECT a.*, b.cmdline FROM processes a, processes b LIMIT 2000" | (sleep 0.3; wc -l)',
    );
    expect([status, Number(stdout)]).toEqual([0, 2000]);
  });
});
