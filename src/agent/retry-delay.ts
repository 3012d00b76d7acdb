/**
 * How long to wait before the next attempt to reach the engine, milliseconds. It grows with how long the engine has been away, so that a
 * short absence is short for all, and it is drawn by lot, so that not all hosts come at once. A refusal needs a person, and is
 * not urgent. `lot` is in [0, 1).
 */
export function retryDelayMs(outageMs: number, isRefused: boolean, lot: number): number {
  const middle = Math.min(LONGEST_MS, Math.max(isRefused ? REFUSED_MS : SHORTEST_MS, outageMs / 60));
  return Math.round(middle * (0.5 + lot));
}

const SHORTEST_MS = 500;
const REFUSED_MS = 10_000;
const LONGEST_MS = 30_000;
