import { MILLISECOND, type Micros } from '../core/time.js';

// How often whoever says little is heard of, by the number of hosts: the more there are, the less often.

/** How often a host says up to when it has told everything, milliseconds. */
export const completeEveryMs = (hosts: number): number => Math.max(1_000, Math.ceil(hosts / 2));

/** A host that is not heard for this long is gone, and so is an engine for its agents, milliseconds. */
export const silenceMs = (hosts: number): number => 5_000 + 3 * completeEveryMs(hosts);

/** How often a host that says little hears that it was heard: twice in the time after which it would take the engine for gone. */
export const acknowledgeEveryUs = (hosts: number): Micros =>
  Math.min(2 * completeEveryMs(hosts), silenceMs(hosts) / 2) * MILLISECOND;
