import { afterAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import { concat, type PcapOptions, pcapFile, pcapHeader, pcapRecord, testPacket } from './capture-bytes.js';
import { asRead, CaptureFolder, readCapture } from './read-capture.js';

const folder = new CaptureFolder();
afterAll(() => folder.remove());

const packets = [testPacket(0, 60), testPacket(1, 1), testPacket(2, 0), { ...testPacket(3, 96), wireLen: 1514 }];

const variants: { name: string; options: PcapOptions }[] = [
  { name: 'little-endian microseconds', options: { little: true, nanos: false } },
  { name: 'big-endian microseconds', options: { little: false, nanos: false } },
  { name: 'little-endian nanoseconds', options: { little: true, nanos: true } },
  { name: 'big-endian nanoseconds', options: { little: false, nanos: true } },
  { name: "Kuznetzov's longer record headers", options: { modified: true } },
  { name: "Kuznetzov's longer record headers, big-endian", options: { modified: true, little: false } },
  { name: 'version 2.2 with the length on the wire first', options: { versionMinor: 2, lengthsSwapped: true } },
  { name: 'version 2.3 with the captured length first', options: { versionMinor: 3 } },
  { name: 'version 2.3 with the length on the wire first', options: { versionMinor: 3, lengthsSwapped: true } },
];

describe('pcap files', () => {
  it.each(variants)('reads $name', async ({ options }) => {
    const path = folder.write(pcapFile(packets, { ...options, linkType: 113 }));
    expect(await readCapture(path)).toEqual({ packets: packets.map((packet) => asRead(packet, 113)), warnings: [] });
  });

  it('keeps only the link type of a header that also tells of frame checksums', async () => {
    const path = folder.write(pcapFile(packets, { linkType: 0x14000001 }));
    expect((await readCapture(path)).packets.map((packet) => packet.linkType)).toEqual([1, 1, 1, 1]);
  });

  it('reads seconds beyond 2038', async () => {
    const late = testPacket(0, 60, 4_000_000_000_000_001);
    expect((await readCapture(folder.write(pcapFile([late])))).packets).toEqual([asRead(late)]);
  });

  it('gives no packet and no warning for a file of only a header', async () => {
    expect(await readCapture(folder.write(pcapHeader()))).toEqual({ packets: [], warnings: [] });
  });

  it.each([{ modified: false }, { modified: true }])(
    'keeps all complete packets of a file torn at any byte %o',
    async (options) => {
      const whole = pcapFile(packets, options);
      const ends = packets.map((_, i) => pcapFile(packets.slice(0, i + 1), options).length);
      for (let length = 4; length <= whole.length; length++) {
        const content = await readCapture(folder.write(whole.subarray(0, length)));
        const complete = ends.filter((end) => end <= length).length;
        expect(content.packets).toEqual(packets.slice(0, complete).map((packet) => asRead(packet)));
        const atRecord = length === pcapHeader().length || ends.includes(length);
        expect(content.warnings.map((warning) => warning.code)).toEqual(atRecord ? [] : ['CAPTURE_TRUNCATED']);
      }
    },
  );

  it.each([
    { name: 'four gigabytes', claimed: 0xffffffff },
    { name: 'two gigabytes', claimed: 0x80000000 },
    { name: 'one byte more than the limit', claimed: limits.packetBytes + 1 },
  ])('stops with a warning at a record that claims $name, and keeps what came before', async ({ claimed }) => {
    const bad = pcapRecord(testPacket(9, 60));
    new DataView(bad.buffer).setUint32(8, claimed, true);
    const before = pcapFile(packets.slice(0, 2));
    const path = folder.write(concat(before, bad, pcapRecord(testPacket(10, 60))));
    const content = await readCapture(path);
    expect(content.packets).toEqual(packets.slice(0, 2).map((packet) => asRead(packet)));
    expect(content.warnings).toEqual([
      {
        code: 'CAPTURE_BAD_RECORD',
        message: `a record claims ${claimed} captured bytes (byte ${before.length}, after 2 packets); what comes before was used`,
        where: path,
      },
    ]);
  });

  it('reads a packet of the greatest length', async () => {
    const longest = testPacket(1, limits.packetBytes);
    const content = await readCapture(folder.write(pcapFile([longest, ...packets])), { readBytes: 5000 });
    expect(content.warnings).toEqual([]);
    expect(content.packets).toHaveLength(5);
    expect(Buffer.compare(content.packets[0]!.bytes, longest.bytes)).toBe(0);
  });

  it('refuses a version that it does not know', async () => {
    const content = await readCapture(folder.write(pcapFile(packets, { versionMajor: 3 })));
    expect(content.packets).toEqual([]);
    expect(content.warnings.map((warning) => warning.code)).toEqual(['CAPTURE_UNSUPPORTED']);
  });
});
