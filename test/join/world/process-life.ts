import { type Micros, SECOND } from '../../../src/core/time.js';
import type { Host } from './host.js';
import type { Netns } from './netns.js';

export interface Image {
  readonly from: Micros;
  readonly path: string;
  readonly cmdline: string;
}

/** A process as it truly was. Its identity is (host, pid, start); exec changes the image only. */
export interface Process {
  readonly host: Host;
  readonly netns: Netns;
  readonly pid: number;
  readonly start: Micros;
  readonly parent: Process | undefined;
  readonly uid: number;
  readonly images: Image[];
  exit?: Micros;
}

export function imageAt(process: Process, at: Micros): Image {
  let found = process.images[0]!;
  for (const image of process.images) if (image.from <= at) found = image;
  return found;
}

export function isAlive(process: Process, at: Micros): boolean {
  return process.start <= at && (process.exit === undefined || at < process.exit);
}

const programs = ['curl', 'nginx', 'sshd', 'python3', 'postgres', 'node', 'wget', 'dnsmasq'] as const;

/** Gives out pids in order and starts again at the bottom, as Linux does, from a space so small that they come back soon. */
export class ProcessTable {
  readonly all: Process[] = [];
  readonly #host: Host;
  readonly #space: number;
  #next = 0;
  reused = 0;

  readonly #hasFreshForks: boolean;
  #fresh = 100_000;

  constructor(host: Host, space: number, hasFreshForks: boolean) {
    this.#host = host;
    this.#space = space;
    this.#hasFreshForks = hasFreshForks;
  }

  get alive(): Process[] {
    return this.all.filter((process) => process.exit === undefined);
  }

  /** Undefined when every pid is taken. `execs`: it runs another program at once. `netns`: by default that of its parent. */
  fork(
    parent: Process | undefined,
    uid: number,
    at: Micros,
    execs = false,
    netns = parent?.netns ?? this.#host.own,
  ): Process | undefined {
    if (this.#hasFreshForks && !execs) return this.#born(this.#fresh++, parent, uid, at, netns);
    const taken = new Set(this.alive.map((process) => process.pid));
    for (let tried = 0; tried < this.#space; tried++) {
      const pid = 100 + (this.#next++ % this.#space);
      if (taken.has(pid) || this.#looksLikeOne(pid, parent, uid, at)) continue;
      return this.#born(pid, parent, uid, at, netns);
    }
    return undefined;
  }

  /**
   * Whether sources that tell of programs alone, in whole seconds, would show one process that gives up the privileges of root between two
   * programs, as those of containers and services do. On a true host no pid comes back within a second.
   */
  #looksLikeOne(pid: number, parent: Process | undefined, uid: number, at: Micros): boolean {
    if (!this.#hasFreshForks || uid === 0) return false;
    const second = (moment: Micros): number => Math.floor(this.#host.clock(moment) / SECOND);
    const hadPid = (other: Process): boolean => other.pid === pid && other.parent?.pid === parent?.pid;
    return this.all.some(
      (other) => other.uid === 0 && hadPid(other) && second(other.images.at(-1)!.from) === second(at),
    );
  }

  #born(pid: number, parent: Process | undefined, uid: number, at: Micros, netns: Netns): Process {
    const image = parent === undefined ? { path: '/sbin/init', cmdline: 'init' } : imageAt(parent, at);
    const images = [{ from: at, path: image.path, cmdline: image.cmdline }];
    const process: Process = { host: this.#host, netns, pid, start: at, parent, uid, images };
    if (this.all.some((other) => other.pid === pid)) this.reused++;
    this.all.push(process);
    this.#host.facts.push({ kind: 'fork', at, process });
    return process;
  }

  exec(process: Process, at: Micros, choice: number): void {
    const name = programs[choice % programs.length]!;
    // A running number makes every image of the world its own, so that a stale one cannot pass as the right one.
    const image = {
      from: at,
      path: `/usr/bin/${name}`,
      cmdline: `${name} --run ${this.all.length}.${process.images.length}`,
    };
    process.images.push(image);
    this.#host.facts.push({ kind: 'exec', at, process, image });
  }

  crash(at: Micros): void {
    for (const process of this.alive) process.exit = at;
  }

  boot(): void {
    this.#next = 0;
  }

  exit(process: Process, at: Micros): void {
    process.exit = at;
    this.#host.facts.push({ kind: 'exit', at, process });
  }
}
