import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { inOrderOfTime } from '../../../src/hosts/sources/log-order.js';

test('log files come in the order of the times at which they begin, and those that tell none before them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'correlate-order-'));
  try {
    const line = (time: object): string =>
      `${JSON.stringify({ name: 'uptime', hostIdentifier: 'web', columns: { days: '1' }, action: 'added', ...time })}\n`;
    const write = (name: string, content: string | Buffer): string => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    const late = write('late', `broken\n${line({ unixTime: 30 })}${line({ unixTime: 5 })}`);
    const early = write('early', gzipSync(line({ calendarTime: 'Thu Jan  1 00:00:10 1970 UTC' })));
    const middle = write('middle', line({ unixTime: '20' }));
    const timeless = write('timeless', line({}));
    const recording = write('recording', '{"correlate_recording":1}\n');
    const absent = join(folder, 'absent');
    const given = [late, '-', middle, absent, early, timeless, recording];
    expect(await inOrderOfTime(given)).toEqual(['-', absent, timeless, recording, early, middle, late]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
