import type { Micros } from '../../core/time.js';
import { SECOND } from '../../core/time.js';
import type { AnyTableRow, TableRow } from '../../records/host-row.js';

/** What a process ran as, from one row. */
export interface ProcessImage {
  readonly path?: string;
  readonly name?: string;
  readonly cmdline?: string;
  readonly cwd?: string;
  readonly uid?: number;
  readonly parent?: number;
}

/** One process behind a pid at a moment. */
export interface ProcessMoment extends ProcessImage {
  readonly pid: number;
  /** When it started, host clock, as exactly as any row tells; absent when none does. */
  readonly start?: Micros;
  /** First possible moment of its start; absent with `start`. */
  readonly startLo?: Micros;
  readonly startHi?: Micros;
  readonly rows: readonly AnyTableRow[];
}

type ProcessRow = (TableRow<'processes'> | TableRow<'process_events'>) & AnyTableRow;

/** A row about a process, read; its moment lies in [lo, hi]. */
interface Fact {
  readonly kind: 'fork' | 'exec' | 'exit' | 'seen' | 'gone';
  readonly row: ProcessRow;
  readonly lo: Micros;
  readonly hi: Micros;
  /** Start of the process as a poll tells it, whole seconds. */
  readonly start?: Micros;
}

const eventKinds: Readonly<Record<string, Fact['kind']>> = {
  fork: 'fork',
  vfork: 'fork',
  clone: 'fork',
  clone3: 'fork',
  exit: 'exit',
  exit_group: 'exit',
};

/** Polls tell starts in whole seconds counted from the boot, which is itself rounded. */
export const START_SLACK: Micros = 1.1 * SECOND;

interface Birth {
  lo: Micros;
  hi: Micros;
  readonly start: Micros;
}

function isProcessRow(row: AnyTableRow): row is ProcessRow {
  return row.table === 'processes' || row.table === 'process_events';
}

function readFact(row: ProcessRow): Fact {
  const hi = row.time + Math.max(row.resolution, 1) - 1;
  if (row.table === 'process_events') {
    return { kind: eventKinds[row.columns.syscall ?? ''] ?? 'exec', row, lo: row.time, hi };
  }
  const seconds = row.columns.start_time;
  const start = seconds !== undefined && seconds > 0 ? Math.round(seconds * SECOND) : undefined;
  const kind = row.action === 'removed' ? 'gone' : 'seen';
  // The poll before saw the process, within the second that `since` tells where times are that coarse.
  const lo = row.action === 'removed' ? (row.since ?? row.time) + Math.max(row.resolution, 1) - 1 : row.time;
  return { kind, row, lo, hi, ...(start !== undefined && { start }) };
}

/** All that rows tell about one pid: who had it when, and what it ran. Rows may come in any order. */
export class PidHistory {
  readonly #pid: number;
  #facts: Fact[] = [];
  #births: Birth[] | undefined;
  /** The birth of the process that a poll saw or missed. */
  readonly #birthOf = new Map<Fact, Birth>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  get size(): number {
    return this.#facts.length;
  }

  /** Returns whether the row was new. */
  add(row: AnyTableRow): boolean {
    if (!isProcessRow(row)) return false;
    const fact = readFact(row);
    const facts = this.#facts;
    let at = facts.length;
    while (at > 0 && isBefore(fact, facts[at - 1]!)) at--;
    for (let i = at - 1; i >= 0 && facts[i]!.row.time === row.time; i--) {
      if (facts[i]!.row.seq === row.seq && facts[i]!.row.stream === row.stream) return false;
    }
    facts.splice(at, 0, fact);
    this.#births = undefined;
    return true;
  }

  /** Forgets what cannot matter for times from `horizon` on. Returns how many rows went. */
  prune(horizon: Micros): number {
    const births = this.#allBirths();
    const last = births.at(-1);
    const before = this.#facts.length;
    const ended = this.#facts.at(-1);
    if (ended !== undefined && (ended.kind === 'exit' || ended.kind === 'gone') && ended.hi < horizon) {
      this.#facts = [];
    } else if (last !== undefined && last.lo - START_SLACK < horizon) {
      this.#facts = this.#facts.filter((fact) => fact.row.time >= last.lo - 2 * START_SLACK);
    }
    this.#births = undefined;
    return before - this.#facts.length;
  }

  /** Drops the oldest row. */
  dropOldest(): void {
    this.#facts.shift();
    this.#births = undefined;
  }

  /**
   * The process at some moment in [from, to] (host clock), with the image of that moment. `path` is what a socket row says it
   * ran: where times are coarse or missing it decides which image is meant. Undefined when rows do not tell for sure which
   * process it was.
   */
  at(from: Micros, to: Micros, path?: string): ProcessMoment | undefined {
    const found = this.#at(to, path);
    if (found === undefined || from >= to) return found;
    const before = this.#at(from, path);
    const isSameImage = found.rows[0] !== undefined && before?.rows[0] === found.rows[0];
    if (before?.start !== found.start && !isSameImage) return undefined;
    // Of several images within the span, or from before it, none is sure, unless they differ in nothing that is told.
    const images = this.#facts.filter((fact) => {
      if (fact.kind === 'exit' || fact.kind === 'gone' || fact.lo > to) return false;
      if (path !== undefined && fact.row.columns.path !== path) return false;
      return fact.hi >= from ? fact.kind !== 'seen' : !this.#hasEndedBetween(fact, from);
    });
    if (!images.some((fact) => fact.hi >= from)) return found;
    const told = new Set(images.map(({ row: { columns } }) => `${columns.uid} ${columns.parent} ${columns.cmdline}`));
    return told.size > 1 ? undefined : found;
  }

  /** Whether the image was surely over before `until`: its process had ended, or had another image. */
  #hasEndedBetween(image: Fact, until: Micros): boolean {
    return this.#facts.some((fact) => {
      if (fact.lo < image.lo || fact.hi >= until || fact === image) return false;
      return fact.kind === 'exec' || fact.kind === 'fork' || this.#isDeath(fact);
    });
  }

  #at(moment: Micros, path: string | undefined): ProcessMoment | undefined {
    const births = this.#allBirths();
    let index = births.length - 1;
    while (index >= 0 && births[index]!.lo > moment) index--;
    const birth = births[index];
    if (birth !== undefined && birth.hi > moment && !this.#isAlone(index, moment)) return undefined;
    const life = { from: birth?.lo ?? -Infinity, to: births[index + 1]?.hi ?? Infinity, moment, birth };
    const fact = this.#imageFact(life, path);
    if (birth === undefined && fact === undefined) return undefined;
    if (birth !== undefined && fact !== undefined && this.#isOfAnother(birth, fact)) return undefined;
    const state = this.#stateAt(life, fact);
    if (state === 'dead' || (state === 'unsure' && (path === undefined || fact?.kind !== 'exec'))) return undefined;
    return {
      pid: this.#pid,
      ...(birth !== undefined && state === 'alive' && { start: birth.start, startLo: birth.lo, startHi: birth.hi }),
      ...(fact !== undefined && imageOf(fact.row)),
      rows: fact === undefined ? [] : [fact.row],
    };
  }

  /** Whether what a poll saw of this birth shows that the exec was another process's, whose pid came to be used again. */
  #isOfAnother(birth: Birth, image: Fact): boolean {
    if (image.kind !== 'exec') return false;
    const { cmdline, parent, path } = image.row.columns;
    return this.#facts.some((fact) => {
      if (fact.kind !== 'seen' || this.#birthOf.get(fact) !== birth) return false;
      const seen = fact.row.columns;
      if (seen.parent !== undefined && parent !== undefined && seen.parent !== parent && seen.parent !== 1) return true;
      if (seen.cmdline === undefined || cmdline === undefined || seen.cmdline === cmdline || fact.lo < image.lo)
        return false;
      // Servers write what they do over their command line (setproctitle), without an exec.
      if (seen.path !== undefined && seen.path === path && seen.parent === parent) return false;
      return !this.#facts.some((other) => other.kind === 'exec' && other.row.columns.cmdline === seen.cmdline);
    });
  }

  /** Whether the process that had the pid before this birth, if any, was surely gone at `moment`. */
  #isAlone(index: number, moment: Micros): boolean {
    const births = this.#allBirths();
    const before = births[index - 1];
    const birth = births[index]!;
    const isOurs = (fact: Fact): boolean =>
      before !== undefined && fact.start !== undefined
        ? this.#birthOf.get(fact) === before
        : fact.lo >= (before?.lo ?? -Infinity);
    const hadPid = before !== undefined || this.#facts.some((fact) => fact.hi < birth.lo);
    // Somebody who ran a program after that death, or so it may be, had the pid in between.
    const isOvertaken = (death: Fact): boolean =>
      this.#facts.some(
        (fact) => (fact.kind === 'exec' || fact.kind === 'fork') && fact.hi > death.lo && fact.hi < birth.lo,
      );
    const isEnd = (fact: Fact): boolean => isOurs(fact) && fact.hi < moment && this.#isDeath(fact);
    return !hadPid || this.#facts.some((fact) => isEnd(fact) && !isOvertaken(fact));
  }

  /** A poll also drops and adds a row when one of its columns changed: no death if the same process was seen then or later. */
  #isDeath(fact: Fact): boolean {
    if (fact.kind === 'exit') return true;
    if (fact.kind !== 'gone') return false;
    return !this.#facts.some((other) => {
      if (other.kind !== 'seen' || other.row.time < fact.row.time) return false;
      const isOnePoll = other.row.time === fact.row.time && other.row.since === fact.row.since;
      if (!isOnePoll && !isBefore(fact, other)) return false;
      if (other.start === undefined || fact.start === undefined) return isOnePoll;
      return Math.abs(other.start - fact.start) <= 10;
    });
  }

  /** Whether the process lived at the moment. unsure: it was last seen before and no longer seen after. */
  #stateAt(life: Life, image: Fact | undefined): 'alive' | 'dead' | 'unsure' {
    const { from, to, moment, birth } = life;
    let state: 'alive' | 'unsure' = 'alive';
    for (const fact of this.#facts) {
      if (!this.#isDeath(fact)) continue;
      const isOurs =
        fact.start !== undefined && birth !== undefined
          ? this.#birthOf.get(fact) === birth
          : fact.hi >= from && fact.lo <= to;
      if (!isOurs) continue;
      if (fact.hi < moment) {
        if (birth !== undefined || image === undefined || image.lo <= fact.lo) return 'dead';
      } else if (fact.kind === 'gone' && (fact.row.since ?? fact.lo) < moment) state = 'unsure';
    }
    return state;
  }

  /** The row that tells the image at the moment: the last exec or fork before, else what a poll of this life saw. */
  #imageFact(life: Life, path: string | undefined): Fact | undefined {
    const { from, to, moment, birth } = life;
    const agrees = (fact: Fact): boolean => path === undefined || fact.row.columns.path === path;
    let last: Fact | undefined;
    for (const fact of this.#facts) {
      if ((fact.kind !== 'exec' && fact.kind !== 'fork') || fact.lo > moment || fact.hi < from) continue;
      if (fact.hi >= moment && last !== undefined && !agrees(fact)) continue;
      last = fact;
    }
    if (last !== undefined && agrees(last)) return last;
    const execAfter = this.#facts.find((fact) => fact.kind === 'exec' && fact.hi >= moment && fact.lo <= to);
    let seen: Fact | undefined;
    for (const fact of this.#facts) {
      if (fact.kind !== 'seen' || fact.hi < from || fact.row.time > to) continue;
      if (fact.start !== undefined && birth !== undefined && this.#birthOf.get(fact) !== birth) continue;
      if (execAfter !== undefined && fact.hi >= execAfter.lo) continue;
      if (last !== undefined && fact.hi < last.lo) continue;
      if (!agrees(fact)) continue;
      if (seen === undefined || fact.row.time <= moment) seen = fact;
    }
    return seen;
  }

  /** Starts, in order. A fork and the polls of the same process are one; the fork tells the time best. */
  #allBirths(): Birth[] {
    if (this.#births !== undefined) return this.#births;
    const births: Birth[] = [];
    this.#birthOf.clear();
    for (const fact of this.#facts) {
      if (fact.kind === 'fork') births.push({ lo: fact.lo, hi: fact.hi, start: fact.lo });
    }
    const forks = births.length;
    for (const fact of this.#facts) {
      const { start } = fact;
      if (start === undefined) continue;
      const within = (birth: Birth, slack: Micros): boolean =>
        birth.lo >= start - slack && birth.lo < start + SECOND + slack;
      const known = births.slice(0, forks);
      const same =
        known.find((birth) => within(birth, 0) && birth.lo <= fact.hi) ??
        known.find((birth) => within(birth, START_SLACK) && birth.lo <= fact.hi) ??
        births.slice(forks).find((birth) => Math.abs(birth.start - start) <= 10);
      const birth = same ?? { lo: start, hi: Math.min(start + SECOND - 1, fact.hi), start };
      if (same === undefined) births.push(birth);
      this.#birthOf.set(fact, birth);
    }
    births.sort((a, b) => a.lo - b.lo);
    this.#births = births;
    return births;
  }
}

interface Life {
  readonly from: Micros;
  readonly to: Micros;
  readonly moment: Micros;
  readonly birth: Birth | undefined;
}

function isBefore(a: Fact, b: Fact): boolean {
  return a.row.time - b.row.time < 0 || (a.row.time === b.row.time && a.row.seq < b.row.seq);
}

function imageOf(row: ProcessRow): ProcessImage {
  const { path, cmdline, cwd, uid, parent } = row.columns;
  const name = row.table === 'processes' ? row.columns.name : undefined;
  return {
    ...(path && { path }),
    ...(name && { name }),
    ...(cmdline && { cmdline }),
    ...(cwd && { cwd }),
    ...(uid !== undefined && { uid }),
    ...(parent !== undefined && parent > 0 && { parent }),
  };
}
