// Compiles the native parts of correlate when their sources are newer than what is built. Needs Node.js alone to run,
// and the compilers and headers named below to succeed. One part that cannot be built does not keep the others from it.
//
//   node scripts/build-native.mjs [NAME ...]               build/capture.node, build/memory.node, build/sensor.node ... build/follow.wasm
//   node scripts/build-native.mjs --sanitize [NAME ...]    build/NAME.sanitize.node, with AddressSanitizer and UBSan (for CI;
//                                               run node with LD_PRELOAD="$(g++ -print-file-name=libasan.so)")
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sanitizeFlags, warnings } from './native-flags.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sanitize = process.argv.includes('--sanitize');
const flagsFile = fileURLToPath(new URL('native-flags.mjs', import.meta.url));
const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

/** A package carries the libraries beside the addon; the old kind of path is also followed from one library to the next. */
const besideAddon = '-Wl,--disable-new-dtags,-rpath,$ORIGIN';

/**
 * For a memory that JavaScript gives and threads share. Its constants lie from the byte `base` on, and its stack behind them, which the compiler
 * takes for arrays: one of no bytes would grow down into the constants.
 */
const webAssemblyFlags = (base, stack) => [
  '--target=wasm32',
  '-ffreestanding',
  '-nostdlib',
  '-matomics',
  '-mbulk-memory',
  '-mnontrapping-fptoint',
  '-Wl,--no-entry,--export=__heap_base,--import-memory,--shared-memory,--max-memory=4294967296',
  `-Wl,-z,stack-size=${stack}`,
  `-Wl,--global-base=${base}`,
];

/**
 * Each part is one folder of C++ or C and the libraries it links with. `kernel` is compiled for eBPF and becomes bytes of the addon; `isProgram`: it is no
 * addon but runs by itself; `isWebAssembly`: it is neither, runs on any machine, and needs no sanitizers.
 */
const parts = [
  {
    name: 'capture',
    folder: 'native/capture',
    compiler: process.env.CXX ?? 'g++',
    sources: ['.cc'],
    flags: ['-std=c++17', '-fno-exceptions', '-fno-rtti'],
    libraries: ['-lpcap', '-lpthread', besideAddon],
    debianPackages: ['g++', 'libpcap-dev'],
  },
  {
    name: 'sensor',
    folder: 'native/sensor',
    kernel: 'native/sensor/bpf/sensor.bpf.c',
    compiler: process.env.CC ?? 'gcc',
    sources: ['.c', '.S'],
    flags: ['-std=gnu11', '-Wa,-Ibuild'],
    libraries: ['-lbpf', besideAddon],
    debianPackages: ['g++', 'clang', 'libbpf-dev'],
  },
  {
    name: 'traffic',
    isProgram: true,
    folder: 'native/selftest',
    compiler: process.env.CC ?? 'gcc',
    sources: ['.c'],
    flags: ['-std=gnu11', '-D_GNU_SOURCE'],
    libraries: [],
    debianPackages: ['g++'],
  },
  {
    name: 'netlink',
    folder: 'native/netlink',
    compiler: process.env.CC ?? 'gcc',
    sources: ['.c'],
    flags: ['-std=gnu11'],
    libraries: [],
    debianPackages: ['gcc'],
  },
  {
    name: 'memory',
    folder: 'native/memory',
    compiler: process.env.CC ?? 'gcc',
    sources: ['.c'],
    flags: ['-std=gnu11'],
    libraries: [],
    debianPackages: ['gcc'],
  },
  {
    name: 'lines',
    isWebAssembly: true,
    folder: 'native/lines',
    compiler: 'clang',
    sources: ['.c'],
    flags: [
      ...webAssemblyFlags(64, 2048),
      '-msimd128',
      '-mmutable-globals',
      '-Wl,--export=result,--export=__stack_pointer',
    ],
    libraries: [],
    debianPackages: ['clang', 'lld'],
  },
  {
    name: 'frames',
    isWebAssembly: true,
    folder: 'native/frames',
    compiler: 'clang',
    sources: ['.c'],
    // It has neither constants nor arrays, and so takes nothing of the others' room.
    flags: [...webAssemblyFlags(64, 0), '-msimd128'],
    libraries: [],
    debianPackages: ['clang', 'lld'],
  },
  {
    name: 'follow',
    isWebAssembly: true,
    folder: 'native/follow',
    compiler: 'clang',
    sources: ['.c'],
    // Behind what is the other's: KERNEL_ROOM of src/conn/table-memory.ts.
    flags: [
      ...webAssemblyFlags(32_768, 1024),
      '-Wl,--export=result,--export=begun,--export=wheel,--export=ended,--export=touched',
    ],
    libraries: [],
    debianPackages: ['clang', 'lld'],
  },
];

const addonFlags = ['-shared', '-fPIC', '-fvisibility=hidden'];
const releaseFlags = ['-O2', '-DNDEBUG'];
/** A part that cannot be built. */
class BuildError extends Error {}

function headersFolder() {
  const folder = join(root, 'node_modules/node-api-headers/include');
  if (!existsSync(join(folder, 'node_api.h'))) throw new BuildError('node-api-headers is not installed; run: npm ci');
  return folder;
}

function upToDate(output, sources) {
  if (!existsSync(output)) return false;
  const built = statSync(output).mtimeMs;
  return sources.every((source) => statSync(source).mtimeMs <= built);
}

function compile(compiler, flags, what, debianPackages) {
  const result = spawnSync(compiler, flags, { cwd: root, encoding: 'utf8' });
  const install = `Debian packages needed: apt-get install -y ${debianPackages.join(' ')}`;
  if (result.error !== undefined) throw new BuildError(`cannot run ${compiler}: ${result.error.message}\n${install}`);
  if (result.status !== 0) {
    const end = `${compiler} ended with ${result.status ?? result.signal}`;
    throw new BuildError(`${what} does not compile (${end})\n${result.stderr}${install}`);
  }
}

/** The programs for the kernel. Atomic operations and 32-bit registers ask for a newer instruction set than clang's default. */
function compileKernel(source, debianPackages) {
  const object = join(root, 'build', basename(source).replace(/\.c$/, '.o'));
  const { stdout } = spawnSync('gcc', ['-print-multiarch'], { encoding: 'utf8' });
  const headers = `-I/usr/include/${(stdout ?? '').trim()}`;
  const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', ...warnings, headers];
  compile('clang', [...flags, '-c', source, '-o', object], source, debianPackages);
}

function filesOf(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function build(part) {
  const {
    name,
    isProgram,
    isWebAssembly,
    folder,
    kernel,
    compiler,
    sources: endings,
    flags,
    libraries,
    debianPackages,
  } = part;
  if (isWebAssembly && sanitize) return;
  const ending = isProgram ? '' : isWebAssembly ? '.wasm' : '.node';
  const output = join(root, 'build', `${name}${sanitize ? '.sanitize' : ''}${ending}`);
  const files = filesOf(folder);
  const isSource = (file) => dirname(file) === join(root, folder) && endings.includes(extname(file));
  if (upToDate(output, [...files, fileURLToPath(import.meta.url), flagsFile])) return;

  const partial = `${output}.${process.pid}`;
  mkdirSync(dirname(output), { recursive: true });
  console.log(`build-native: ${compiler} ${folder} -> ${relative(root, output)}`);
  if (kernel !== undefined) compileKernel(kernel, debianPackages);
  const form = isProgram || isWebAssembly ? [] : [...addonFlags, `-I${headersFolder()}`];
  const all = [...form, ...warnings, ...flags, ...(sanitize ? sanitizeFlags : releaseFlags)];
  try {
    compile(compiler, [...all, ...files.filter(isSource), ...libraries, '-o', partial], name, debianPackages);
    // Renamed, not overwritten: a process that has the old one loaded keeps it.
    renameSync(partial, output);
  } finally {
    rmSync(partial, { force: true });
  }
}

for (const part of parts.filter(({ name }) => names.length === 0 || names.includes(name))) {
  try {
    build(part);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`build-native: ${error.message}`);
    process.exitCode = 1;
  }
}
