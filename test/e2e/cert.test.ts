import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { correlate } from './program.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cert-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const contents = () =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const codes = ({ log }: ReturnType<typeof correlate>) => log.map(({ code }) => code);

describe('correlate cert', () => {
  it('makes what is asked for of the authority that is there', () => {
    const made = correlate(['cert', folder, '--server', 'engine.example', '--agent', 'web-1']);
    expect([made.status, made.stdout.split('\n').length]).toEqual([0, 7]);
    expect(correlate(['cert', folder, '--agent', 'web 2']).status).toBe(0);
    const authority = new X509Certificate(readFileSync(join(folder, 'ca.pem')));
    for (const name of ['server.pem', 'agent-web-1.pem', 'agent-web%202.pem'])
      expect(new X509Certificate(readFileSync(join(folder, name))).verify(authority.publicKey)).toBe(true);
  });

  it('writes nothing when a file is there already', () => {
    writeFileSync(join(folder, 'server.pem'), 'mine');
    const end = correlate(['cert', folder, '--agent', 'web-1', '--server', 'engine.example']);
    expect([end.status, codes(end)]).toEqual([1, ['OUTPUT_OPEN_FAILED']]);
    expect(contents()).toEqual({ 'server.pem': 'mine' });
  });

  it.each([
    ['a certificate without its key', { 'ca.pem': '' }],
    ['a key without its certificate', { 'ca-key.pem': '' }],
    ['files that hold none', { 'ca.pem': 'no certificate', 'ca-key.pem': 'no key' }],
    ['empty files', { 'ca.pem': '', 'ca-key.pem': '' }],
  ])('tells that the authority that is there cannot be used: %s', (_name, files) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const end = correlate(['cert', folder, '--server', 'engine.example']);
    expect([end.status, codes(end)]).toEqual([1, ['CERTIFICATE_UNUSABLE']]);
    expect(contents()).toEqual(files);
  });

  it('takes no key of another authority', () => {
    const other = join(folder, 'other');
    for (const path of [folder, other]) correlate(['cert', path]);
    writeFileSync(join(folder, 'ca-key.pem'), readFileSync(join(other, 'ca-key.pem')));
    const end = correlate(['cert', folder, '--server', 'engine.example']);
    expect([end.status, codes(end)]).toEqual([1, ['CERTIFICATE_UNUSABLE']]);
    expect(existsSync(join(folder, 'server.pem'))).toBe(false);
  });

  it('tells the folder that cannot be made', () => {
    const end = correlate(['cert', '/proc/tls', '--server', 'engine.example']);
    expect([end.status, end.log.at(-1)?.code]).toEqual([1, 'OUTPUT_OPEN_FAILED']);
    expect(end.log.at(-1)?.msg).toBe('/proc/tls: no such file or directory');
  });

  it.skipIf(process.getuid?.() !== 0)('leaves nothing behind on a disk that is full (needs root)', () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=700', 'tmpfs', disk]).status).toBe(0);
    try {
      // Each file takes a page: there is room for some of them.
      const path = join(disk, 'tls');
      const end = correlate(['cert', path, '--server', 'engine.example', '--agent', 'web-1', '--agent', 'web-2']);
      expect([end.status, end.stdout, codes(end)]).toEqual([1, '', ['OUTPUT_WRITE_FAILED']]);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});
