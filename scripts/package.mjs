// Makes build/correlate-VERSION-linux-ARCH.tar.gz: the bundled program with all that it needs. It runs on another Linux machine of the same
// architecture, with a C library at least as new as here, with Node.js 20 and nothing else: no npm, no compiler, no libpcap.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outsideBundle } from './outside-bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = readJson(join(root, 'package.json'));
const name = `correlate-${manifest.version}-linux-${process.arch}`;
const staging = join(root, 'build', 'package');
const folder = join(staging, name);
const archive = join(root, 'build', `${name}.tar.gz`);

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Packages with what they depend on, as far as it is installed (of optional ones that is what fits this machine). */
function closure(names) {
  const found = new Map();
  const visit = (each) => {
    const path = join(root, 'node_modules', each);
    if (found.has(each) || !existsSync(path)) return;
    const about = readJson(join(path, 'package.json'));
    found.set(each, { path, about });
    for (const next of Object.keys({ ...about.dependencies, ...about.optionalDependencies })) visit(next);
  };
  for (const each of names) visit(each);
  return found;
}

/** What a browser or a type checker would want is left out. */
const isRuntimeFile = (path) =>
  !/\.(map|md|[cm]?ts|flow)$|(^|\/)(test|tests|docs|example|examples|benchmarks|browser)$/.test(path);

function copyProgram() {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  for (const part of ['bin', 'rules', 'docs', 'packaging', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  const bundle = join(root, 'dist', 'bundle');
  cpSync(bundle, join(folder, 'dist', 'bundle'), { recursive: true, filter: (path) => !path.endsWith('.map') });
  const { version, description, license, type, engines, bin } = manifest;
  const about = { name: manifest.name, version, description, license, private: true, type, engines, bin };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(about, null, 2)}\n`);
}

function copyModules() {
  for (const [each, { path }] of closure(outsideBundle)) {
    const filter = (source) => isRuntimeFile(source.slice(path.length));
    cpSync(realpathSync(path), join(folder, 'node_modules', each), { recursive: true, filter });
  }
  // Of SQLite's forms only that for Node is used.
  const sqlite = join(folder, 'node_modules/@sqlite.org/sqlite-wasm/dist');
  for (const file of readdirSync(sqlite)) {
    if (!['node.mjs', 'sqlite3.wasm'].includes(file)) rmSync(join(sqlite, file));
  }
}

/** The licences of all that is in the package: what was bundled, what stands beside it, and the system's libraries. */
function writeLicences(libraries) {
  const texts = [];
  for (const [each, { path, about }] of closure(Object.keys(manifest.dependencies))) {
    const file = readdirSync(path).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file === undefined ? '' : readFileSync(join(path, file), 'utf8');
    texts.push(`${each} ${about.version} (${about.license})\n\n${text}`);
  }
  for (const library of libraries) {
    // Paths of libraries may or may not begin with /usr where it is merged with the root.
    const { stdout } = spawnSync('dpkg', ['-S', `*/${basename(library)}`], { encoding: 'utf8' });
    const file = `/usr/share/doc/${/^([^:\s]+)/.exec(stdout ?? '')?.[1]}/copyright`;
    texts.push(`${basename(library)}\n\n${existsSync(file) ? readFileSync(file, 'utf8') : ''}`);
  }
  writeFileSync(join(folder, 'THIRD-PARTY.txt'), texts.join(`\n${'-'.repeat(80)}\n`));
}

/** Shared libraries that a program or addon is loaded with: name to path. */
function librariesOf(file) {
  const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
  return new Map([...stdout.matchAll(/^\s*(\S+) => (\/\S+)/gm)].map(([, library, path]) => [library, path]));
}

/** The addons, and beside them the libraries that Node.js does not bring along itself. Returns the paths of these. */
function copyAddons() {
  const libraries = new Set();
  const own = librariesOf(process.execPath);
  const build = join(root, 'build');
  const addons = existsSync(build) ? readdirSync(build).filter((file) => /^\w+\.node$/.test(file)) : [];
  if (!addons.includes('capture.node')) {
    console.error('package: native/capture is not built, so the package can only read files');
  }
  for (const addon of addons) {
    cpSync(join(build, addon), join(folder, 'build', addon));
    for (const [library, path] of librariesOf(join(build, addon))) {
      if (own.has(library)) continue;
      libraries.add(realpathSync(path));
      cpSync(realpathSync(path), join(folder, 'build', library));
    }
  }
  for (const part of ['traffic', 'frames.wasm', 'lines.wasm', 'follow.wasm']) {
    if (existsSync(join(build, part))) cpSync(join(build, part), join(folder, 'build', part));
  }
  return libraries;
}

rmSync(staging, { recursive: true, force: true });
copyProgram();
copyModules();
writeLicences(copyAddons());
const { status } = spawnSync('tar', ['-czf', archive, '-C', staging, '--owner=0', '--group=0', name], {
  stdio: ['ignore', 2, 2],
});
rmSync(staging, { recursive: true });
if (status !== 0) process.exit(1);
console.log(archive);
