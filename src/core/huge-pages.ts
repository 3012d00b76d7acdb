import { memoryAddon } from './memory-addon.js';

export const HUGE_PAGE_BYTES = 1 << 21;

/**
 * Asks the kernel to hold memory that was not yet written to in huge pages, where it does so on request (`madvise` in
 * /sys/kernel/mm/transparent_hugepage/enabled). The first write then costs one page fault for 512, and looking up scattered places fewer
 * misses of the address cache. Tells whether the kernel was asked; nothing but speed depends on it.
 */
export function adviseHugePages(memory: Uint8Array | Int32Array): boolean {
  return memory.byteLength >= HUGE_PAGE_BYTES && memoryAddon()?.adviseHuge(memory) === 0;
}
