// Makes correlate-VERSION-linux-ARCH.tar.gz: the built program with its dependencies and native part. It runs on another Linux machine of the
// same architecture with Node.js 20 and nothing else: no npm, no compiler (live capture needs libpcap0.8 there).
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const name = `correlate-${version}-linux-${process.arch}`;
const staging = join(root, 'build', 'package');
const folder = join(staging, name);
const archive = join(root, 'build', `${name}.tar.gz`);

function must(command, args, cwd) {
  if (spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] }).status !== 0) process.exit(1);
}

rmSync(staging, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const part of [
  'bin',
  'dist',
  'rules',
  'docs',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
]) {
  cpSync(join(root, part), join(folder, part), { recursive: true });
}
const addon = join('build', 'capture.node');
if (existsSync(join(root, addon))) cpSync(join(root, addon), join(folder, addon));
else console.error('package: the native part is not built, so the package can only read files');
must('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error'], folder);
must('tar', ['-czf', archive, '-C', staging, name], root);
rmSync(staging, { recursive: true });
console.log(archive);
