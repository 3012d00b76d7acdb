import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The native part (`native/memory/binding.c`): 0, or a negative error number. */
interface MemoryAddon {
  adviseHuge(memory: Uint8Array | Int32Array): number;
}

/** A huge page. */
const LEAST_BYTES = 1 << 21;

let addon: MemoryAddon | undefined;
let isLoaded = false;

/** Where the addon is; the environment variable is for the build with sanitizers. */
function addonPath(): string {
  return process.env.CORRELATE_MEMORY_ADDON ?? fileURLToPath(new URL('../../build/memory.node', import.meta.url));
}

function loadAddon(): MemoryAddon | undefined {
  if (isLoaded) return addon;
  isLoaded = true;
  try {
    addon = createRequire(import.meta.url)(addonPath()) as MemoryAddon;
  } catch {
    // Speed alone depends on it.
  }
  return addon;
}

/**
 * Asks the kernel to hold memory that was not yet written to in huge pages, where it does so on request (`madvise` in
 * /sys/kernel/mm/transparent_hugepage/enabled). The first write then costs one page fault for 512, and looking up scattered places fewer
 * misses of the address cache. Tells whether the kernel was asked; nothing but speed depends on it.
 */
export function adviseHugePages(memory: Uint8Array | Int32Array): boolean {
  return memory.byteLength >= LEAST_BYTES && loadAddon()?.adviseHuge(memory) === 0;
}
