import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { CorrelateError, messageOf } from '../core/errors.js';

/** The native sensor (`native/sensor/binding.c`). */
export interface SensorAddon {
  /** Loads and attaches the kernel programs. `netns` is the inode of the only namespace to report, 0 means all. */
  open(netns: number, ringBytes: number): SensorHandle;
  /** Writes a batch into the buffer, which has room for the batch's head and one record at least. */
  read(handle: SensorHandle, buffer: ArrayBuffer): void;
  /** Takes the programs out of the kernel; what they wrote can still be read. */
  detach(handle: SensorHandle): void;
  close(handle: SensorHandle): void;
  /** Offsets and sizes as the C compiler sees them. */
  readonly layout: Readonly<Record<string, number>>;
}

export type SensorHandle = { readonly __sensorHandle: never };

const BUILD_LINE = 'apt-get install -y g++ clang libbpf-dev && node scripts/build-native.mjs';

/** Where the addon is; the environment variable is for the build with sanitizers. */
function addonPath(): string {
  return process.env.CORRELATE_SENSOR_ADDON ?? fileURLToPath(new URL('../../build/sensor.node', import.meta.url));
}

/** Whether the eBPF sensor can be tried at all. */
export function sensorAddonBuilt(): boolean {
  return existsSync(addonPath());
}

/** @throws CorrelateError SENSOR_NATIVE_MISSING */
export function loadSensorAddon(): SensorAddon {
  const path = addonPath();
  try {
    return createRequire(import.meta.url)(path) as SensorAddon;
  } catch (error) {
    const reason = existsSync(path) ? messageOf(error) : `it is not built; run: ${BUILD_LINE}`;
    throw new CorrelateError('SENSOR_NATIVE_MISSING', `the eBPF sensor cannot be loaded: ${reason}`, { cause: error });
  }
}
