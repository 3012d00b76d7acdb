import type { Micros } from '../core/time.js';
import type { AttributedEnd, Process } from './attributed-connection.js';

type Owner = Pick<AttributedEnd, 'host' | 'clock' | 'user'>;

/**
 * A process as lines show it; all ends that are its own share one. What it does not have it has no property for. It remembers where who writes
 * lines keeps the text of its last owner.
 */
export class ShownProcess implements Process {
  // Ahead of what it has, so that whether its text is there is asked in one line of memory.
  #round = 0;
  #from = 0;
  #length = 0;
  #host: Owner['host'] | undefined;
  #clock: Owner['clock'];
  #user: Owner['user'];
  readonly pid: number;
  declare readonly start?: Micros;
  declare readonly name?: string;
  declare readonly path?: string;
  declare readonly cmdline?: string;
  declare readonly cwd?: string;
  declare readonly ancestors?: NonNullable<Process['ancestors']>;

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

  /** Whether its text was kept in this round, as that of this owner. */
  hasTextOf({ host, clock, user }: Owner, round: number): boolean {
    return this.#round === round && this.#host === host && this.#clock === clock && this.#user === user;
  }

  /** Whether its text was kept in this round, of whichever owner. */
  hasText(round: number): boolean {
    return this.#round === round;
  }

  /** Where its text begins, where it has one. */
  get textFrom(): number {
    return this.#from;
  }

  get textLength(): number {
    return this.#length;
  }

  keepText({ host, clock, user }: Owner, round: number, from: number, length: number): void {
    this.#round = round;
    this.#from = from;
    this.#length = length;
    this.#host = host;
    this.#clock = clock;
    this.#user = user;
  }
}
