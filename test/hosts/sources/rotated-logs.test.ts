import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ReadLog, readLogs } from './log-fixture.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'correlate-rotated-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function line(name: string, counter: number, unixTime: number, action: string, columns: object): object {
  return { name, hostIdentifier: 'web', unixTime, epoch: 0, counter, columns, action };
}

const socket = (port: number): object => ({
  pid: '7',
  family: '2',
  protocol: '6',
  port: `${port}`,
  address: '0.0.0.0',
});

/** Addresses are told once, listeners come and go, and other lines go on to the end. */
const lines: readonly object[] = [
  line('interface_addresses', 0, 10, 'added', { interface: 'eth0', address: '192.0.2.1', mask: '255.255.255.0' }),
  line('listening_ports', 0, 10, 'added', socket(80)),
  { ...line('users', 0, 10, 'snapshot', {}), columns: undefined, snapshot: [{ uid: '1', username: 'a' }] },
  line('listening_ports', 1, 20, 'added', socket(81)),
  line('uptime', 3, 25, 'added', { days: '1' }),
  line('listening_ports', 2, 30, 'removed', socket(80)),
  { ...line('users', 0, 40, 'snapshot', {}), columns: undefined, snapshot: [{ uid: '2', username: 'b' }] },
  line('listening_ports', 3, 40, 'added', socket(82)),
  line('uptime', 4, 60, 'added', { days: '1' }),
];

/** Reads the lines from files that begin at these places, the latest first, the earlier ones packed, as rotation leaves them. */
async function readInParts(places: readonly number[]): Promise<ReadLog> {
  const starts = [0, ...places];
  const paths = starts.map((start, i) => {
    const text = lines
      .slice(start, starts[i + 1])
      .map((each) => `${JSON.stringify(each)}\n`)
      .join('');
    const isLast = i === starts.length - 1;
    const path = join(folder, `${places.join('-')}.log.${i}`);
    writeFileSync(path, isLast ? text : gzipSync(text));
    return path;
  });
  return readLogs(paths.reverse());
}

describe('a log that was rotated', () => {
  test.each([[[1]], [[3]], [[5]], [[6, 8]], [[1, 2, 3, 4, 5, 6, 7, 8]]])(
    'gives the rows of the whole log when it is read from files that begin at %j',
    async (places) => {
      const whole = await readInParts([]);
      expect(whole.tableRows.length).toBeGreaterThan(6);
      expect(await readInParts(places)).toEqual(whole);
    },
  );

  test('may have a part that is unreadable, which is told where it is', async () => {
    const good = join(folder, 'good');
    const bad = join(folder, 'bad');
    writeFileSync(good, `${JSON.stringify(lines[1])}\n`);
    writeFileSync(bad, 'nothing\n');
    await expect(readLogs([good, bad])).rejects.toMatchObject({ code: 'HOST_LOG_UNKNOWN_FORMAT' });
    await expect(readLogs([good, join(folder, 'absent')])).rejects.toMatchObject({ code: 'HOST_LOG_OPEN_FAILED' });
  });

  test('may have files of its snapshots beside it', async () => {
    const results = join(folder, 'results');
    const snapshots = join(folder, 'snapshots');
    const isSnapshot = (each: object): boolean => 'snapshot' in each;
    const write = (path: string, some: readonly object[]): void =>
      writeFileSync(path, some.map((each) => `${JSON.stringify(each)}\n`).join(''));
    write(
      results,
      lines.filter((each) => !isSnapshot(each)),
    );
    write(snapshots, lines.filter(isSnapshot));
    expect(await readLogs([results, snapshots])).toEqual(await readInParts([]));
  });
});
