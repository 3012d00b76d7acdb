// Builds the native parts with the address and undefined-behaviour sanitizers and runs their tests with that build.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, args, env = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
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
