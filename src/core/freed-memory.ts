import { memoryAddon } from './memory-addon.js';

/** More than a run over files frees. */
const KEPT_BYTES = 1 << 30;
/** What the allocator of a thread asks the kernel for at once. */
const AHEAD_BYTES = 1 << 22;

/**
 * From now on memory that the process frees stays with it, for its next need: for a run that ends, not for one that lasts. V8's compiler takes and
 * frees some megabytes for each function that it optimizes, in four threads, and each time the pages came anew: a third of all page faults of
 * a run over a large file. Tells whether the allocator (glibc's) was told; nothing but speed depends on it.
 */
export function keepFreedMemory(): boolean {
  return memoryAddon()?.keepFreed(KEPT_BYTES, AHEAD_BYTES) === true;
}
