import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { getSystemErrorMap } from 'node:util';
import { CorrelateError, messageOf } from '../core/errors.js';

/** The native part of the fallback sensor (`native/netlink/netlink.h`, which says what each call does). Negative results are errors. */
export interface NetlinkAddon {
  openEvents(): number;
  openConntrack(): number;
  readEvents(descriptor: number, buffer: ArrayBuffer): void;
  socketsOf(pid: number, buffer: ArrayBuffer): number;
  socketDump(pid: number, family: number, protocol: number, states: number, buffer: ArrayBuffer): number;
  /** Offsets and sizes as the C compiler sees them. */
  readonly layout: Readonly<Record<string, number>>;
}

/** Where the addon is; the environment variable is for the build with sanitizers. */
function addonPath(): string {
  return process.env.CORRELATE_NETLINK_ADDON ?? fileURLToPath(new URL('../../build/netlink.node', import.meta.url));
}

/** Whether the addon is built. */
export function netlinkAddonBuilt(): boolean {
  return existsSync(addonPath());
}

/** @throws CorrelateError SENSOR_NATIVE_MISSING */
export function loadNetlinkAddon(): NetlinkAddon {
  const path = addonPath();
  try {
    return createRequire(import.meta.url)(path) as NetlinkAddon;
  } catch (error) {
    const reason = existsSync(path) ? messageOf(error) : 'it is not built; run: node scripts/build-native.mjs';
    throw new CorrelateError('SENSOR_NATIVE_MISSING', `the netlink part cannot be loaded: ${reason}`, { cause: error });
  }
}

/** What a negative result of the addon says. */
export function systemError(result: number): string {
  return getSystemErrorMap().get(result)?.[1] ?? `error ${-result}`;
}
