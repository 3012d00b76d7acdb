import type { Micros } from '../core/time.js';
import type { Process } from './attributed-connection.js';

/** A process as lines show it; all ends that are its own share one. What it does not have it has no property for. */
export class ShownProcess implements Process {
  readonly pid: number;
  declare readonly start?: Micros;
  declare readonly name?: string;
  declare readonly path?: string;
  declare readonly cmdline?: string;
  declare readonly cwd?: string;
  declare readonly ancestors?: NonNullable<Process['ancestors']>;
  /** What lines say of it, of a type that only who writes them knows. */
  #text: object | undefined;

  constructor(
    pid: number,
    start: Micros | undefined,
    name: string | undefined,
    path: string | undefined,
    cmdline: string | undefined,
    cwd: string | undefined,
    ancestors: NonNullable<Process['ancestors']>,
  ) {
    this.pid = pid;
    if (start !== undefined) this.start = start;
    if (name !== undefined) this.name = name;
    if (path !== undefined) this.path = path;
    if (cmdline !== undefined) this.cmdline = cmdline;
    if (cwd !== undefined) this.cwd = cwd;
    if (ancestors.length > 0) this.ancestors = ancestors;
  }

  get text(): object | undefined {
    return this.#text;
  }
  set text(text: object | undefined) {
    this.#text = text;
  }
}
