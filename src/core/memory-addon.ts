import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The native part (`native/memory/binding.c`). */
export interface MemoryAddon {
  /** 0, or a negative error number. */
  adviseHuge(memory: Uint8Array | Int32Array): number;
  /** Whether the allocator took both sizes in bytes: what it keeps at most before it gives freed memory back, and what it asks for beyond a need. */
  keepFreed(most: number, ahead: number): boolean;
}

let addon: MemoryAddon | undefined;
let isLoaded = false;

/** Where the addon is; the environment variable is for the build with sanitizers. */
function addonPath(): string {
  return process.env.CORRELATE_MEMORY_ADDON ?? fileURLToPath(new URL('../../build/memory.node', import.meta.url));
}

/** Undefined where it was not built: speed alone depends on it. */
export function memoryAddon(): MemoryAddon | undefined {
  if (isLoaded) return addon;
  isLoaded = true;
  try {
    addon = createRequire(import.meta.url)(addonPath()) as MemoryAddon;
  } catch {
    // Not there.
  }
  return addon;
}
