import { stat } from 'node:fs/promises';
import { limits } from '../../core/limits.js';
import type { Micros } from '../../core/time.js';
import { parseLine } from './json-line.js';
import { readLogBytes } from './log-bytes.js';
import { readLogLines } from './log-lines.js';
import { hostSources } from './registry.js';

/**
 * Paths of host logs in the order of the times at which they begin, since `osqueryd.results.log*` names the latest first. What does not
 * tell a time, or can be read only once, comes before the others and stays in its order.
 */
export async function inOrderOfTime(paths: readonly string[]): Promise<readonly string[]> {
  if (paths.length < 2) return paths;
  const begun: { readonly path: string; readonly time: Micros }[] = [];
  for (const path of paths) begun.push({ path, time: await firstTime(path) });
  return begun.sort((a, b) => a.time - b.time).map(({ path }) => path);
}

/** The time of the first of the first lines that tells one, else 0. What is wrong with the file is told when it is read. */
async function firstTime(path: string): Promise<Micros> {
  try {
    if (path === '-' || !(await stat(path)).isFile()) return 0;
    let lines = 0;
    const bytes = readLogBytes(path, path, () => {});
    for await (const batch of readLogLines(bytes, limits.hostLineBytes)) {
      for (const { number, text } of batch) {
        for (const line of text === undefined ? [] : parseLine(text, number).lines) {
          const time = hostSources.find((source) => source.recognises(line))?.timeOf(line);
          if (time !== undefined) return time;
        }
        if (++lines >= limits.hostFirstLines) return 0;
      }
    }
  } catch {
    // Told with its reason when the file is read.
  }
  return 0;
}
