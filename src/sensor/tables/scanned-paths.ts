import { readdirSync } from 'node:fs';
import type { Scan } from './sensor-table.js';

/** A path that a table of files is asked about. */
export interface ScannedPath {
  readonly path: string;
  readonly directory: string;
}

/**
 * The paths that a condition on `path` or `directory` names, with osquery's meaning: in a pattern `%` stands for any text within one
 * name and `%%` for any number of folders; a name without `%` is taken as it is. Conditions that name nothing give nothing.
 */
export function* scannedPaths({ constraint }: Pick<Scan, 'constraint'>): Generator<ScannedPath> {
  if (constraint === undefined) return;
  const text = String(constraint.value);
  if (!text.startsWith('/')) return;
  const named = constraint.operator === 'like' ? matchingPaths(text) : [text];
  for (const path of named) {
    if (constraint.column === 'path') yield { path, directory: folderOf(path) };
    else for (const { name } of entries(path)) yield { path: joined(path, name), directory: path };
  }
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function joined(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;
}

/** Links are not followed, so that every walk ends. */
function entries(folder: string): { name: string; isFolder: boolean }[] {
  try {
    const found = readdirSync(folder, { withFileTypes: true });
    return found
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    // Not a folder, not permitted, or gone.
    return [];
  }
}

function matchingPaths(pattern: string): Generator<string> {
  return walk('/', pattern.split('/').slice(1));
}

function* walk(folder: string, [name, ...rest]: readonly string[]): Generator<string> {
  if (name === undefined) return;
  if (!name.includes('%')) {
    const path = joined(folder, name);
    if (rest.length === 0) yield path;
    else yield* walk(path, rest);
    return;
  }
  const matches = namePattern(name);
  for (const { name: found, isFolder } of entries(folder)) {
    const path = joined(folder, found);
    if (matches.test(found)) {
      if (rest.length === 0) yield path;
      else if (isFolder) yield* walk(path, rest);
    }
    if (name.includes('%%') && isFolder) yield* walk(path, [name, ...rest]);
  }
}

function namePattern(name: string): RegExp {
  const parts = name.split(/%+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}$`, 'is');
}
