import type { Micros } from '../../core/time.js';
import { SECOND } from '../../core/time.js';
import { containerOf } from '../container.js';
import { type Birth, ProcessRecord } from './process-record.js';

/** What a process ran as, from one row. */
export interface ProcessImage {
  readonly path?: string;
  readonly name?: string;
  readonly cmdline?: string;
  readonly cwd?: string;
  readonly uid?: number;
  readonly parent?: number;
  /** Id of its container; absent where it is in none, or no row tells of its control group. */
  readonly container?: string;
}

/** One process behind a pid at a moment. */
export interface ProcessMoment extends ProcessImage {
  readonly pid: number;
  /** When it started, host clock, as exactly as any row tells; absent when none does. */
  readonly start?: Micros;
  /** First possible moment of its start; absent with `start`. */
  readonly startLo?: Micros;
  readonly startHi?: Micros;
  /** The first row that told of its start came about this moment. */
  readonly toldAt?: Micros;
  /** The row that tells what it ran. */
  readonly image?: ProcessRecord;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Polls tell starts in whole seconds counted from the boot, which is itself rounded. */
export const START_SLACK: Micros = 1.1 * SECOND;

/** All that rows tell about one pid, in order of time and sequence: who had it when, and what it ran. */
export class PidHistory {
  readonly #facts: readonly ProcessRecord[];
  #births: Birth[] | undefined;

  /** `facts` are nobody else's; `isPartial`: rows about the pid had to be forgotten. */
  constructor(
    readonly pid: number,
    facts: readonly ProcessRecord[],
    readonly isPartial = false,
  ) {
    this.#facts = facts;
  }

  /** What rows of this span alone tell. */
  within({ after, until }: { readonly after: Micros; readonly until: Micros }): PidHistory {
    const facts = this.#facts.filter(({ time, hi }) => hi > after && time <= until);
    return facts.length === this.#facts.length ? this : new PidHistory(this.pid, facts.map(copyOf), this.isPartial);
  }

  /** The rows that cannot matter for times from `horizon` on, of a pid whose last row does not tell of an end before it. */
  needless(horizon: Micros): readonly ProcessRecord[] {
    const last = this.#allBirths().at(-1);
    if (last === undefined || last.lo - START_SLACK >= horizon) return [];
    return this.#facts.filter((fact) => fact.time < last.lo - 2 * START_SLACK);
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
    const one = this.#within(from, to, path, found, before);
    const isAnotherUser = one !== undefined && before?.uid !== one.uid && this.#changesUser(from, to);
    return isAnotherUser ? withoutUser(one) : one;
  }

  /** Who it was all the time from `before` to `found`; undefined where that is not sure. */
  #within(
    from: Micros,
    to: Micros,
    path: string | undefined,
    found: ProcessMoment,
    before: ProcessMoment | undefined,
  ): ProcessMoment | undefined {
    const isSameImage = found.image !== undefined && before?.image === found.image;
    if (before?.start !== found.start && !isSameImage) return undefined;
    // Of several images within the span, or from before it, none is sure, unless they differ in nothing that is told.
    const images = this.#facts.filter((fact) => {
      if (fact.kind === 'exit' || fact.kind === 'gone' || fact.kind === 'user' || fact.lo > to) return false;
      if (path !== undefined && fact.path !== path) return false;
      return fact.hi >= from ? fact.kind !== 'seen' : !this.#hasEndedBetween(fact, from);
    });
    if (!images.some((fact) => fact.hi >= from)) return found;
    const told = new Set(images.map(({ uid, parent, cmdline }) => `${uid} ${parent} ${cmdline}`));
    if (told.size > 1) return undefined;
    return areOfOneContainer(images) ? found : withoutContainer(found);
  }

  /**
   * The span around [from, to], its ends not included, in which `at` gives one answer: no row tells of anything that began or ended in
   * it. Undefined when some does within [from, to].
   */
  calmAround(from: Micros, to: Micros): { readonly from: Micros; readonly to: Micros } | undefined {
    let [low, high] = [-Infinity, Infinity];
    const pass = (moment: Micros): void => {
      if (moment < from) low = Math.max(low, moment);
      else if (moment > to) high = Math.min(high, moment);
      else low = Infinity;
    };
    for (const { lo, hi, time, since, start } of this.#facts) {
      pass(lo);
      pass(hi);
      pass(time);
      if (since !== undefined) pass(since);
      if (start !== undefined) pass(start - START_SLACK);
    }
    for (const { lo, hi } of this.#allBirths()) {
      pass(lo);
      pass(hi);
    }
    return low === Infinity ? undefined : { from: low, to: high };
  }

  /** The last moment that any row is about. */
  get lastTold(): Micros {
    return this.#facts.reduce((last, { hi }) => Math.max(last, hi), -Infinity);
  }

  /** Whether the image was surely over before `until`: its process had ended, or had another image. */
  #hasEndedBetween(image: ProcessRecord, until: Micros): boolean {
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
    if (path !== undefined && fact !== undefined && this.#isBesideChild(fact, moment, state)) return undefined;
    if (state === 'dead' || (state === 'unsure' && (path === undefined || fact?.kind !== 'exec'))) return undefined;
    const found: Mutable<ProcessMoment> = { pid: this.pid };
    if (birth !== undefined && state === 'alive') {
      found.start = birth.start;
      found.startLo = birth.lo;
      found.startHi = birth.hi;
      found.toldAt = birth.toldAt;
    }
    if (fact !== undefined) tellImage(found, fact, this.#userAt(moment, fact), fact.cgroup ?? this.#cgroupSeen(birth));
    return found;
  }

  /**
   * Whether a child of another process, or of the same where the one that ran the image may have been gone or cannot have run both, had the pid
   * when it ran a program within the coarse moment, where no forks are told: from its fork on it ran what its parent runs, which may be the same.
   */
  #isBesideChild(image: ProcessRecord, moment: Micros, state: 'alive' | 'dead' | 'unsure'): boolean {
    const { parent } = image;
    if (parent === undefined) return false;
    return this.#facts.some((fact) => {
      if (fact.kind !== 'exec' || fact === image || fact.lo > moment || fact.hi < moment) return false;
      const [first, next] = isBefore(image, fact) ? [image, fact] : [fact, image];
      // A parent that ended is followed by the first process.
      if (fact.parent === undefined || next.parent === 1) return false;
      const mayHaveGone = first === image && state === 'unsure';
      const isChild = fact.parent !== parent || mayHaveGone || this.#changesHands(first, next);
      return isChild && !this.#facts.some((other) => other.kind === 'fork' && isBefore(first, other));
    });
  }

  /** Whether a program after `first`, up to `next`, ran as a user that who ran the one before it cannot have become. */
  #changesHands(first: ProcessRecord, next: ProcessRecord): boolean {
    let before = first;
    for (const fact of this.#facts) {
      if (fact.kind !== 'exec' || !isBefore(first, fact) || isBefore(next, fact)) continue;
      if (!mayBecome(before, fact.uid)) return true;
      before = fact;
    }
    return false;
  }

  /** Who the process was then: the user that its image came with, unless it has changed since, without an exec. */
  #userAt(moment: Micros, image: ProcessRecord): number | undefined {
    let { uid } = image;
    for (const fact of this.#facts) {
      if (fact.kind !== 'user') continue;
      if (fact.lo <= moment && fact.hi >= image.lo) uid = fact.uid;
      // A later poll saw who it had become.
      else if (fact.lo > moment && fact.hi <= image.lo) return undefined;
    }
    return uid;
  }

  #changesUser(from: Micros, to: Micros): boolean {
    return this.#facts.some((fact) => fact.kind === 'user' && fact.hi >= from && fact.lo <= to);
  }

  /** The control group that a poll saw this process in, for sources whose events do not tell it. */
  #cgroupSeen(birth: Birth | undefined): string | undefined {
    if (birth === undefined) return undefined;
    return this.#facts.find((fact) => fact.cgroup !== undefined && fact.birth === birth)?.cgroup;
  }

  /** Whether what a poll saw of this birth shows that the exec was another process's, whose pid came to be used again. */
  #isOfAnother(birth: Birth, image: ProcessRecord): boolean {
    // A parent that ends is followed by a subreaper, which may be any process above it.
    if (image.kind !== 'exec' || birth.isForked) return false;
    const { cmdline, parent, path } = image;
    return this.#facts.some((fact) => {
      if (fact.kind !== 'seen' || fact.birth !== birth) return false;
      const seen = fact;
      // Where no forks are told, what it ran must show that it is the same.
      const isAlike = cmdline !== undefined && seen.cmdline === cmdline && seen.path === path;
      if (seen.parent !== undefined && parent !== undefined && seen.parent !== parent && seen.parent !== 1)
        return !isAlike;
      if (seen.cmdline === undefined || cmdline === undefined || seen.cmdline === cmdline || fact.lo < image.lo)
        return false;
      // Servers write what they do over their command line (setproctitle), without an exec.
      if (seen.path !== undefined && seen.path === path && seen.parent === parent) return false;
      return !this.#facts.some((other) => other.kind === 'exec' && other.cmdline === seen.cmdline);
    });
  }

  /** Whether the process that had the pid before this birth, if any, was surely gone at `moment`. */
  #isAlone(index: number, moment: Micros): boolean {
    const births = this.#allBirths();
    const before = births[index - 1];
    const birth = births[index]!;
    const isOurs = (fact: ProcessRecord): boolean =>
      before !== undefined && fact.start !== undefined ? fact.birth === before : fact.lo >= (before?.lo ?? -Infinity);
    const hadPid = before !== undefined || this.isPartial || this.#facts.some((fact) => fact.hi < birth.lo);
    // Somebody who ran a program after that death, or so it may be, had the pid in between.
    const isOvertaken = (death: ProcessRecord): boolean =>
      this.#facts.some(
        (fact) => (fact.kind === 'exec' || fact.kind === 'fork') && fact.hi > death.lo && fact.hi < birth.lo,
      );
    const isEnd = (fact: ProcessRecord): boolean => isOurs(fact) && fact.hi < moment && this.#isDeath(fact);
    return !hadPid || this.#facts.some((fact) => isEnd(fact) && !isOvertaken(fact));
  }

  /**
   * A poll also drops and adds a row when one of its columns changed: no death if the same process was seen then or later. What a poll no
   * longer shows is told before what it shows anew, so that a row told before its removal is of an earlier poll, however alike the times.
   */
  #isDeath(fact: ProcessRecord): boolean {
    if (fact.kind === 'exit') return true;
    if (fact.kind !== 'gone') return false;
    return !this.#facts.some((other) => {
      if (other.kind !== 'seen' || !isBefore(fact, other)) return false;
      if (other.start === undefined || fact.start === undefined) {
        return other.time === fact.time && other.since === fact.since;
      }
      return Math.abs(other.start - fact.start) <= 10;
    });
  }

  /** Whether the process lived at the moment. unsure: it was last seen before and no longer seen after. */
  #stateAt(life: Life, image: ProcessRecord | undefined): 'alive' | 'dead' | 'unsure' {
    const { from, to, moment, birth } = life;
    let state: 'alive' | 'unsure' = 'alive';
    for (const fact of this.#facts) {
      if (!this.#isDeath(fact)) continue;
      const isOurs =
        fact.start !== undefined && birth !== undefined ? fact.birth === birth : fact.hi >= from && fact.lo <= to;
      if (!isOurs) continue;
      if (fact.hi < moment) {
        if (birth !== undefined || image === undefined || image.lo <= fact.lo) return 'dead';
      } else if (fact.kind === 'gone' && (fact.since ?? fact.lo) < moment) state = 'unsure';
    }
    return state;
  }

  /** The row that tells the image at the moment: the last exec or fork before, else what a poll of this life saw. */
  #imageFact(life: Life, path: string | undefined): ProcessRecord | undefined {
    const { from, to, moment, birth } = life;
    const agrees = (fact: ProcessRecord): boolean => path === undefined || fact.path === path;
    let last: ProcessRecord | undefined;
    for (const fact of this.#facts) {
      if ((fact.kind !== 'exec' && fact.kind !== 'fork') || fact.lo > moment || fact.hi < from) continue;
      if (fact.hi >= moment && last !== undefined && !agrees(fact)) continue;
      last = fact;
    }
    if (last !== undefined && agrees(last)) return last;
    const execAfter = this.#facts.find((fact) => fact.kind === 'exec' && fact.hi >= moment && fact.lo <= to);
    let seen: ProcessRecord | undefined;
    for (const fact of this.#facts) {
      if (fact.kind !== 'seen' || fact.hi < from || fact.time > to) continue;
      if (fact.start !== undefined && (birth === undefined ? isAfter(fact.start, moment) : fact.birth !== birth))
        continue;
      if (execAfter !== undefined && fact.hi >= execAfter.lo) continue;
      if (last !== undefined && fact.hi < last.lo) continue;
      if (!agrees(fact)) continue;
      if (seen === undefined || fact.time <= moment) seen = fact;
    }
    return seen;
  }

  /** Starts, in order. A fork and the polls of the same process are one; the fork tells the time best. */
  #allBirths(): readonly Birth[] {
    if (this.#births !== undefined) return this.#births;
    const births: Birth[] = [];
    for (const { kind, lo, hi } of this.#facts) {
      if (kind === 'fork') births.push({ lo, hi, start: lo, toldAt: hi, isForked: true });
    }
    const forks = births.length;
    for (const fact of this.#facts) {
      const { start, hi } = fact;
      if (start === undefined) continue;
      let birth = birthAt(births, forks, start, hi);
      if (birth === undefined) {
        birth = { lo: start, hi: Math.min(start + SECOND - 1, hi), start, toldAt: hi, isForked: false };
        births.push(birth);
      }
      birth.toldAt = Math.min(birth.toldAt, hi);
      fact.birth = birth;
    }
    if (births.length > 1) births.sort((a, b) => a.lo - b.lo);
    this.#births = births;
    return births;
  }
}

/** Each history finds its own births. */
function copyOf({ rows, handle }: ProcessRecord): ProcessRecord {
  return new ProcessRecord(rows, handle);
}

/** The birth that a poll until `until` tells to have been at `start`: one of the first `forks`, or what an earlier row of a poll tells. */
function birthAt(births: readonly Birth[], forks: number, start: Micros, until: Micros): Birth | undefined {
  const forked = forkAt(births, forks, start, 0, until) ?? forkAt(births, forks, start, START_SLACK, until);
  if (forked !== undefined) return forked;
  for (let i = forks; i < births.length; i++) if (Math.abs(births[i]!.start - start) <= 10) return births[i];
  return undefined;
}

function forkAt(
  births: readonly Birth[],
  forks: number,
  start: Micros,
  slack: Micros,
  until: Micros,
): Birth | undefined {
  for (let i = 0; i < forks; i++) {
    const birth = births[i]!;
    if (birth.lo >= start - slack && birth.lo < start + SECOND + slack && birth.lo <= until) return birth;
  }
  return undefined;
}

interface Life {
  readonly from: Micros;
  readonly to: Micros;
  readonly moment: Micros;
  readonly birth: Birth | undefined;
}

/** Whether a process that a poll tells to have started then had not yet, however coarse that is. */
function isAfter(start: Micros, moment: Micros): boolean {
  return start - START_SLACK > moment;
}

function isBefore(a: ProcessRecord, b: ProcessRecord): boolean {
  return a.time < b.time || (a.time === b.time && a.seq < b.seq);
}

/** Whether who ran a program may run the next one as that user: only root may become who it is not yet, not even in effect. */
function mayBecome({ uid, euid = uid }: ProcessRecord, user: number | undefined): boolean {
  return uid === undefined || user === undefined || uid === 0 || euid === 0 || user === uid || user === euid;
}

/** Whether none of the rows names another container than the others; a row without a control group names none. */
function areOfOneContainer(facts: readonly ProcessRecord[]): boolean {
  const told = facts.flatMap(({ cgroup }) => (cgroup === undefined ? [] : [containerOf(cgroup)]));
  return new Set(told).size <= 1;
}

function withoutContainer({ container: _, ...moment }: ProcessMoment): ProcessMoment {
  return moment;
}

function withoutUser({ uid: _, ...moment }: ProcessMoment): ProcessMoment {
  return moment;
}

/** Adds what a row tells. Step by step, since it is done for every process that is looked up. */
function tellImage(
  found: Mutable<ProcessMoment>,
  image: ProcessRecord,
  uid: number | undefined,
  cgroup: string | undefined,
): void {
  const { path, name, cmdline, cwd, parent } = image;
  const container = cgroup === undefined ? undefined : containerOf(cgroup);
  found.image = image;
  if (path !== undefined) found.path = path;
  if (name !== undefined) found.name = name;
  if (cmdline !== undefined) found.cmdline = cmdline;
  if (cwd !== undefined) found.cwd = cwd;
  if (uid !== undefined) found.uid = uid;
  if (parent !== undefined && parent > 0) found.parent = parent;
  if (container !== undefined) found.container = container;
}
