import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { correlate, jsonLines } from './program.js';
import type { ConnectionLine } from './truth.js';

const sample = 'samples/intrusion';
const folder = mkdtempSync(join(tmpdir(), 'correlate-skew-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The sample's log as hosts would have written it whose clocks are ahead by so many seconds. */
function logAhead(seconds: number): string {
  const later = (text: string, digits: string): string => text.replace(digits, String(Number(digits) + seconds));
  const path = join(folder, `${seconds}.log`);
  const log = readFileSync(`${sample}/host.log`, 'utf8');
  // Times of lines, of events and of the starts of processes, as numbers or texts.
  const shifted = log.replace(/"(?:unixTime|time|start_time)":"?(1\d{9})\b/g, later);
  writeFileSync(path, shifted);
  return path;
}

/** Who owns each end, by uid, and the clocks that were allowed for. */
function owners(log: string, ...more: string[]): { ends: Map<string, string>; offsets: number[] } {
  const connections = `${log}.jsonl`;
  const args = ['-r', `${sample}/traffic.pcap`, '--host-log', log, '--connections', connections, '-q', ...more];
  expect(correlate(args).status).toBe(0);
  const lines = jsonLines(readFileSync(connections, 'utf8')) as ConnectionLine[];
  const offsets: number[] = [];
  const inWords = (end: ConnectionLine['orig']): string => {
    const { state, reason, method, host, process, clock } = end as typeof end &
      Record<'reason' | 'method', string> & { clock?: { offset: number } };
    if (clock !== undefined) offsets.push(clock.offset);
    return [state, reason, method, host?.id, process?.pid].join(' ');
  };
  return { ends: new Map(lines.map(({ uid, orig, resp }) => [uid, `${inWords(orig)} / ${inWords(resp)}`])), offsets };
}

describe('a host log whose clock is minutes off', () => {
  const right = owners(logAhead(0));

  it.each([300, -300])('by %i s gives every end the owner that it has with the right clock', (seconds) => {
    const { ends, offsets } = owners(logAhead(seconds));
    expect(ends).toEqual(right.ends);
    expect(offsets.length).toBeGreaterThan(40);
    for (const offset of offsets) expect(Math.abs(offset - seconds)).toBeLessThan(0.5);
  });

  it.each([300, -300])('by %i s does so also where rows are waited for seconds only', (seconds) => {
    const args = ['--lateness', '5'];
    expect(owners(logAhead(seconds), ...args).ends).toEqual(owners(logAhead(0), ...args).ends);
  });
});
