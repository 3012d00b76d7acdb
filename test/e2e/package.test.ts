import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { correlate, jsonLines, root } from './program.js';

const canEnter = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
const bare = mkdtempSync(join(tmpdir(), 'bare-'));

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
  return stdout;
}

/** Files of this machine that Node.js needs to run: itself, and the libraries it is linked with. */
function nodeFiles(): string[] {
  const node = run('readlink', '-f', process.execPath).trim();
  return [node, ...[...run('ldd', node).matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!)];
}

/**
 * Runs the packaged program in a root that holds the package, samples, Node.js with its libraries, /proc and /dev/null, and nothing else. The mounts
 * are in a namespace that ends with it.
 */
function inBareRoot(...args: string[]) {
  const files = nodeFiles();
  const mounts = files.map((file) => `mount --bind "${file}" "${bare}${file}"`);
  const script = [
    'set -e',
    ...mounts,
    `mount --bind /proc "${bare}/proc"`,
    `mount --bind /dev/null "${bare}/dev/null"`,
    `exec chroot "${bare}" "${files[0]}" /program/bin/correlate.js "$@"`,
  ].join('\n');
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', ...args], {
    encoding: 'utf8',
    env: {},
  });
  return { status, stdout, stderr, log: jsonLines(stderr) as { code?: string }[] };
}

/** Replaces kept code by that of a script which ends at once, and which V8 cannot tell from it: it looks at its own version and the length. */
function keepForeignCode(path: string): void {
  const source = path.replace(/\.cache$/, '');
  const script = `
    const { Script } = require('node:vm');
    const { writeCodeCache } = require(${JSON.stringify(join(root, 'dist/bundle/code-cache.js'))});
    const text = '(function () { process.exit(3); })'.padEnd(${readFileSync(source).length});
    const script = new Script(text, { filename: ${JSON.stringify(basename(source))} });
    writeCodeCache(${JSON.stringify(path)}, script.createCachedData());`;
  run(process.execPath, '-e', script);
}

describe.skipIf(!canEnter)('the package, in a root with Node.js alone (skipped without root)', () => {
  beforeAll(() => {
    const archive = run(process.execPath, 'scripts/package.mjs').trim();
    run('tar', '-xzf', archive, '-C', bare);
    const [name] = readdirSync(bare);
    run('mv', join(bare, name!), join(bare, 'program'));
    for (const file of [...nodeFiles(), '/dev/null']) {
      mkdirSync(join(bare, dirname(file)), { recursive: true });
      writeFileSync(join(bare, file), '');
    }
    mkdirSync(join(bare, 'proc'));
    cpSync(join(root, 'samples/intrusion'), join(bare, 'samples/intrusion'), { recursive: true });
  });

  afterAll(() => rmSync(bare, { recursive: true }));

  it('reads a capture and a host log with the shipped rules, and gives what it gives elsewhere', () => {
    const args = ['-q', '-r', 'samples/intrusion/traffic.pcap', '--host-log', 'samples/intrusion/host.log'];
    const here = correlate([...args, '--rules', 'rules']);
    const there = inBareRoot(...args, '--rules', 'program/rules');
    expect([there.status, there.stderr]).toEqual([0, here.stderr]);
    expect(here.stdout).not.toBe('');
    expect(there.stdout).toBe(here.stdout);
  });

  it('runs as well where another Node.js made the compiled code beside its scripts, or none', () => {
    const capture = 'samples/intrusion/traffic.pcap';
    const args = ['-q', '-r', capture, '--threads', '2', '--connections', '-', '--alerts', '/dev/null'];
    const here = correlate(args).stdout;
    expect(here).not.toBe('');
    const caches = ['main', 'decode-worker'].map((name) =>
      join(bare, 'program/dist/bundle', `${name}.script.js.cache`),
    );
    for (const path of caches) {
      keepForeignCode(path);
      // Taken, since this Node.js made it.
      if (path === caches[0]) expect(inBareRoot(...args).status).toBe(3);
      const kept = readFileSync(path);
      kept[kept.length - 1]! ^= 1;
      writeFileSync(path, kept);
    }
    expect(inBareRoot(...args).stdout).toBe(here);
    for (const path of caches) writeFileSync(path, '');
    expect(inBareRoot(...args).stdout).toBe(here);
    for (const path of caches) rmSync(path);
    expect(inBareRoot(...args).stdout).toBe(here);
  });

  it('asks the machine with SQL', () => {
    const { status, stdout } = inBareRoot('query', 'SELECT name FROM processes WHERE pid = 1');
    expect([status, jsonLines(stdout)]).toEqual([0, [{ name: readFileSync('/proc/1/comm', 'utf8').trim() }]]);
  });

  it('has the native parts with the libraries that they need', () => {
    expect(inBareRoot('-i', 'nonesuch').log.map(({ code }) => code)).toContain('CAPTURE_NO_INTERFACE');
    const { stdout, stderr } = inBareRoot('query', '--events', '0.1', 'SELECT count(*) AS n FROM process_events');
    expect(jsonLines(stdout)).toMatchObject([{ n: expect.any(Number) as number }]);
    // A kernel or a user may be without eBPF, the addon never.
    expect(stderr).not.toContain('cannot be loaded');
  });

  it('names the licence of everything that is in it', () => {
    const text = readFileSync(join(bare, 'program/THIRD-PARTY.txt'), 'utf8');
    for (const name of ['commander', 'rxjs', 'esbuild', 'ws'])
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
  });
});
