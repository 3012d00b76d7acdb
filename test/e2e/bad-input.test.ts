import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayMakeNamespaces } from './namespaces.js';
import { correlate, jsonLines, root } from './program.js';

const sample = join(root, 'samples/desktop');
const traffic = join(sample, 'traffic.pcap');
const hostLog = join(sample, 'host.log');
const isRoot = process.getuid?.() === 0;

let folder: string;
const file = (name: string, content: string | Buffer) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bad-input-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const whole = () =>
  jsonLines(correlate(['-r', traffic, '--connections', '-', '--alerts', join(folder, 'alerts')]).stdout);

describe('bad input', () => {
  it('a torn capture gives a warning, and everything before the tear is used', () => {
    const bytes = readFileSync(traffic);
    const torn = file('torn.pcap', bytes.subarray(0, bytes.length - 7));
    const { status, stdout, log } = correlate(['-r', torn, '--connections', '-', '--alerts', join(folder, 'alerts')]);
    expect(status).toBe(0);
    expect(log).toContainEqual(expect.objectContaining({ code: 'CAPTURE_TRUNCATED', level: 40 }));
    expect(jsonLines(stdout).length).toBe(whole().length);
  });

  it('a record that claims a huge length ends the reading there, and what came before is kept', () => {
    const bytes = Buffer.from(readFileSync(traffic));
    const huge = Buffer.alloc(16);
    huge.writeUInt32LE(0xfffffff0, 8);
    huge.writeUInt32LE(0xfffffff0, 12);
    const path = file('huge.pcap', Buffer.concat([bytes, huge]));
    const { status, stdout, log } = correlate(['-r', path, '--connections', '-', '--alerts', join(folder, 'alerts')]);
    expect(status).toBe(0);
    expect(log).toContainEqual(expect.objectContaining({ code: 'CAPTURE_BAD_RECORD' }));
    expect(jsonLines(stdout).length).toBe(whole().length);
  });

  it('an output over an input is refused before anything is opened', () => {
    const capture = file('kept.pcap', readFileSync(traffic));
    const conn = file('conn.log', readFileSync(hostLog));
    const over = (...outputs: string[]) => correlate(['-r', capture, '--host-log', conn, ...outputs]);
    for (const outputs of [
      ['--connections', capture],
      ['--alerts', conn],
      ['--zeek-logs', folder],
    ]) {
      const { status, log } = over(...outputs);
      expect(log).toContainEqual(expect.objectContaining({ code: 'USAGE' }));
      expect(status).toBe(2);
    }
    expect(readFileSync(capture)).toEqual(readFileSync(traffic));
    expect(readFileSync(conn)).toEqual(readFileSync(hostLog));
  });

  it.each([
    ['wrong magic', () => file('text.pcap', 'this is no capture at all, just some text'), 'CAPTURE_WRONG_MAGIC'],
    ['an empty file', () => file('empty.pcap', ''), 'CAPTURE_WRONG_MAGIC'],
    ['a missing file', () => join(folder, 'missing.pcap'), 'CAPTURE_OPEN_FAILED'],
    ['a folder', () => folder, 'CAPTURE_OPEN_FAILED'],
    ['a name longer than a file system takes', () => join(folder, 'x'.repeat(300)), 'CAPTURE_OPEN_FAILED'],
    ['a file within a file', () => join(file('no-folder', ''), 'traffic.pcap'), 'CAPTURE_OPEN_FAILED'],
  ])('%s ends the program with 1 and a code', (_name, path, code) => {
    const { status, log } = correlate(['-r', path()]);
    expect(status).toBe(1);
    expect(log.map((line) => line.code)).toContain(code);
  });

  it.each([
    ['a configuration', () => ['agent', '--config'], 'CONFIG_OPEN_FAILED'],
    ['a secret', () => ['agent', '--server', 'wss://127.0.0.1:1', '--secret-file'], 'CONFIG_OPEN_FAILED'],
    ['a host log', () => ['-r', traffic, '--host-log'], 'HOST_LOG_OPEN_FAILED'],
    ['a host log without a capture', () => ['--host-log'], 'HOST_LOG_OPEN_FAILED'],
    ['timeouts', () => ['-r', traffic, '--timeouts'], 'CONFIG_OPEN_FAILED'],
    ['a capture', () => ['-r'], 'CAPTURE_OPEN_FAILED'],
  ])('%s that is missing or a folder is told in words, with its path and a code', (_name, args, code) => {
    const missing = join(folder, 'missing');
    for (const [path, problem] of [
      [missing, 'no such file or directory'],
      [folder, 'it is a directory'],
    ] as const) {
      const { status, log } = correlate([...args(), path]);
      expect(status).toBe(1);
      expect(log.at(-1)).toMatchObject({ code, msg: expect.stringMatching(`${path}: ${problem}$`) as string });
    }
  });

  it('broken lines of a host log are told with their numbers, counted, and lose nothing else', () => {
    const lines = readFileSync(hostLog, 'utf8').split('\n');
    const broken = [
      ...lines.slice(0, 10),
      '{"name": "processes", ',
      ...lines.slice(10, 20),
      'not json',
      ...lines.slice(20),
    ];
    const path = file('broken.log', broken.join('\n'));
    const run = (log: string) =>
      correlate(['-r', traffic, '--host-log', log, '--connections', '-', '--alerts', join(folder, 'alerts')]);
    const { status, stdout, log } = run(path);
    expect(status).toBe(0);
    const told = log.filter((line) => line.code === 'HOST_LOG_BAD_LINE').map((line) => line.where);
    expect(told).toEqual([`${path}:11`, `${path}:22`]);
    expect(stdout).toBe(run(hostLog).stdout);
  });

  it('a file that is no host log is refused', () => {
    const { status, log } = correlate(['-r', traffic, '--host-log', file('prose.log', 'once upon a time\n'.repeat(5))]);
    expect(status).toBe(1);
    expect(log.map((line) => line.code)).toContain('HOST_LOG_UNKNOWN_FORMAT');
  });

  it('a rule with a typo is told with file, line and column; with --strict-rules nothing starts', () => {
    const path = file(
      'typo.yml',
      'title: Typo\nid: 1\nlogsource:\n  category: network_connection\ndetection:\n  sel:\n    Image|endwith: /sh\n  condition: sel\n',
    );
    const { status, log } = correlate(['-r', traffic, '--rules', path, '--alerts', join(folder, 'alerts')]);
    expect(status).toBe(0);
    expect(log.map((line) => line.where)).toContainEqual(expect.stringMatching(/typo\.yml:7:5$/));
    expect(correlate(['-r', traffic, '--rules', path, '--strict-rules']).status).toBe(2);
    const check = correlate(['rules', 'check', path]);
    expect(check.status).toBe(2);
    expect(check.stdout).toMatch(/typo\.yml:7:5: .*endwith/);
  });

  it('an output that cannot be opened ends the program before it reads anything', () => {
    const { status, log } = correlate(['-r', traffic, '--connections', join(folder, 'no', 'such', 'folder')]);
    expect(status).toBe(1);
    expect(log.map((line) => line.code)).toContain('OUTPUT_OPEN_FAILED');
  });

  it('a full device is told, the lost lines are counted, the other output is whole, and the exit code is 1', () => {
    const alerts = join(folder, 'full-alerts');
    const args = ['-r', traffic, '--host-log', hostLog, '--rules', join(root, 'rules'), '--alerts', alerts];
    const { status, log } = correlate([...args, '--connections', '/dev/full']);
    expect(status).toBe(1);
    expect(log).toContainEqual(expect.objectContaining({ code: 'OUTPUT_WRITE_FAILED', where: '/dev/full' }));
    expect(log.at(-1)?.msg).toMatch(/lost \d+ output lines/);
    const full = readFileSync(alerts, 'utf8');
    correlate(args);
    expect(readFileSync(alerts, 'utf8')).toBe(full);
  });

  it.skipIf(!isRoot)('a disk that fills up keeps whole lines (needs root)', () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk]).status).toBe(0);
    try {
      const path = join(disk, 'connections');
      const { status, log } = correlate([
        '-r',
        traffic,
        '--host-log',
        hostLog,
        '--connections',
        path,
        '--alerts',
        join(folder, 'alerts'),
      ]);
      expect(status).toBe(1);
      expect(log.map((line) => line.code)).toContain('OUTPUT_WRITE_FAILED');
      expect(statSync(path).size).toBeGreaterThan(0);
      expect(jsonLines(readFileSync(path, 'utf8').split('\n').slice(0, -1).join('\n')).length).toBeGreaterThan(0);
    } finally {
      spawnSync('umount', [disk]);
    }
  });

  it('an unknown interface is told with a code', () => {
    const { status, log } = correlate(['-i', 'nosuchinterface0']);
    expect(status).toBe(1);
    expect(log.map((line) => line.code)).toContain('CAPTURE_NO_INTERFACE');
  });

  it.skipIf(!mayMakeNamespaces)(
    'capturing without the permission is told with a code (needs root, to give it up)',
    () => {
      const { status, log } = correlate(['-i', 'lo', '--no-local-host'], {
        prefix: ['setpriv', '--bounding-set=-net_raw,-net_admin'],
      });
      expect(status).toBe(1);
      expect(log.map((line) => line.code)).toContain('CAPTURE_PERMISSION');
    },
  );

  it.each([
    ['nothing to watch', []],
    ['an unknown option', ['--frobnicate']],
    ['live and files together', ['-i', 'lo', '-r', traffic]],
    ['an unknown command', ['frobnicate']],
    ['a number that is none', ['-r', traffic, '--lateness', 'soon']],
    ['standard input twice', ['-r', '-', '--host-log', '-']],
  ])('%s is a usage error with 2', (_name, args) => {
    const { status, stderr } = correlate(args);
    expect(status).toBe(2);
    expect(stderr.length).toBeGreaterThan(10);
  });

  it('a capture given as a command is told how to be read', () => {
    expect(correlate([traffic]).stderr).toContain(`unknown command '${traffic}'; a capture is read with -r FILE`);
  });

  it.each(['run', 'explain', 'hunt', 'query'])(
    'help of %s gives each default once, in the unit of its option',
    (command) => {
      const { stdout, status } = correlate([command, '--help']);
      expect(status).toBe(0);
      expect(stdout).toMatch(/\(default:\s+\d+\)/);
      expect(stdout).not.toMatch(/\(default:\s+\d{6,}\)|\(default:[^)]*\)\s+\(default:/);
    },
  );
});
