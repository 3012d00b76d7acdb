// Builds the native parts with the address and undefined-behaviour sanitizers and runs their tests with that build, after programs that feed
// what they parse themselves with random messages in place of the kernel's.
//
//   npm run sanitize -- [--rounds-times N] [--seed N]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sanitizeFlags, warnings } from './native-flags.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, args, env = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
}

const { values } = parseArgs({
  options: { 'rounds-times': { type: 'string', default: '1' }, seed: { type: 'string', default: '0' } },
});

/** Programs of test/native: what they replace, what they are built from besides, and rounds that take some two seconds of CPU. */
const fuzzers = [
  {
    name: 'netlink-fuzz',
    wrapped: ['recv', 'socket', 'bind', 'setsockopt', 'send', 'poll'],
    sources: ['native/netlink/netlink.c'],
    libraries: [],
    rounds: 20_000,
  },
  {
    name: 'sensor-fuzz',
    wrapped: ['ring_buffer__consume'],
    sources: [],
    libraries: ['-lbpf'],
    rounds: 4_000,
  },
];

for (const { name, wrapped, sources, libraries, rounds } of fuzzers) {
  const program = join(root, 'build', name);
  const flags = [...sanitizeFlags, ...warnings, '-std=gnu11'];
  const wraps = wrapped.map((each) => `-Wl,--wrap=${each}`);
  const compiler = process.env.CC ?? 'gcc';
  const made = run(compiler, [...flags, ...wraps, `test/native/${name}.c`, ...sources, ...libraries, '-o', program]);
  if (made !== 0) process.exit(made);
  const count = rounds * Number(values['rounds-times']);
  const status = run(program, [String(count), values.seed]);
  if (status !== 0) process.exit(status);
  console.log(`sanitize: ${name}: ${count} rounds, nothing found`);
}

const built = run(process.execPath, [join('scripts', 'build-native.mjs'), '--sanitize']);
if (built !== 0) process.exit(built);
const { stdout } = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
const tests = [
  'run',
  'test/capture/live-source.test.ts',
  'test/capture/layout.test.ts',
  'test/core/huge-pages.test.ts',
  'test/sensor/ring-record.test.ts',
  'test/sensor/ebpf-lifetime.test.ts',
  'test/sensor/netlink-sensor.test.ts',
  'test/sensor/netlink/decoders.test.ts',
];
process.exit(
  run(join(root, 'node_modules', '.bin', 'vitest'), tests, {
    CORRELATE_CAPTURE_ADDON: join(root, 'build', 'capture.sanitize.node'),
    CORRELATE_SENSOR_ADDON: join(root, 'build', 'sensor.sanitize.node'),
    CORRELATE_MEMORY_ADDON: join(root, 'build', 'memory.sanitize.node'),
    CORRELATE_NETLINK_ADDON: join(root, 'build', 'netlink.sanitize.node'),
    LD_PRELOAD: stdout.trim(),
    // Node keeps memory until it exits, so leaks are not told apart from it; the first error ends the run.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  }),
);
