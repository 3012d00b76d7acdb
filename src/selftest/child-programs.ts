import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CorrelateError } from '../core/errors.js';

/** `native/selftest`, built; it makes the traffic and the namespaces. */
export const trafficProgram = fileURLToPath(new URL('../../build/traffic', import.meta.url));

/** @throws CorrelateError SELFTEST_FAILED when it is not built */
export function needTrafficProgram(): void {
  if (existsSync(trafficProgram)) return;
  throw new CorrelateError(
    'SELFTEST_FAILED',
    'the program that makes the traffic is not built: apt-get install -y g++ && node scripts/build-native.mjs',
  );
}

/** Exit code of the traffic program for what this machine cannot do. */
export const CANNOT = 77;
/** A program that takes longer to answer, or to end when it was asked to, is killed. */
const PATIENCE_MS = 30_000;

export interface ChildEnd {
  /** Absent when a signal ended it. */
  readonly code?: number;
  readonly lines: readonly string[];
  /** What it said on standard error. */
  readonly said: string;
}

/** A program that runs, its standard input open: closing that asks the traffic program to end. */
export class Child {
  readonly lines: string[] = [];
  said = '';
  readonly ended: Promise<ChildEnd>;
  hasEnded = false;
  #wake: (() => void)[] = [];

  constructor(
    readonly process: ChildProcess,
    readonly name: string,
  ) {
    let rest = '';
    process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#wakeAll();
    });
    process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
      this.#wakeAll();
    });
    // A program that is gone cannot be told to end.
    process.stdin!.on('error', () => {});
    this.ended = new Promise((resolve) => {
      process.on('error', (error) => {
        this.said += error.message;
      });
      process.on('close', (code) => {
        this.hasEnded = true;
        resolve({ lines: this.lines, said: this.said.trim(), ...(code !== null && { code }) });
        this.#wakeAll();
      });
    });
  }

  /** Resolves with what `find` gives as soon as it gives something, and with undefined when the program ended without or took too long. */
  async until<T>(find: () => T | undefined): Promise<T | undefined> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wakeAll();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const found = find();
        if (found !== undefined || late || this.hasEnded) return found;
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks it to end, by the signal or else by the end of its input, and waits for that. */
  async end(signal?: NodeJS.Signals): Promise<ChildEnd> {
    if (signal === undefined) this.process.stdin!.end();
    else this.process.kill(signal);
    return this.wait();
  }

  /** Waits until it has ended by itself. */
  async wait(): Promise<ChildEnd> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), PATIENCE_MS);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** All programs of a selftest. Each also ends when this process does, however that ends. */
export class ChildPrograms {
  readonly #running = new Set<Child>();
  #isClosed = false;

  start(command: readonly string[]): Child {
    if (this.#isClosed) throw new CorrelateError('SELFTEST_FAILED', 'the selftest was ended');
    const [file, ...args] = command;
    const child = new Child(spawn(file!, args, { stdio: ['pipe', 'pipe', 'pipe'] }), command.join(' '));
    this.#running.add(child);
    void child.ended.then(() => this.#running.delete(child));
    return child;
  }

  /** Kills what runs, lets nothing be started any more, and waits until all is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running];
    for (const { process } of running) process.kill('SIGKILL');
    await Promise.all(running.map(({ ended }) => ended));
  }
}
