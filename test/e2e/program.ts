import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The program as a user starts it; `npm test` has built it. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const bin = fileURLToPath(new URL('../../bin/correlate.js', import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON lines of the program's log, on stderr. */
  readonly log: readonly {
    readonly level: number;
    readonly msg: string;
    readonly code?: string;
    readonly where?: string;
    readonly count?: number;
  }[];
}

/** Runs the program to its end. */
export function correlate(
  args: readonly string[],
  options: { input?: Buffer; prefix?: readonly string[] } = {},
): Ended {
  const [command, ...rest] = [...(options.prefix ?? []), process.execPath, bin, ...args];
  const { status, stdout, stderr } = spawnSync(command!, rest, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...(options.input !== undefined && { input: options.input }),
  });
  return { status, stdout, stderr, log: jsonLines(stderr) as Ended['log'] };
}

export function jsonLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown);
}

/** A running program whose output lines arrive with the time they came. */
export class Running {
  readonly child: ChildProcess;
  readonly lines: { readonly at: number; readonly text: string }[] = [];
  stderr = '';
  readonly ended: Promise<number | null>;
  #waiting: (() => void)[] = [];

  /** `input` is written to its standard input, which then stays open. */
  constructor(command: readonly string[], input?: Buffer) {
    const [file, ...args] = command;
    this.child = spawn(file!, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
    if (input === undefined) this.child.stdin!.end();
    else this.child.stdin!.write(input);
    let rest = '';
    this.child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop()!;
      for (const text of parts) this.lines.push({ at: Date.now(), text });
      this.#wake();
    });
    this.child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
      this.#wake();
    });
    this.ended = new Promise((resolve) => this.child.on('close', (code) => resolve(code)));
    void this.ended.then(() => this.#wake());
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves with what `find` gives as soon as it gives something; rejects after `ms` or when the program ended without it. */
  async until<T>(what: string, find: () => T | undefined, ms = 120_000): Promise<T> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (Date.now() > deadline || this.child.exitCode !== null) {
        throw new Error(
          `did not see ${what}; stderr:\n${this.stderr}\nstdout:\n${this.lines.map((l) => l.text).join('\n')}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Ends the program if it still runs. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}
