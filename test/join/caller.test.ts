import { describe, expect, it } from 'vitest';
import type { HostNews } from '../../src/hosts/state/host-context.js';
import { defaultHostLimits } from '../../src/hosts/state/host-limits.js';
import type { HostState } from '../../src/hosts/state/host-state.js';
import { HostStates } from '../../src/hosts/state/host-states.js';
import { type Caller, callerOf, standingCaller, toldProcess } from '../../src/join/caller.js';
import { shownProcess } from '../../src/join/end-record.js';
import type { AnyTableRow } from '../../src/records/host-row.js';
import { Random } from './world/random.js';

/** No user enters. */
const nobody = (): never => {
  throw new Error('nobody');
};

const s = 1_000_000;
const deaf: HostNews = {
  socket: () => undefined,
  translation: () => undefined,
  blankAccepts: () => undefined,
  address: () => undefined,
};
const paths = ['/bin/sh', '/usr/bin/curl', '/usr/bin/nginx'];

const hostOf = (limits = defaultHostLimits): HostState => new HostStates(limits, 1, deaf, nobody).open('a')!;

function randomRow(random: Random, seq: number): AnyTableRow {
  const pid = random.int(2, 7);
  const parent = random.int(1, 7);
  const time = random.int(1, 60) * (s / 2);
  const path = random.pick(paths);
  const about = { pid, parent, path, cmdline: `${path} ${random.int(1, 2)}`, uid: random.int(0, 2) };
  const base = { kind: 'row', host: 'a', time, seq } as const;
  const row = random.chance(0.6)
    ? {
        ...base,
        stream: 'process_events',
        table: 'process_events',
        action: 'event',
        resolution: random.pick([1, s]),
        columns: { ...about, syscall: random.pick(['fork', 'execve', 'setresuid', 'exit']) },
      }
    : {
        ...base,
        stream: 'processes',
        table: 'processes',
        action: random.pick(['added', 'removed'] as const),
        since: time - s,
        resolution: s,
        columns: { ...about, name: 'n', start_time: Math.floor(time / s) - random.int(0, 3) },
      };
  return row as unknown as AnyTableRow;
}

const shown = ({ process, isFound, uid, image }: Caller) => ({ process, isFound, uid, hasImage: image !== undefined });

describe('the caller of a call', () => {
  it('is the same however often and in whatever order it was asked for, while rows come and go', () => {
    let shared = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const random = new Random(seed);
      const limits = { ...defaultHostLimits, processRows: random.pick([6, 1_000]) };
      const host = hostOf(limits);
      const rows: AnyTableRow[] = [];
      const progress: (readonly ['complete' | 'lost', number])[] = [];
      const apply = (to: HostState, [kind, at]: (typeof progress)[number]): void => {
        for (const stream of ['process_events', 'processes']) {
          if (kind === 'complete') to.progress.complete(stream, at);
          else to.progress.lost(stream, at, at + s);
        }
      };
      for (let step = 0; step < 40; step++) {
        if (random.chance(0.4)) {
          const row = randomRow(random, step);
          rows.push(row);
          host.add(row);
        }
        if (random.chance(0.2) || random.chance(0.02)) {
          const change = [random.chance(0.9) ? 'complete' : 'lost', random.int(1, 80) * (s / 2)] as const;
          progress.push(change);
          apply(host, change);
        }
        const lo = random.int(1, 70) * (s / 2) + random.int(-1, 1);
        const hi = lo + random.pick([0, s - 1]);
        const [pid, path] = [random.int(1, 7), random.pick([...paths, undefined])];
        // Asked for once, and anew of a host that was never asked.
        const fresh = hostOf(limits);
        for (const row of rows) fresh.add(row);
        for (const change of progress) apply(fresh, change);
        const first = callerOf(host, pid, lo, hi, path);
        const second = callerOf(host, pid, lo, hi, path);
        const third = callerOf(host, pid, lo, hi, path);
        if (second.process === third.process) shared++;
        const expected = shown(callerOf(fresh, pid, lo, hi, path));
        for (const caller of [first, second, third])
          expect(shown(caller), `seed ${seed} step ${step}`).toEqual(expected);
      }
    }
    expect(shared).toBeGreaterThan(250);
  });

  it('of a poll is one and the same all the time for which it is told, while rows come', () => {
    let told = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const host = hostOf();
      for (let step = 0; step < 40; step++) {
        if (random.chance(0.4)) host.add(randomRow(random, step));
        const until = random.int(1, 80) * (s / 2);
        if (random.chance(0.2))
          for (const stream of ['process_events', 'processes']) host.progress.complete(stream, until);
        const pid = random.int(1, 7);
        const moment = random.int(1, 70) * (s / 2) + random.int(-1, 1);
        const [lo, hi] = [moment - random.pick([0, 1_000, s]), moment + random.pick([0, 1_000, s])];
        for (let times = 0; times < 2; times++) {
          const caller = standingCaller(host, pid, moment, lo, hi);
          if (caller === undefined) continue;
          told++;
          const found = host.processes.at(pid, moment, moment);
          const { process, uid, isFound } = caller;
          expect({ process, uid, isFound }, `seed ${seed} step ${step}`).toEqual({
            process: shownProcess(host, pid, undefined, found, moment),
            uid: found?.uid,
            isFound: found !== undefined,
          });
          for (const at of [lo, hi]) {
            const other = host.processes.at(pid, at, at);
            const same = [other?.start, other?.image?.handle, other?.uid];
            expect(same, `seed ${seed} step ${step}`).toEqual([found?.start, found?.image?.handle, found?.uid]);
          }
        }
      }
    }
    expect(told).toBeGreaterThan(1_000);
  });

  it('is worked out anew when a row about an ancestor comes', () => {
    const host = hostOf();
    const event = (
      pid: number,
      parent: number,
      syscall: string,
      path: string,
      time: number,
      seq: number,
    ): AnyTableRow =>
      ({
        kind: 'row',
        host: 'a',
        stream: 'process_events',
        table: 'process_events',
        action: 'event',
        time,
        resolution: 1,
        seq,
        columns: { pid, parent, syscall, path, uid: 0 },
      }) as unknown as AnyTableRow;
    host.add(event(4, 1, 'fork', '/bin/login', 1 * s, 0));
    host.add(event(5, 4, 'fork', '/bin/sh', 3 * s, 1));
    host.progress.complete('process_events', 10 * s);
    const ancestor = () => callerOf(host, 5, 5 * s, 5 * s, '/bin/sh').process.ancestors?.[0]?.path;
    expect([ancestor(), ancestor(), ancestor()]).toEqual(['/bin/login', '/bin/login', '/bin/login']);
    const { process } = callerOf(host, 5, 6 * s, 6 * s, '/bin/sh');
    expect(callerOf(host, 5, 7 * s, 7 * s, '/bin/sh').process).toBe(process);
    host.add(event(4, 1, 'execve', '/bin/bash', 2 * s, 2));
    expect(ancestor()).toBe('/bin/bash');
  });

  it('is remembered from its first call on unless it had just begun', () => {
    const host = hostOf();
    const fork = { kind: 'row', host: 'a', stream: 'process_events', table: 'process_events', action: 'event' };
    const columns = { pid: 5, parent: 1, syscall: 'fork', path: '/bin/sh', uid: 0 };
    host.add({ ...fork, time: 1 * s, resolution: 1, seq: 1, columns } as unknown as AnyTableRow);
    host.add({
      ...fork,
      time: 20 * s,
      resolution: 1,
      seq: 2,
      columns: { ...columns, pid: 6 },
    } as unknown as AnyTableRow);
    host.progress.complete('process_events', 60 * s);
    const process = (pid: number, at: number) => callerOf(host, pid, at, at, '/bin/sh').process;
    expect(process(5, 21 * s)).toBe(process(5, 21 * s));
    expect(process(6, 21 * s)).not.toBe(process(6, 21 * s));
    expect(process(6, 21 * s)).toEqual(process(6, 22 * s));
    expect(process(6, 22 * s)).toBe(process(6, 22 * s));
  });

  it('is shown as its call alone tells, also where the pid ran another program before', () => {
    const host = hostOf();
    host.processes.pids.of(5);
    const shownAs = paths.map((path) => toldProcess(host, 5, path));
    expect(shownAs).toEqual([
      { pid: 5, name: 'sh', path: '/bin/sh' },
      { pid: 5, name: 'curl', path: '/usr/bin/curl' },
      { pid: 5, name: 'nginx', path: '/usr/bin/nginx' },
    ]);
    expect(toldProcess(host, 5, paths[2])).toBe(shownAs[2]);
    expect(toldProcess(host, 5, undefined)).toEqual({ pid: 5 });
    expect(toldProcess(host, 6, paths[0])).toEqual({ pid: 6, name: 'sh', path: '/bin/sh' });
  });
});
