import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileProblem } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { ProblemList, type RuleProblem } from './rule-problem.js';

const sigmaEndings: readonly string[] = ['.yml', '.yaml'];
const scriptEndings: readonly string[] = ['.ts', '.js', '.mjs'];
const passedOver: readonly string[] = ['node_modules', 'tests'];

/** Whether a rule file holds a script by its name; else it is Sigma's. */
export function isScript(file: string): boolean {
  return scriptEndings.includes(extname(file));
}

/** How much one path may lead to. */
export type RuleBounds = Readonly<Record<'ruleFolders' | 'ruleFolderDepth' | 'ruleFiles', number>>;

interface Entry {
  readonly real: string;
  readonly isFolder: boolean;
  /** The same for every name of a file or folder, also where it is mounted twice. */
  readonly identity: string;
}

/** What was found below a path so far. */
interface Walk {
  readonly files: { readonly path: string; readonly real: string }[];
  /** Folders looked into, by identity: links may lead back. */
  readonly folders: Set<string>;
}

/** Where a bound was met, and which. */
class TooMany extends Error {
  constructor(
    readonly folder: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The rule files under the paths that a user gives: of a folder those that end as rules do, recursively and in sorted order. Symbolic links are
 * followed. Only regular files are given. What is one file is given once, under the first name, however often and by whatever way it is reached. Of a path that leads to more than the
 * bounds allow, as where a link leads to a whole disk, no file is given.
 */
export class RuleFiles {
  /** What could not be read, and folders with too many rule files or without any. */
  readonly problems: RuleProblem[] = [];
  /** Files by their real paths. */
  readonly #given = new Set<string>();
  readonly #bounds: RuleBounds;

  constructor(bounds: RuleBounds = limits) {
    this.#bounds = bounds;
  }

  /** The files of a path that were not given before; the path itself when it is a file, whatever is passed over in folders. */
  async under(path: string): Promise<readonly string[]> {
    const entry = await this.#entry(path);
    if (entry === undefined) return [];
    if (entry.isFolder) return this.#inFolder(path, entry);
    if (isRule(path)) return this.#give([{ path, real: entry.real }]);
    const endings = [...sigmaEndings, ...scriptEndings].join(', ');
    this.#tell(path, (problems) => problems.openFailed(`a rule file ends in ${endings}`));
    return [];
  }

  async #inFolder(path: string, entry: Entry): Promise<readonly string[]> {
    const walk: Walk = { files: [], folders: new Set() };
    const before = this.problems.length;
    try {
      const isEmpty = !(await this.#collect(path, entry, walk, 0));
      if (isEmpty && this.problems.length === before)
        this.#tell(path, (problems) => problems.absent('no rule file is in this folder'));
    } catch (error) {
      if (!(error instanceof TooMany)) throw error;
      this.problems.length = before;
      this.#tell(error.folder, (problems) => problems.tooMany(`${error.message} ${path}`));
      return [];
    }
    return this.#give(walk.files);
  }

  /** Returns whether there is any rule file. */
  async #collect(folder: string, { identity }: Entry, walk: Walk, depth: number): Promise<boolean> {
    const { ruleFolders, ruleFolderDepth, ruleFiles } = this.#bounds;
    const { files, folders } = walk;
    if (folders.has(identity)) return false;
    if (folders.size === ruleFolders) throw new TooMany(folder, `more than ${ruleFolders} folders are under`);
    if (depth > ruleFolderDepth) throw new TooMany(folder, `this is deeper than ${ruleFolderDepth} folders under`);
    folders.add(identity);
    let found = false;
    for (const { name, mayBeFolder } of await this.#entriesIn(folder)) {
      if (!isRule(name) && !mayBeFolder) continue;
      const path = join(folder, name);
      const entry = await this.#entry(path);
      if (entry?.isFolder) found = (await this.#collect(path, entry, walk, depth + 1)) || found;
      else if (isRule(name)) {
        found = true;
        if (files.length === ruleFiles) throw new TooMany(folder, `more than ${ruleFiles} rule files are under`);
        if (entry !== undefined) files.push({ path, real: entry.real });
      }
    }
    return found;
  }

  #give(files: Walk['files']): readonly string[] {
    const fresh = files.filter(({ real }) => {
      const isNew = !this.#given.has(real);
      this.#given.add(real);
      return isNew;
    });
    return fresh.map(({ path }) => path);
  }

  async #entry(path: string): Promise<Entry | undefined> {
    try {
      const real = await realpath(path);
      const about = await stat(real, { bigint: true });
      // A pipe that nobody writes to would hold up the start, a device might never end.
      if (isRule(path) && !about.isDirectory() && !about.isFile()) throw new Error('it is no regular file');
      return { real, isFolder: about.isDirectory(), identity: `${about.dev} ${about.ino}` };
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
