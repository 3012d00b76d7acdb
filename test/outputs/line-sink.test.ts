import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import type { Warning } from '../../src/core/warnings.js';
import { LineSink } from '../../src/outputs/line-sink.js';

let folder: string;
let warnings: Warning[];
const warn = (warning: Warning) => void warnings.push(warning);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'line-sink-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('LineSink', () => {
  it('writes lines in order, many more than one chunk holds', async () => {
    const path = join(folder, 'out');
    const sink = new LineSink(path, warn);
    const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`);
    for (const line of lines) sink.line(line);
    await sink.close();
    expect(readFileSync(path, 'utf8')).toBe(`${lines.join('\n')}\n`);
    expect(sink.linesWritten).toBe(lines.length);
    expect(warnings).toEqual([]);
  });

  it('refuses a path that cannot be opened with a code', () => {
    expect(() => new LineSink(join(folder, 'missing', 'out'), warn)).toThrowError(
      expect.objectContaining({ code: 'OUTPUT_OPEN_FAILED' }),
    );
  });

  it('tells a full disk once and counts the lines that were lost', async () => {
    const sink = new LineSink('/dev/full', warn);
    for (let round = 0; round < 3; round++) {
      sink.line('a');
      sink.line('b');
      await sink.drain();
    }
    await sink.close();
    expect(sink.linesLost).toBe(6);
    expect(warnings).toEqual([{ code: 'OUTPUT_WRITE_FAILED', where: '/dev/full', message: 'no space left on device' }]);
  });

  it('goes on in a new file after the old one was moved away', async () => {
    const path = join(folder, 'out');
    const sink = new LineSink(path, warn);
    sink.line('before');
    await sink.drain();
    renameSync(path, `${path}.1`);
    await sink.reopen();
    sink.line('after');
    await sink.close();
    expect([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['before\n', 'after\n']);
  });

  it('goes on in the same file when nobody has moved it', async () => {
    const path = join(folder, 'stays');
    const sink = new LineSink(path, warn);
    sink.line('before');
    await sink.reopen();
    sink.line('after');
    await sink.close();
    expect(readFileSync(path, 'utf8')).toBe('before\nafter\n');
  });

  it('drops nothing of what comes at the end', async () => {
    const sink = new LineSink(join(folder, 'end'), warn, 'drop');
    sink.keepAll();
    const line = 'x'.repeat(1 << 16);
    const count = (2 * limits.sinkPendingBytes) / line.length;
    for (let i = 0; i < count; i++) sink.line(line);
    await sink.close();
    expect([sink.linesLost, sink.linesWritten]).toEqual([0, count]);
  });

  it('drops and counts lines beyond its bound where nobody waits for it', async () => {
    const path = join(folder, 'pipe');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const sink = new LineSink(path, warn, 'drop');
    const line = 'x'.repeat(1 << 16);
    const count = (2 * limits.sinkPendingBytes) / line.length;
    for (let i = 0; i < count; i++) sink.line(line);
    expect(sink.linesLost).toBeGreaterThan(count / 3);
    expect(sink.linesLost).toBeLessThan(count);
    expect(warnings.map(({ code }) => code)).toEqual(['OUTPUT_WRITE_FAILED']);
    const before = sink.linesLost;
    const closed = sink.close();
    let received = 0;
    const buffer = Buffer.alloc(1 << 20);
    while (received < (count - before) * (line.length + 1)) {
      try {
        received += readSync(reader, buffer);
      } catch {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await closed;
    closeSync(reader);
    expect(sink.linesWritten).toBe(count - before);
  });
});
