// Compiles the native parts of correlate when their sources are newer than what is built. Needs Node.js alone to run,
// and a C++ compiler and the headers named below to succeed.
//
//   node scripts/build-native.mjs               build/capture.node
//   node scripts/build-native.mjs --sanitize    build/capture.sanitize.node, with AddressSanitizer and UBSan (for CI;
//                                               run node with LD_PRELOAD="$(g++ -print-file-name=libasan.so)")
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sanitize = process.argv.includes('--sanitize');

/** Each addon is one folder of C++ and the libraries it links with. */
const addons = [
  {
    name: 'capture',
    folder: 'native/capture',
    // A package carries the libraries beside the addon; the old kind of path is also followed from one library to the next.
    libraries: ['-lpcap', '-lpthread', '-Wl,--disable-new-dtags,-rpath,$ORIGIN'],
    debianPackages: ['g++', 'libpcap-dev'],
  },
];

const commonFlags = [
  '-std=c++17',
  '-shared',
  '-fPIC',
  '-fno-exceptions',
  '-fno-rtti',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Werror',
];
const releaseFlags = ['-O2', '-DNDEBUG'];
const sanitizeFlags = [
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined',
];

function fail(message) {
  console.error(`build-native: ${message}`);
  process.exit(1);
}

function headersFolder() {
  const folder = join(root, 'node_modules/node-api-headers/include');
  if (!existsSync(join(folder, 'node_api.h'))) fail('node-api-headers is not installed; run: npm ci');
  return folder;
}

function upToDate(output, sources) {
  if (!existsSync(output)) return false;
  const built = statSync(output).mtimeMs;
  return sources.every((source) => statSync(source).mtimeMs <= built);
}

function build({ name, folder, libraries, debianPackages }) {
  const output = join(root, 'build', `${name}${sanitize ? '.sanitize' : ''}.node`);
  const files = readdirSync(join(root, folder)).map((file) => join(root, folder, file));
  const sources = files.filter((file) => file.endsWith('.cc'));
  if (upToDate(output, [...files, fileURLToPath(import.meta.url)])) return;

  const compiler = process.env.CXX ?? 'g++';
  const partial = `${output}.${process.pid}`;
  const flags = [...commonFlags, ...(sanitize ? sanitizeFlags : releaseFlags), `-I${headersFolder()}`];
  mkdirSync(dirname(output), { recursive: true });
  console.log(`build-native: ${compiler} ${folder} -> ${relative(root, output)}`);
  const result = spawnSync(compiler, [...flags, ...sources, ...libraries, '-o', partial], {
    cwd: root,
    encoding: 'utf8',
  });
  const install = `Debian packages needed: apt-get install -y ${debianPackages.join(' ')}`;
  if (result.error !== undefined) fail(`cannot run ${compiler}: ${result.error.message}\n${install}`);
  if (result.status !== 0) {
    rmSync(partial, { force: true });
    fail(
      `${name} does not compile (${compiler} ended with ${result.status ?? result.signal})\n${result.stderr}${install}`,
    );
  }
  // Renamed, not overwritten: a process that has the old one loaded keeps it.
  renameSync(partial, output);
}

for (const addon of addons) build(addon);
