import { afterAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import {
  concat,
  enhancedPacket,
  interfaceBlock,
  obsoletePacket,
  option,
  pcapngBlock,
  pcapngFile,
  sectionHeader,
  simplePacket,
  testPacket,
} from './capture-bytes.js';
import { asRead, CaptureFolder, readCapture } from './read-capture.js';

const folder = new CaptureFolder();
afterAll(() => folder.remove());

const packets = [testPacket(0, 60), testPacket(1, 1), testPacket(2, 0), { ...testPacket(3, 96), wireLen: 1514 }];
const [first, second] = packets as [(typeof packets)[0], (typeof packets)[0]];

async function read(...blocks: Uint8Array[]) {
  return readCapture(folder.write(concat(...blocks)));
}

describe('pcapng files', () => {
  it.each([true, false])('reads enhanced packets (little-endian: %s)', async (little) => {
    const content = await read(pcapngFile(packets, little));
    expect(content).toEqual({ packets: packets.map((packet) => asRead(packet)), warnings: [] });
  });

  it.each([true, false])(
    'reads obsolete packet blocks, whose interface has 16 bits (little-endian: %s)',
    async (little) => {
      const other = interfaceBlock({ little, linkType: 101 });
      const block = obsoletePacket(first, { little, interfaceId: 1 });
      const content = await read(sectionHeader(little), interfaceBlock({ little }), other, block);
      expect(content).toEqual({ packets: [asRead(first, 101)], warnings: [] });
    },
  );

  it('reads several interfaces with their own link types and clocks', async () => {
    const content = await read(
      sectionHeader(),
      interfaceBlock({ linkType: 1 }),
      interfaceBlock({ linkType: 276, tsresol: 9 }),
      enhancedPacket(first, { interfaceId: 1, ticks: BigInt(first.timeUs) * 1000n + 999n }),
      enhancedPacket(second, { interfaceId: 0 }),
    );
    expect(content).toEqual({ packets: [asRead(first, 276), asRead(second, 1)], warnings: [] });
  });

  it('reads several sections of different byte order, each with its own interfaces', async () => {
    const content = await read(
      sectionHeader(false, option(4, Buffer.from('a tool'), false)),
      interfaceBlock({ little: false, linkType: 105 }),
      enhancedPacket(first, { little: false }),
      sectionHeader(true),
      interfaceBlock({ linkType: 113 }),
      enhancedPacket(second),
    );
    expect(content).toEqual({ packets: [asRead(first, 105), asRead(second, 113)], warnings: [] });
  });

  it('does not carry the interfaces of one section into the next', async () => {
    const content = await read(pcapngFile([first]), sectionHeader(), enhancedPacket(second));
    expect(content.packets).toEqual([asRead(first)]);
    expect(content.warnings.map((warning) => warning.code)).toEqual(['CAPTURE_BAD_RECORD']);
  });

  it('adds the seconds of if_tsoffset', async () => {
    const ticks = BigInt(first.timeUs) - 1_600_000_000_000_000n;
    const description = interfaceBlock({ tsoffset: 1_600_000_000n });
    const content = await read(sectionHeader(), description, enhancedPacket(first, { ticks }));
    expect(content.packets).toEqual([asRead(first)]);
  });

  it('cuts simple packets as the interface says and gives them the time of the packet before', async () => {
    const cut = { ...second, bytes: first.bytes.subarray(0, 20), wireLen: 60 };
    const content = await read(
      sectionHeader(),
      interfaceBlock({ snaplen: 20 }),
      enhancedPacket({ ...first, bytes: first.bytes.subarray(0, 20) }),
      simplePacket(cut),
      simplePacket({ ...cut, bytes: cut.bytes.subarray(0, 8), wireLen: 8 }),
    );
    expect(content.packets.slice(1)).toEqual([
      asRead({ ...cut, timeUs: first.timeUs }),
      asRead({ ...cut, bytes: cut.bytes.subarray(0, 8), wireLen: 8, timeUs: first.timeUs }),
    ]);
    expect(content.warnings).toEqual([]);
  });

  it('passes over unknown blocks, however long, and over options after a packet', async () => {
    const content = await read(
      sectionHeader(),
      pcapngBlock(5, new Uint8Array(9)),
      pcapngBlock(0x80000bad, new Uint8Array(3_000_000)),
      interfaceBlock(),
      enhancedPacket(first, { options: option(1, new Uint8Array(60_000)) }),
      enhancedPacket(second),
    );
    expect(content).toEqual({ packets: [asRead(first), asRead(second)], warnings: [] });
  });

  it('keeps every packet whose bytes are all there in a file torn at any byte', async () => {
    const whole = pcapngFile(packets);
    const boundaries = [28, 28 + interfaceBlock().length];
    const dataEnds = packets.map((packet, i) => {
      const start = pcapngFile(packets.slice(0, i)).length;
      boundaries.push(start);
      return start + 28 + packet.bytes.length;
    });
    boundaries.push(whole.length);
    for (let length = 4; length <= whole.length; length++) {
      const content = await readCapture(folder.write(whole.subarray(0, length)));
      const complete = dataEnds.filter((end) => end <= length).length;
      expect(content.packets).toEqual(packets.slice(0, complete).map((packet) => asRead(packet)));
      const codes = content.warnings.map((warning) => warning.code);
      expect(codes).toEqual(boundaries.includes(length) ? [] : ['CAPTURE_TRUNCATED']);
    }
  });

  const patched = (block: Uint8Array, at: number, value: number) => {
    new DataView(block.buffer).setUint32(at, value, true);
    return block;
  };
  it.each([
    { name: 'a packet that claims 4 GiB', block: patched(enhancedPacket(second), 20, 0xffffffff) },
    { name: 'a packet that claims more than its block', block: patched(enhancedPacket(second), 20, 300) },
    { name: 'a packet beyond the limit', block: enhancedPacket(testPacket(1, limits.packetBytes + 1)) },
    { name: 'a packet of an unknown interface', block: enhancedPacket(second, { interfaceId: 1 }) },
    { name: 'a block shorter than its frame', block: patched(enhancedPacket(second), 4, 8) },
    { name: 'a packet block too short for its header', block: patched(enhancedPacket(testPacket(0, 0)), 4, 12) },
    { name: 'a block whose length is no multiple of four', block: patched(enhancedPacket(second), 4, 93) },
    { name: 'a simple packet block too short for its header', block: patched(simplePacket(second), 4, 12) },
    { name: 'an interface description of 2 GiB', block: patched(interfaceBlock(), 4, 0x80000000) },
    { name: 'a section header without a byte order mark', block: patched(sectionHeader(), 8, 0) },
    { name: 'a section header too short for its fields', block: patched(sectionHeader(), 4, 16) },
  ])('stops with a warning at $name, and keeps what came before', async ({ block }) => {
    const content = await read(pcapngFile([first]), block, enhancedPacket(second));
    expect(content.packets).toEqual([asRead(first)]);
    const at = `(byte ${pcapngFile([first]).length}, after 1 packets)`;
    expect(content.warnings).toMatchObject([{ code: 'CAPTURE_BAD_RECORD', message: expect.stringContaining(at) }]);
  });

  it('stops at a section of an unknown version', async () => {
    const content = await read(pcapngFile([first]), sectionHeader(true, new Uint8Array(0), 2), enhancedPacket(second));
    expect(content.packets).toEqual([asRead(first)]);
    expect(content.warnings.map((warning) => warning.code)).toEqual(['CAPTURE_UNSUPPORTED']);
  });

  it('ignores interface options that run out of their block', async () => {
    const torn = concat(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(9, 0, 200, 0, 9, 0, 0, 0));
    const content = await read(sectionHeader(), pcapngBlock(1, torn), enhancedPacket(first));
    expect(content).toEqual({ packets: [asRead(first)], warnings: [] });
  });
});
