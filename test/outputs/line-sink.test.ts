import { spawnSync } from 'node:child_process';
import fs, { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import type { Warning } from '../../src/core/warnings.js';
import { LineSink } from '../../src/outputs/line-sink.js';

/** Does something while the disk takes so many bytes of the next write and no others. */
function onFullDisk(bytes: number, act: () => void): void {
  const { writevSync } = fs;
  let left = bytes;
  fs.writevSync = (fd, parts) => {
    if (left === 0) throw Object.assign(new Error('ENOSPC: no space left on device, writev'), { code: 'ENOSPC' });
    const taken = left;
    left = 0;
    return fs.writeSync(fd, Buffer.concat(parts as Buffer[]).subarray(0, taken));
  };
  syncBuiltinESMExports();
  act();
  fs.writevSync = writevSync;
  syncBuiltinESMExports();
}

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

  describe('with lent chunks', () => {
    const lent = (count: number) => Array.from({ length: count }, () => Buffer.alloc(limits.sinkChunkBytes));
    const ascii = (text: string) => Buffer.from(text);
    /** Puts a line where code outside of JavaScript would; false when there is no place for it. */
    function put(sink: LineSink, text: string, least = text.length + 1): boolean {
      const place = sink.place(least);
      if (place === undefined) return false;
      place.set(ascii(`${text}\n`));
      sink.put(text.length + 1, 1);
      return true;
    }

    it('writes what is put there in order with all other lines', async () => {
      const path = join(folder, 'out');
      const sink = new LineSink(path, warn);
      const expected: string[] = [];
      for (let i = 0; i < 30_000; i++) {
        const text = `line ${i} ${'x'.repeat(i % 300)}`;
        expected.push(text);
        if (i === 100) sink.lend(lent(3));
        if (i < 100 || i % 7 === 0) sink.line(text);
        else if (i % 1000 === 1) sink.lines(ascii(`${text}\n`), 1);
        else if (!put(sink, text)) sink.line(text);
        if (sink.full) await sink.room();
      }
      await sink.close();
      expect(readFileSync(path, 'utf8')).toBe(`${expected.join('\n')}\n`);
      expect([sink.linesWritten, sink.linesLost, sink.queuedBytes]).toEqual([30_000, 0, 0]);
    });

    it('has none while all wait to be written, and has them again', async () => {
      const sink = new LineSink(join(folder, 'out'), warn);
      sink.lend(lent(2));
      // A line in each: there is not room for another.
      expect([put(sink, 'a', limits.sinkChunkBytes - 1), put(sink, 'b', limits.sinkChunkBytes - 1)]).toEqual([
        true,
        true,
      ]);
      expect(put(sink, 'c', limits.sinkChunkBytes - 1)).toBe(false);
      sink.line('c');
      expect(put(sink, 'd')).toBe(false);
      await sink.drain();
      expect([put(sink, 'd', limits.sinkChunkBytes), put(sink, 'e', limits.sinkChunkBytes)]).toEqual([true, true]);
      await sink.close();
      expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('a\nb\nc\nd\ne\n');
    });

    it('has one again that became too small for a long line', async () => {
      const sink = new LineSink(join(folder, 'out'), warn);
      sink.lend(lent(1));
      expect(put(sink, 'a')).toBe(true);
      sink.line('b'.repeat(2 * limits.sinkChunkBytes));
      expect(put(sink, 'c')).toBe(true);
      await sink.close();
      expect(readFileSync(join(folder, 'out'), 'utf8')).toBe(`a\n${'b'.repeat(2 * limits.sinkChunkBytes)}\nc\n`);
    });

    it('counts what could not be written of them', async () => {
      const sink = new LineSink('/dev/full', warn);
      sink.lend(lent(2));
      for (let i = 0; i < 5; i++) put(sink, 'lost');
      await sink.close();
      expect([sink.linesLost, sink.linesWritten]).toEqual([5, 0]);
    });
  });

  describe('that writes at once', () => {
    it('has written all that makes a chunk, in order with texts of others', async () => {
      const path = join(folder, 'out');
      const sink = new LineSink(path, warn);
      sink.line('before');
      expect(await sink.writeAtOnce()).toBe(true);
      expect(readFileSync(path, 'utf8')).toBe('before\n');
      const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`);
      for (const line of lines) sink.line(line);
      expect(sink.linesWritten).toBeGreaterThan(20_000);
      expect(sink.full).toBe(false);
      sink.texts([Buffer.from('a\nb\n'), Buffer.alloc(0), Buffer.from('c\n')], 3);
      const written = `before\n${lines.join('\n')}\na\nb\nc\n`;
      expect(readFileSync(path, 'utf8')).toBe(written);
      sink.line('x'.repeat(2 * limits.sinkChunkBytes));
      sink.line('after');
      await sink.close();
      expect(readFileSync(path, 'utf8')).toBe(`${written}${'x'.repeat(2 * limits.sinkChunkBytes)}\nafter\n`);
      expect([sink.linesWritten, sink.linesLost, sink.queuedBytes]).toEqual([50_006, 0, 0]);
    });

    it('has a place for code outside of JavaScript again, although none was free before', async () => {
      const sink = new LineSink(join(folder, 'out'), warn);
      sink.line('a');
      sink.lend([Buffer.alloc(limits.sinkChunkBytes)]);
      await sink.writeAtOnce();
      for (let i = 0; i < 3; i++) {
        expect(sink.place(limits.sinkChunkBytes)).toBeDefined();
        sink.put(limits.sinkChunkBytes, 1);
      }
      await sink.close();
      expect(sink.linesWritten).toBe(4);
    });

    it('leaves what is no file to others', async () => {
      const sink = new LineSink('/dev/full', warn);
      expect(await sink.writeAtOnce()).toBe(false);
      sink.texts([Buffer.from('a\nb\n'), Buffer.from('c\n')], 3);
      expect(sink.queuedBytes).toBe(6);
      await sink.close();
      expect(sink.linesLost).toBe(3);
    });

    it('counts the lines that a full disk does not take, and ends a torn one', async () => {
      const path = join(folder, 'out');
      const sink = new LineSink(path, warn);
      await sink.writeAtOnce();
      onFullDisk(5, () => sink.texts([Buffer.from('one\n'), Buffer.from('two\nthree\n')], 3));
      expect([sink.linesWritten, sink.linesLost]).toEqual([1, 2]);
      sink.texts([Buffer.from('four\n')], 1);
      await sink.close();
      expect(readFileSync(path, 'utf8')).toBe('one\nt\nfour\n');
      expect([sink.linesWritten, sink.linesLost]).toEqual([2, 2]);
      expect(warnings).toEqual([{ code: 'OUTPUT_WRITE_FAILED', where: path, message: 'no space left on device' }]);
    });
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
