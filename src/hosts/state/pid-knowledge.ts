import type { ProcessTable } from './process-table.js';

/**
 * Stands for all that rows tell of one pid of a host, until a row about it comes or goes. Whoever worked something out from these rows keeps
 * it here, so that it is worked out once and forgotten in time.
 */
export class PidKnowledge {
  isStale = false;
  /** Of a type that only who put it there knows. */
  found: object | undefined;
  /** The same of what polls tell of. */
  seen: object | undefined;
  /** The same of what depends on the pid and a program alone, which is never stale. */
  told: object | undefined;
  /** The same of it as one of several who may own an end, and of all of these where it is the first; never stale, since compared before use. */
  tied: object | undefined;
  ambiguous: object | undefined;
}

/** Pids of one host of which something is worked out at a time; with more all of it is worked out anew. */
const MAX_PIDS = 4_096;

/** Ancestors of owners that are told apart from other pids. */
const MAX_ELDERS = 64;

/** What is worked out of the pids of one host, until a row changes it. */
export class KnownPids {
  readonly #processes: ProcessTable;
  readonly #host: number;
  #pids: Map<number, PidKnowledge> | undefined;
  #elders: readonly number[] = [];

  /** `processes` is told of which pids something is worked out, so that it is known without a look here that a row outdates nothing. */
  constructor(processes: ProcessTable, host: number) {
    this.#processes = processes;
    this.#host = host;
  }

  /** Stands for what rows tell of the pid now; it is stale once that is no longer all. */
  of(pid: number): PidKnowledge {
    this.#pids ??= new Map();
    const known = this.#pids.get(pid);
    if (known !== undefined) return known;
    if (this.#pids.size >= MAX_PIDS) this.outdateAll();
    const fresh = new PidKnowledge();
    this.#pids.set(pid, fresh);
    this.#processes.mark(this.#host, pid);
    return fresh;
  }

  /** As `of`, undefined where nothing is kept of the pid. */
  ifAny(pid: number): PidKnowledge | undefined {
    return this.#pids?.get(pid);
  }

  /** A row tells something else of the pid. */
  outdate(pid: number): void {
    const known = this.#pids?.get(pid);
    if (known === undefined) return;
    known.isStale = true;
    this.#pids!.delete(pid);
  }

  /** Something is known of the first of the pids by what rows tell of all. Returns whether there was room to remember the others. */
  addElders([, ...elders]: readonly number[]): boolean {
    const fresh = elders.filter((pid) => !this.#elders.includes(pid));
    if (fresh.length === 0) return true;
    const isFull = this.#elders.length + fresh.length > MAX_ELDERS;
    if (isFull) this.outdateAll();
    this.#elders = isFull ? elders : [...this.#elders, ...fresh];
    return !isFull;
  }

  /** Whether something may be known of another pid by what rows tell of this one. */
  isElder(pid: number): boolean {
    return this.#elders.includes(pid);
  }

  outdateAll(): void {
    if (this.#pids === undefined) return;
    for (const known of this.#pids.values()) known.isStale = true;
    this.#pids.clear();
  }
}
