import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RELEASED_BYTE } from '../../src/capture/batch-pool.js';
import { openCaptureFile } from '../../src/capture/capture-file.js';
import { MAX_PACKETS } from '../../src/capture/packet-batch.js';
import { bundleForNode } from './bundle.js';
import { concat, pcapFile, pcapngFile, type TestPacket, testPacket } from './capture-bytes.js';
import { asRead, CaptureFolder, readCapture } from './read-capture.js';

const folder = new CaptureFolder();
afterAll(() => folder.remove());

const warn = () => undefined;
const few = [testPacket(0, 60), testPacket(1, 1500), testPacket(2, 0), testPacket(3, 90)];

function manyPackets(count: number, length: number): TestPacket[] {
  return Array.from({ length: count }, (_, i) => testPacket(i, length));
}

describe('content of a capture file', () => {
  it('is the same whatever the size of a read', async () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 40 });
    const format = fc.constantFrom(pcapFile, (packets: readonly TestPacket[]) => pcapngFile(packets, false));
    await fc.assert(
      fc.asyncProperty(
        lengths,
        format,
        fc.integer({ min: 1, max: 20_000 }),
        fc.boolean(),
        async (sizes, make, size, zip) => {
          const packets = sizes.map((length, i) => testPacket(i, length));
          const bytes = zip ? gzipSync(make(packets)) : make(packets);
          // A long file in reads of a byte each would take minutes beside other work.
          const readBytes = Math.max(size, Math.ceil(bytes.length / 2000));
          const content = await readCapture(folder.write(bytes), { readBytes });
          expect(content).toEqual({ packets: packets.map((packet) => asRead(packet)), warnings: [] });
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([
    { name: 'pcap', make: pcapFile },
    { name: 'pcapng', make: pcapngFile },
  ])('is whole where a read of $name holds more packets than a batch', async ({ make }) => {
    const packets = manyPackets(3 * MAX_PACKETS + 5, 4);
    const path = folder.write(make(packets));
    const source = await openCaptureFile(path, { warn });
    const counts: number[] = [];
    for (;;) {
      const batch = await source.next();
      if (batch === undefined) break;
      counts.push(batch.count);
      source.release(batch);
    }
    await source.close();
    expect(Math.max(...counts)).toBe(MAX_PACKETS);
    expect((await readCapture(path)).packets).toEqual(packets.map((packet) => asRead(packet)));
  });

  it('warns of a torn tail behind a full batch', async () => {
    const packets = manyPackets(2 * MAX_PACKETS, 4);
    const content = await readCapture(folder.write(concat(pcapFile(packets), new Uint8Array(3))));
    expect(content.packets).toHaveLength(packets.length);
    expect(content.warnings.map((warning) => warning.code)).toEqual(['CAPTURE_TRUNCATED']);
  });
});

describe('batches of a capture file', () => {
  it('are overwritten when released, where that is asked for', async () => {
    const source = await openCaptureFile(folder.write(pcapFile(few)), { warn, overwriteReleased: true });
    const batch = (await source.next())!;
    const kept = batch.bytes.subarray(batch.offset[0]!, batch.offset[0]! + 60);
    expect([...kept]).toEqual([...few[0]!.bytes]);
    source.release(batch);
    expect([...kept]).toEqual(new Array(60).fill(RELEASED_BYTE));
    await source.close();
  });

  it('are counted, and the file is read to its end', async () => {
    const bytes = pcapFile(few);
    const source = await openCaptureFile(folder.write(bytes), { warn });
    const batch = (await source.next())!;
    source.release(batch);
    expect(await source.next()).toBeUndefined();
    expect(source.stats()).toEqual({ packets: 4, bytes: 1650, kernelDrops: 0, interfaceDrops: 0, engineDrops: 0 });
    expect([source.readBytes, source.totalBytes]).toEqual([bytes.length, bytes.length]);
    await source.close();
  });

  it('may still be borrowed when the source is closed, and none follows', async () => {
    const source = await openCaptureFile(folder.write(pcapFile(manyPackets(100, 1000))), { warn, readBytes: 2000 });
    const batch = (await source.next())!;
    await source.close();
    await source.close();
    expect(await source.next()).toBeUndefined();
    source.release(batch);
  });
});

describe('opening a capture file', () => {
  it.each([
    ['an empty file', new Uint8Array(0), 'is empty'],
    ['three bytes', pcapFile(few).subarray(0, 3), 'is neither pcap nor pcapng'],
  ])('tells what it is: %s', async (_, bytes, message) => {
    const path = folder.write(bytes);
    await expect(openCaptureFile(path, { warn: () => {} })).rejects.toThrow(`${path} ${message}`);
  });

  it.each([
    { name: 'a file that does not exist', path: () => join(folder.path, 'none'), code: 'CAPTURE_OPEN_FAILED' },
    { name: 'a folder', path: () => folder.path, code: 'CAPTURE_OPEN_FAILED' },
    { name: 'an empty file', path: () => folder.write(new Uint8Array(0)), code: 'CAPTURE_WRONG_MAGIC' },
    { name: 'three bytes', path: () => folder.write(pcapFile(few).subarray(0, 3)), code: 'CAPTURE_WRONG_MAGIC' },
    { name: 'text', path: () => folder.write(Buffer.from('not a capture\n')), code: 'CAPTURE_WRONG_MAGIC' },
    { name: 'gzipped text', path: () => folder.write(gzipSync('not a capture\n')), code: 'CAPTURE_WRONG_MAGIC' },
  ])('refuses $name with $code', async ({ path, code }) => {
    await expect(openCaptureFile(path(), { warn })).rejects.toMatchObject({ name: 'CorrelateError', code });
  });
});

describe('gzip files', () => {
  it('keep what can be decompressed when they are torn', async () => {
    const packets = manyPackets(400, 700);
    const zipped = gzipSync(pcapFile(packets), { level: 1 });
    const content = await readCapture(folder.write(zipped.subarray(0, zipped.length >> 1)));
    expect(content.packets.length).toBeGreaterThan(0);
    expect(content.packets.length).toBeLessThan(400);
    expect(content.packets).toEqual(packets.slice(0, content.packets.length).map((packet) => asRead(packet)));
    expect(content.warnings.map((warning) => warning.code)).toContain('CAPTURE_TRUNCATED');
  });

  it('keep what comes before a corrupt place', async () => {
    const packets = manyPackets(400, 700);
    const bytes = pcapFile(packets);
    const second = gzipSync(bytes.subarray(200_000));
    // Behind the header of ten bytes: a block of the type that does not exist.
    second[10] = 0x07;
    const content = await readCapture(folder.write(concat(gzipSync(bytes.subarray(0, 200_000)), second)));
    expect(content.packets.length).toBeGreaterThan(200);
    expect(content.packets).toEqual(packets.slice(0, content.packets.length).map((packet) => asRead(packet)));
    expect(content.warnings.map((warning) => warning.code)).toContain('CAPTURE_BAD_RECORD');
  });

  it.each([
    ['zeros, which end a tape block', new Uint8Array(100), []],
    ['zeros and another member', concat(new Uint8Array(32), gzipSync('more')), ['CAPTURE_BAD_RECORD']],
    ['many zeros', new Uint8Array(200_000), []],
  ] as const)('end at their end when it is followed by %s', async (_, behind, codes) => {
    const path = folder.write(concat(gzipSync(pcapFile(few)), behind));
    const content = await readCapture(path);
    expect(content.packets).toEqual(few.map((packet) => asRead(packet)));
    expect(content.warnings.map((warning) => warning.code)).toEqual([...codes]);
    for (const { message } of content.warnings) expect(message).toContain('more follows behind its end');
  });

  it('may consist of several members', async () => {
    const bytes = pcapFile(few);
    const path = folder.write(concat(gzipSync(bytes.subarray(0, 100)), gzipSync(bytes.subarray(100))));
    expect(await readCapture(path)).toEqual({ packets: few.map((packet) => asRead(packet)), warnings: [] });
  });
});

describe('pipes', () => {
  let script = '';
  beforeAll(() => {
    script = bundleForNode('stdin-child');
  });

  const start = (args: string[], input: number | 'pipe' = 'pipe') =>
    spawn(process.execPath, [script, ...args], { stdio: [input, 'pipe', 'inherit'] });

  it('are read from standard input as the bytes come', async () => {
    const bytes = pcapngFile(manyPackets(300, 1000));
    const child = start(['-']);
    for (let at = 0; at < bytes.length; at += 50_001) child.stdin!.write(bytes.subarray(at, at + 50_001));
    child.stdin!.end();
    expect(JSON.parse(await text(child.stdout!))).toEqual({
      name: 'standard input',
      packets: 300,
      codes: [],
      readBytes: bytes.length,
    });
  });

  it('may be gzip', async () => {
    const child = start(['-']);
    child.stdin!.end(gzipSync(pcapFile(few)));
    expect(JSON.parse(await text(child.stdout!))).toMatchObject({ packets: 4, codes: [] });
  });

  it('may be a file given as standard input', async () => {
    const fd = openSync(folder.write(pcapFile(few)), 'r');
    const child = start(['-'], fd);
    closeSync(fd);
    expect(JSON.parse(await text(child.stdout!))).toMatchObject({ packets: 4, codes: [] });
  });

  it('hand over what came when the writer goes away inside a packet', async () => {
    const child = start(['-']);
    child.stdin!.end(pcapFile(few).subarray(0, -1));
    expect(JSON.parse(await text(child.stdout!))).toMatchObject({ packets: 3, codes: ['CAPTURE_TRUNCATED'] });
  });

  it('can be closed while the source waits, after which nothing keeps the process', async () => {
    const child = start(['-', 'close']);
    child.stdin!.write(pcapFile(few));
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    child.stdin!.destroy();
  });

  it('have names too', async () => {
    const fifo = join(folder.path, 'fifo');
    await once(spawn('mkfifo', [fifo]), 'exit');
    const child = start([fifo]);
    writeFileSync(fifo, pcapFile(few));
    expect(JSON.parse(await text(child.stdout!))).toMatchObject({ name: fifo, packets: 4, codes: [] });
  });
});
