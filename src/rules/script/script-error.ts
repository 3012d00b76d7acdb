import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, resolve } from 'node:path';
import type { Position } from '../rule-problem.js';

/** A place in the source of a rule, or of a module that it brings along. */
export interface SourcePlace extends Position {
  readonly file: string;
}

/** Finds the place in a rule's source from which an error came; undefined when it came from elsewhere. */
export type Locate = (error: unknown) => SourcePlace | undefined;

/** A locator for code that runs under the name `file` and was made from sources as `sourceMap` says. */
export function sourceLocator(file: string, sourceMap: string): Locate {
  const payload = JSON.parse(sourceMap) as SourceMapPayload;
  const map = new SourceMap(payload);
  const folder = dirname(file);
  return (error) => {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    for (const line of stack.split('\n')) {
      const at = line.indexOf(`${file}:`);
      const match = at < 0 ? null : /^(\d+):(\d+)/.exec(line.slice(at + file.length + 1));
      if (match === null) continue;
      const entry = map.findEntry(Number(match[1]) - 1, Number(match[2]) - 1);
      if (!('originalLine' in entry)) continue;
      const source = resolve(folder, entry.originalSource);
      return { file: source, line: entry.originalLine + 1, column: entry.originalColumn + 1 };
    }
    return undefined;
  };
}
