import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { openCaptureFile } from '../../src/capture/capture-file.js';
import { mergeSources } from '../../src/capture/merged-source.js';
import { MAX_PACKETS } from '../../src/capture/packet-batch.js';
import { limits } from '../../src/core/limits.js';
import { pcapFile, pcapngFile, type TestPacket, testPacket } from './capture-bytes.js';
import { asRead, CaptureFolder, drain } from './read-capture.js';

const folder = new CaptureFolder();
afterAll(() => folder.remove());

const warn = () => undefined;

async function open(files: readonly (readonly TestPacket[])[], readBytes = 1 << 20) {
  const paths = files.map((packets, i) => folder.write(i % 2 === 0 ? pcapFile(packets) : pcapngFile(packets)));
  return Promise.all(paths.map((path) => openCaptureFile(path, { warn, readBytes, overwriteReleased: true })));
}

async function merge(files: readonly (readonly TestPacket[])[], readBytes?: number): Promise<TestPacket[]> {
  const merged = mergeSources(await open(files, readBytes));
  const packets = await drain(merged);
  await merged.close();
  return packets;
}

/** Packets with their file's index, sorted by time; a stable sort leaves ties in the order of the files. */
function sorted(files: readonly (readonly TestPacket[])[]): TestPacket[] {
  const all = files.flatMap((packets, source) => packets.map((packet) => asRead(packet, 1, source)));
  return all.sort((a, b) => a.timeUs - b.timeUs);
}

const ascending = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })), { maxLength: 30 })
  .map((steps) => {
    let timeUs = 1_700_000_000_000_000;
    return steps.map(([step, length], i) => {
      timeUs += step;
      return testPacket(i, length, timeUs);
    });
  });

describe('merged sources', () => {
  it('give all packets in order of time, ties in the order of the files', async () => {
    const files = fc.array(ascending, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 5000 }), async (packets, readBytes) => {
        expect(await merge(packets, readBytes)).toEqual(sorted(packets));
      }),
      { numRuns: 60 },
    );
  });

  it('keep the order within a file whose times run backwards', async () => {
    const first = [testPacket(0, 10, 5), testPacket(1, 10, 9), testPacket(2, 10, 3)];
    const second = [testPacket(3, 10, 6), testPacket(4, 10, 8)];
    const times = (await merge([first, second])).map((packet) => packet.timeUs);
    expect(times).toEqual([5, 6, 8, 9, 3]);
  });

  it('are whole when they fill more than one batch by packets and by bytes', async () => {
    const small = Array.from({ length: MAX_PACKETS + 100 }, (_, i) => testPacket(i, 4, 2 * i));
    const large = Array.from({ length: 30 }, (_, i) => testPacket(i, 100_000, 2 * i + 1));
    const packets = await merge([small, large]);
    const expected = sorted([small, large]);
    expect(packets.map((packet) => packet.timeUs)).toEqual(expected.map((packet) => packet.timeUs));
    expect(packets.every((packet, i) => Buffer.compare(packet.bytes, expected[i]!.bytes) === 0)).toBe(true);
  });

  it('hand batches of files that follow each other through without a copy', async () => {
    const sources = await open([[testPacket(0, 60)], [testPacket(1, 60)]]);
    const merged = mergeSources(sources);
    const batches = [(await merged.next())!, (await merged.next())!];
    expect(batches.map((batch) => batch.link[0])).toEqual([1, 1 | (1 << 16)]);
    // Only the source that owns a batch takes it back.
    sources[0]!.release(batches[0]!);
    expect(() => sources[0]!.release(batches[1]!)).toThrow('not borrowed');
    await merged.close();
  });

  it('sum what their sources count', async () => {
    const files = [[testPacket(0, 60)], [testPacket(1, 40), testPacket(2, 20)]];
    const merged = mergeSources(await open(files));
    await drain(merged);
    expect(merged.stats()).toMatchObject({ packets: 3, bytes: 120 });
    expect(merged.readBytes).toBe(merged.totalBytes);
    await merged.close();
  });

  it('are the source itself when there is one', async () => {
    const [source] = await open([[testPacket(0, 60)]]);
    expect(mergeSources([source!])).toBe(source);
    await source!.close();
  });

  it('are refused beyond the limit', async () => {
    const [source] = await open([[]]);
    const many = new Array(limits.captureFiles + 1).fill(source);
    expect(() => mergeSources(many)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    await source!.close();
  });
});
