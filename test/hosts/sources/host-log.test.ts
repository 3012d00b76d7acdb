import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/core/limits.js';
import { readLines, readLog, withFile } from './log-fixture.js';

const good = {
  name: 'users',
  hostIdentifier: 'web',
  unixTime: 10,
  epoch: 0,
  counter: 0,
  columns: { uid: '1' },
  action: 'added',
};

describe('a host log', () => {
  it('is read from gzip, in one member or several', async () => {
    const line = Buffer.from(`${JSON.stringify(good)}\n`);
    const other = Buffer.from(`${JSON.stringify({ ...good, columns: { uid: '2' } })}\n`);
    const { tableRows } = await withFile(Buffer.concat([gzipSync(line), gzipSync(other)]), readLog);
    expect(tableRows.map((row) => row.columns)).toEqual([{ uid: 1 }, { uid: 2 }]);
  });

  it('is read from a named pipe, whoever comes first to it', async () => {
    await withFile('', async (path) => {
      await rm(path);
      spawnSync('mkfifo', [path]);
      const reading = readLog(path);
      await writeFile(path, gzipSync(`${JSON.stringify(good)}\n`));
      expect((await reading).tableRows).toHaveLength(1);
      const writing = writeFile(path, `${JSON.stringify(good)}\n`);
      expect((await readLog(path)).tableRows).toHaveLength(1);
      await writing;
    });
  });

  it('gives what came before the end of torn gzip data, and a warning', async () => {
    let text = '';
    for (let uid = 0; uid < 5000; uid++)
      text += `${JSON.stringify({ ...good, columns: { uid, uuid: `${uid * 7919}` } })}\n`;
    const packed = gzipSync(text);
    const { tableRows, warnings } = await withFile(packed.subarray(0, packed.length / 2), readLog);
    expect(tableRows.length).toBeGreaterThan(500);
    expect(tableRows.length).toBeLessThan(5000);
    expect(warnings.some(({ message }) => message.includes('gzip'))).toBe(true);
  });

  it('may begin with a byte order mark, have CRLF line ends, empty lines and no last line feed', async () => {
    const text = JSON.stringify(good);
    const { counts, tableRows } = await withFile(`\ufeff${text}\r\n\r\n\n${text}`, readLog);
    expect(counts).toEqual({ lines: 2, bad: 0, unused: 0 });
    expect(tableRows).toHaveLength(1);
  });

  it.each(['utf16le', 'utf16be'] as const)('may be in %s, as Windows writes it, also packed', async (encoding) => {
    const line = JSON.stringify({ ...good, columns: { uid: '1', username: 'Zo\u00eb \u{1f600}' } });
    const text = `\ufeff${line}\r\n${line.replace('"1"', '"2"')}\r\n`;
    const bytes = Buffer.from(text, 'utf16le');
    if (encoding === 'utf16be') bytes.swap16();
    for (const contents of [bytes, gzipSync(bytes)]) {
      const { tableRows, counts } = await withFile(contents, readLog);
      expect(counts).toEqual({ lines: 2, bad: 0, unused: 0 });
      expect(tableRows.map((row) => row.columns)).toMatchObject([
        { uid: 1, username: 'Zo\u00eb \u{1f600}' },
        { uid: 2 },
      ]);
    }
  });

  it.each([
    ['zstd', '28b52ffd'],
    ['xz', 'fd377a585a00'],
    ['bzip2', '425a6839'],
    ['zip', '504b0304'],
  ])('packed with %s fails with what to do', async (packer, magic) => {
    const reading = withFile(Buffer.from(`${magic}0a0b0c0d0a`, 'hex'), readLog);
    await expect(reading).rejects.toMatchObject({
      code: 'HOST_LOG_UNKNOWN_FORMAT',
      message: expect.stringContaining(`is packed with ${packer}`),
    });
  });

  it('gives no rows and no error when it is empty', async () => {
    expect((await withFile('', readLog)).rows).toEqual([]);
  });

  it('that cannot be opened fails with HOST_LOG_OPEN_FAILED', async () => {
    await expect(readLog('/nonexistent/log')).rejects.toMatchObject({ code: 'HOST_LOG_OPEN_FAILED' });
    await expect(readLog('/')).rejects.toMatchObject({ code: 'HOST_LOG_OPEN_FAILED' });
  });

  it.each([
    ['text', 'hello\nworld\n'],
    ['other JSON lines', '{"a":1}\n[1]\n'],
    ['NUL bytes', new Uint8Array(100_000)],
    ['a packet capture', Buffer.from('d4c3b2a1020004000000000000000000ffff0000010000000a0a0a', 'hex')],
  ])('of %s fails with HOST_LOG_UNKNOWN_FORMAT', async (_what, contents) => {
    await expect(withFile(contents, readLog)).rejects.toMatchObject({ code: 'HOST_LOG_UNKNOWN_FORMAT' });
  });

  it.each([
    ['{"a":1,"b":{"c":2}}\n{"d":1}\n', 'the first JSON object has "a", "b"'],
    ['{}\n', 'the first JSON object has no member'],
    ['hello\n', 'none is a JSON object'],
    [
      JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}`.padEnd(50, '\u001b'), i]))),
      `"11${'\\u001b'.repeat(38)}", …`,
    ],
  ])('of an unknown form is told with what was found: %s', async (contents, found) => {
    await expect(withFile(contents, readLog)).rejects.toThrow(found);
  });

  it('reports the first broken lines with their numbers and sums the rest', async () => {
    const { warnings, counts, tableRows } = await readLines(['', 'x', good, '{', '[]', '"x"', '', 'null', good]);
    expect(counts).toEqual({ lines: 7, bad: 5, unused: 0 });
    expect(tableRows).toHaveLength(1);
    expect(warnings.map(({ code, where, count }) => [code, where?.split(':')[1], count])).toEqual([
      ['HOST_LOG_BAD_LINE', '2', undefined],
      ['HOST_LOG_BAD_LINE', '4', undefined],
      ['HOST_LOG_BAD_LINE', '5', undefined],
      ['HOST_LOG_BAD_LINE', undefined, 2],
    ]);
  });

  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  it.each([
    ['a line that is too long', `{"a":"${'x'.repeat(limits.hostLineBytes)}"}`],
    ['NUL bytes before a line', `\0\0\0${JSON.stringify(good)}`],
    ['a line cut in the middle', JSON.stringify(good).slice(0, 60)],
    [
      'a deep value',
      `{"name":"users","columns":{"uid":${deep(100_000)}},"action":"added","unixTime":1,"hostIdentifier":"x"}`,
    ],
    [
      'a deep epoch',
      `{"name":"users","columns":{"uid":1},"action":"added","unixTime":1,"hostIdentifier":"x","epoch":${deep(100_000)}}`,
    ],
    [
      'a deep counter',
      `{"name":"users","columns":{"uid":1},"action":"added","unixTime":1,"hostIdentifier":"x","counter":${deep(100_000)}}`,
    ],
    ['a huge number', JSON.stringify(good).replace('"1"', '1e999')],
    ['a number that is not exact', JSON.stringify(good).replace('"1"', '"99999999999999999999"')],
    ['text for a number', JSON.stringify(good).replace('"1"', '"root"')],
    ['a column called __proto__', JSON.stringify(good).replace('"uid"', '"__proto__"')],
    ['an array for columns', { ...good, columns: undefined, snapshot: [['1']] }],
    ['a huge time', { ...good, unixTime: 1e300 }],
    ['no time', { ...good, unixTime: undefined }],
    ['no host', { ...good, hostIdentifier: undefined }],
    ['no action', { ...good, action: undefined }],
    ['a counter below zero', { ...good, counter: -1 }],
    ['lists that are none', { ...good, diffResults: { added: 5 } }],
  ])('skips and counts %s', async (_what, line) => {
    const { counts, tableRows, warnings } = await readLines([{ ...good, columns: { uid: '7' } }, line]);
    expect(counts).toEqual({ lines: 2, bad: 1, unused: 0 });
    expect(tableRows.map((row) => row.columns)).toEqual([{ uid: 7 }]);
    expect(warnings.map(({ where }) => where?.split(':')[1])).toEqual(['2']);
  });

  it('never fails on odd content after a good line', async () => {
    const odd = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.string(),
      fc
        .record(
          {
            name: fc.oneof(fc.constantFrom('users', 'socket_events', 'pack/x/q'), fc.jsonValue()),
            hostIdentifier: fc.jsonValue(),
            unixTime: fc.jsonValue(),
            epoch: fc.jsonValue(),
            counter: fc.jsonValue(),
            action: fc.oneof(fc.constantFrom('added', 'removed', 'snapshot'), fc.jsonValue()),
            columns: fc.oneof(
              fc.dictionary(fc.constantFrom('uid', 'time', 'pid', 'action', '__proto__'), fc.jsonValue()),
              fc.jsonValue(),
            ),
            diffResults: fc.jsonValue(),
            snapshot: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
          },
          { requiredKeys: [] },
        )
        .map((line) => JSON.stringify(line)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(odd, { maxLength: 20 }), async (lines) => {
        const { counts, rows } = await readLines([good, ...lines]);
        expect(counts.bad + counts.unused).toBeLessThanOrEqual(counts.lines);
        expect(rows.some((row) => row.kind === 'row' && row.host === 'web')).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
