// Makes the project ready to run: npm packages, Debian packages for the native parts, native build, TypeScript build.
// Every step looks first whether it is done, says what it does, and does nothing when there is nothing to do.
// Plain Node without dependencies, since it runs before `npm ci`.
//
//   node scripts/setup.mjs [--for run|test]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const purpose = process.argv[process.argv.indexOf('--for') + 1] === 'test' ? 'test' : 'run';

/** Debian package and a path that exists when it is installed. The native parts need the first group, the tests both. */
const nativePackages = [
  ['g++', '/usr/bin/g++'],
  ['libpcap-dev', '/usr/include/pcap/pcap.h'],
  ['clang', '/usr/bin/clang'],
  ['lld', '/usr/bin/wasm-ld'],
  ['libbpf-dev', '/usr/include/bpf/libbpf.h'],
];
const testPackages = [
  ['iproute2', '/usr/sbin/ip'],
  ['ethtool', '/usr/sbin/ethtool'],
  ['nftables', '/usr/sbin/nft'],
  ['curl', '/usr/bin/curl'],
  ['openssl', '/usr/bin/openssl'],
  ['openssh-client', '/usr/bin/ssh'],
  ['openssh-server', '/usr/sbin/sshd'],
  ['netcat-openbsd', '/usr/bin/nc.openbsd'],
  ['python3', '/usr/bin/python3'],
  ['zstd', '/usr/bin/zstd'],
  ['tcpdump', '/usr/bin/tcpdump'],
  ['procps', '/usr/bin/pgrep'],
  ['lsof', '/usr/bin/lsof'],
];

const say = (text) => console.error(`setup: ${text}`);

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options }).status === 0;
}

/** As `run`, but what the command prints is shown only when it fails. */
function runQuietly(command, args, options) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  if (status !== 0) console.error(`${stdout}${stderr}`);
  return status === 0;
}

/** What the program needs (20.11.0 keeps a thread of io_uring as root after `--user`); the test runner (vitest, with vite) needs more. */
function checkNode() {
  const [major, minor, patch] = process.versions.node.split('.').map(Number);
  const isAtLeast = (least, from) => major === least && minor >= from;
  const runs = major > 20 || isAtLeast(20, 12) || (isAtLeast(20, 11) && patch >= 1);
  const tests = major > 22 || isAtLeast(22, 12) || isAtLeast(20, 19);
  if (runs && (tests || purpose !== 'test')) return;
  if (runs)
    say(`the tests need Node.js 20.19, 22.12 or newer, this is ${process.version}, with which only the program runs`);
  else say(`Node.js 20.11.1 or newer is needed, this is ${process.version}`);
  process.exit(1);
}

/** npm packages: again only when the lock file is another one than at the last install. */
function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.installed-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing npm packages (npm ci)');
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])) {
    say('npm ci failed; see above');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/** Debian packages: installed when this is root on Debian, otherwise the line to run is printed. Going on without is fine. */
function installDebianPackages() {
  const wanted = purpose === 'test' ? [...nativePackages, ...testPackages] : nativePackages;
  const missing = wanted.filter(([, path]) => !existsSync(path)).map(([name]) => name);
  if (missing.length === 0) return;
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  const what =
    purpose === 'test' ? 'live capture, the eBPF sensor and their tests need' : 'live capture and the eBPF sensor need';
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    say(`${what} Debian packages that are missing; to have them, run as root:\n\n    ${line}\n`);
    return;
  }
  say(`installing Debian packages: ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A service started by a package's install script would outlive the set-up, so none may start.
  const ok =
    runQuietly('apt-get', ['update', '-qq'], { env }) &&
    runQuietly('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
      env: { ...env, RUNLEVEL: '1' },
    });
  if (!ok) say(`could not install them; ${what} them:\n\n    ${line}\n`);
}

/** The native parts: without them files can be read, and this host can be watched by polling. */
function buildNative() {
  if (!run(process.execPath, [join(root, 'scripts', 'build-native.mjs')])) {
    say('a native part was not built (see above): live capture or the eBPF sensor is missing; files can be read');
  }
}

function newestTime(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return newest;
}

function buildTypeScript() {
  const output = join(root, 'dist', '.tsbuildinfo');
  const files = ['tsconfig.build.json', 'scripts/bundle.mjs', 'scripts/code-cache.cjs', 'scripts/outside-bundle.mjs'];
  const times = files.map((file) => statSync(join(root, file)).mtimeMs);
  const source = Math.max(newestTime(join(root, 'src')), newestTime(join(root, 'scripts', 'bundle')), ...times);
  if (existsSync(output) && statSync(output).mtimeMs >= source) return;
  say('building TypeScript');
  if (!run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'])) {
    process.exit(1);
  }
  if (!run(process.execPath, [join(root, 'scripts', 'bundle.mjs')])) process.exit(1);
  // tsc leaves the file alone when nothing it emits has changed.
  writeFileSync(output, readFileSync(output));
}

checkNode();
installPackages();
installDebianPackages();
buildNative();
buildTypeScript();
