import { setFlagsFromString } from 'node:v8';

const flags = ['--optimize-for-size', '--max-semi-space-size=2', '--semi-space-growth-factor=1'] as const;

/**
 * From now on this process has a small heap that is collected often, for some more processor time: who watches a host is a guest on it.
 */
export function keepHeapSmall(): void {
  for (const flag of flags) setFlagsFromString(flag);
}
