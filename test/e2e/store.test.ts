import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { correlate, jsonLines, Running } from './program.js';

const sample = 'samples/intrusion';
const capture = ['-r', `${sample}/traffic.pcap`];
const hostLog = ['--host-log', `${sample}/host.log`];
const rules = ['--rules', 'rules'];
const folder = mkdtempSync(join(tmpdir(), 'correlate-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly uid: string;
  readonly rev: number;
  readonly cause: string;
}

let count = 0;

/** Runs with these arguments; gives what came out of it. */
function run(...args: string[]) {
  const [connections, alerts] = [join(folder, `${++count}.jsonl`), join(folder, `${++count}.jsonl`)];
  const ended = correlate([...args, '--connections', connections, '--alerts', alerts]);
  const told = jsonLines(readFileSync(alerts, 'utf8')) as { event: { id: string }; correlate: { status: string } }[];
  return { ...ended, lines: jsonLines(readFileSync(connections, 'utf8')) as Line[], alerts: told };
}

const inTime = run(...capture, ...hostLog, ...rules);
const byUid = (lines: readonly Line[]) =>
  new Map(lines.map(({ rev: _rev, cause: _cause, ...line }) => [line.uid, line]));
const ids = (told: typeof inTime.alerts) =>
  told.map(({ event, correlate: { status } }) => `${event.id} ${status}`).sort();

describe('correlate --store', () => {
  it('gives the output that it gives without', () => {
    const stored = run(...capture, ...hostLog, ...rules, '--store', join(folder, 'same.db'));
    expect(stored.status).toBe(0);
    expect(stored.lines).toEqual(inTime.lines);
    expect(stored.alerts).toEqual(inTime.alerts);
  });

  it('gives the final lines and alerts of a host log that comes later, as if it had come in time', () => {
    const store = ['--store', join(folder, 'late.db')];
    const before = run(...capture, ...rules, ...store);
    expect(before.alerts).toEqual([]);
    const late = run(...hostLog, ...rules, ...store);
    expect(late.status).toBe(0);
    expect(late.lines.length).toBeGreaterThan(40);
    expect(late.lines.every(({ rev, cause }) => rev === 1 && cause === 'evidence')).toBe(true);
    expect(byUid([...before.lines, ...late.lines])).toEqual(byUid(inTime.lines));
    expect(ids(late.alerts)).toEqual(ids(inTime.alerts));
    // What is known already changes nothing.
    const again = run(...hostLog, ...rules, ...store);
    expect(again.lines).toEqual([]);
  });

  it('refuses a store that another process has open', async () => {
    const path = join(folder, 'locked.db');
    const holder = new Running(
      [process.execPath, 'bin/correlate.js', '-r', '-', '--store', path, '-q'],
      readFileSync(`${sample}/traffic.pcap`).subarray(0, 24),
    );
    try {
      await expect.poll(() => existsSync(path), { timeout: 15_000 }).toBe(true);
      const { status, log } = correlate([...capture, '--store', path, '-q']);
      expect([status, log[0]?.code]).toEqual([1, 'STORE_LOCKED']);
    } finally {
      holder.child.kill('SIGKILL');
      await holder.ended;
    }
  });

  const isRoot = process.getuid?.() === 0;
  it.skipIf(!isRoot)('loses nothing else on a full disk (skipped without root)', () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]).status).toBe(0);
    try {
      const { status, lines, alerts, log } = run(...capture, ...hostLog, ...rules, '--store', join(disk, 'store.db'));
      expect(log.map(({ code }) => code)).toContain('STORE_WRITE_FAILED');
      expect(log.some(({ msg }) => /lost \d+ store rows/.test(msg))).toBe(true);
      expect(status).toBe(1);
      expect(lines).toEqual(inTime.lines);
      expect(alerts).toEqual(inTime.alerts);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});
