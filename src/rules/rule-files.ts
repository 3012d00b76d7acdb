import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileProblem } from '../core/errors.js';
import { ProblemList, type RuleProblem } from './rule-problem.js';

const sigmaEndings: readonly string[] = ['.yml', '.yaml'];
const scriptEndings: readonly string[] = ['.ts', '.js', '.mjs'];
const passedOver: readonly string[] = ['node_modules', 'tests'];

/** Whether a rule file holds a script by its name; else it is Sigma's. */
export function isScript(file: string): boolean {
  return scriptEndings.includes(extname(file));
}

/**
 * The rule files under the paths that a user gives: of a folder those that end as rules do, recursively and in sorted order. Symbolic links are
 * followed. What is one file is given once, under the first name, however often and by whatever way it is reached.
 */
export class RuleFiles {
  /** What could not be read, and folders without any rule file. */
  readonly problems: RuleProblem[] = [];
  /** Files by their real paths. */
  readonly #given = new Set<string>();

  /** The files of a path that were not given before; the path itself when it is a file, whatever is passed over in folders. */
  async under(path: string): Promise<readonly string[]> {
    const entry = await this.#entry(path);
    if (entry === undefined) return [];
    const files: string[] = [];
    const unread = this.problems.length;
    if (entry.isFolder) {
      const isEmpty = !(await this.#collect(path, entry.real, files, new Set()));
      if (isEmpty && this.problems.length === unread)
        this.#tell(path, (problems) => problems.absent('no rule file is in this folder'));
    } else if (isRule(path)) this.#give(path, entry.real, files);
    else {
      const endings = [...sigmaEndings, ...scriptEndings].join(', ');
      this.#tell(path, (problems) => problems.openFailed(`a rule file ends in ${endings}`));
    }
    return files;
  }

  /** Returns whether there is any rule file. `folders` has those of the walk, by their real paths, since links may lead back. */
  async #collect(folder: string, real: string, files: string[], folders: Set<string>): Promise<boolean> {
    if (folders.has(real)) return false;
    folders.add(real);
    let found = false;
    for (const { name, mayBeFolder } of await this.#entriesIn(folder)) {
      if (!isRule(name) && !mayBeFolder) continue;
      const path = join(folder, name);
      const entry = await this.#entry(path);
      if (entry?.isFolder) found = (await this.#collect(path, entry.real, files, folders)) || found;
      else if (isRule(name)) {
        found = true;
        if (entry !== undefined) this.#give(path, entry.real, files);
      }
    }
    return found;
  }

  #give(path: string, real: string, files: string[]): void {
    if (this.#given.has(real)) return;
    this.#given.add(real);
    files.push(path);
  }

  async #entry(path: string): Promise<{ readonly real: string; readonly isFolder: boolean } | undefined> {
    try {
      const real = await realpath(path);
      return { real, isFolder: (await stat(real)).isDirectory() };
    } catch (error) {
      this.#tell(path, (problems) => problems.openFailed(fileProblem(error)));
      return undefined;
    }
  }

  async #entriesIn(folder: string): Promise<{ readonly name: string; readonly mayBeFolder: boolean }[]> {
    try {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries
        .filter(({ name }) => !name.startsWith('.'))
        .map((entry) => ({
          name: entry.name,
          mayBeFolder: (entry.isDirectory() || entry.isSymbolicLink()) && !passedOver.includes(entry.name),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      this.#tell(folder, (problems) => problems.openFailed(fileProblem(error)));
      return [];
    }
  }

  #tell(path: string, add: (problems: ProblemList) => void): void {
    const list = new ProblemList(path);
    add(list);
    this.problems.push(...list.problems);
  }
}

function isRule(name: string): boolean {
  return !name.endsWith('.d.ts') && (isScript(name) || sigmaEndings.includes(extname(name)));
}
