import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { ByteInput } from '../../src/capture/byte-input.js';
import { ZstdInput } from '../../src/capture/zstd-input.js';
import { limits } from '../../src/core/limits.js';
import type { Warning } from '../../src/core/warnings.js';
import { concat, pcapFile, testPacket } from './capture-bytes.js';
import { asRead, CaptureFolder, readCapture } from './read-capture.js';

const folder = new CaptureFolder();
afterAll(() => folder.remove());

const hasZstd = spawnSync('zstd', ['--version']).status === 0;
const reason = hasZstd ? '' : ' (skipped: no zstd: apt-get install -y zstd)';

function zstd(content: Uint8Array, ...options: string[]): Uint8Array {
  const run = spawnSync('zstd', ['-q', '-c', ...options], { input: content, maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(run.stderr.toString());
  return new Uint8Array(run.stdout);
}

/** Gives pieces of at most `piece` bytes. */
class PiecedInput implements ByteInput {
  readBytes = 0;

  constructor(
    private readonly content: Uint8Array,
    private readonly piece: number,
  ) {}

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    const taken = Math.min(length, this.piece, this.content.length - this.readBytes);
    target.set(this.content.subarray(this.readBytes, this.readBytes + taken), offset);
    this.readBytes += taken;
    return taken;
  }

  async close(): Promise<void> {}
}

async function decompress(
  compressed: Uint8Array,
  piece = 1 << 16,
): Promise<{ content: Uint8Array; codes: string[]; messages: string }> {
  const warnings: Warning[] = [];
  const head = compressed.slice(0, 7);
  const input = new ZstdInput(new PiecedInput(compressed.slice(7), piece), head, 'test', (one) => warnings.push(one));
  const parts: Uint8Array[] = [];
  const target = new Uint8Array(10_000);
  for (;;) {
    const length = await input.read(target, 0, target.length);
    if (length === 0) break;
    parts.push(target.slice(0, length));
  }
  await input.close();
  return {
    content: concat(...parts),
    codes: warnings.map(({ code }) => code),
    messages: warnings.map(({ message }) => message).join(),
  };
}

/** Bytes that compress somewhat: words out of a small vocabulary, noise, and runs. */
function mixture(seed: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  let state = seed | 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  for (let at = 0; at < bytes; ) {
    const kind = next(4);
    const length = Math.min(bytes - at, 1 + next(kind === 0 ? 300 : 60));
    const from = next(1 + at);
    for (let i = 0; i < length; i++) {
      out[at + i] = kind === 0 ? 65 + next(3) : kind === 1 ? next(256) : kind === 2 ? 7 : out[Math.min(from + i, at)]!;
    }
    at += length;
  }
  return out;
}

describe.skipIf(!hasZstd)(`a zstd file${reason}`, () => {
  it('has the content that was compressed, at every level and size', async () => {
    const cases = [0, 1, 300, 5_000, 200_000].map((bytes) => ['-3', bytes] as const);
    for (const [level, bytes] of [...cases, ['-1', 140_000], ['-19', 300_000], ['--fast=5', 300_000]] as const) {
      const content = mixture(bytes + level.length, bytes);
      const result = await decompress(zstd(content, level, '--check'));
      expect([level, bytes, Buffer.compare(result.content, content), result.codes]).toEqual([level, bytes, 0, []]);
    }
  });

  it('has it whatever the pieces it is read in, with several frames and skippable ones between them', async () => {
    const parts = [mixture(1, 3_000), mixture(2, 0), mixture(3, 200_000)];
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5);
    const compressed = concat(...parts.flatMap((part) => [zstd(part), skippable]));
    for (const piece of [1, 7, 1000, 1 << 16]) {
      const result = await decompress(compressed, piece);
      expect([piece, Buffer.compare(result.content, concat(...parts)), result.codes]).toEqual([piece, 0, []]);
    }
  });

  it('holds no more than the window and a block, and content far beyond it', async () => {
    const unit = mixture(9, 40_000);
    const content = concat(...Array.from({ length: 60 }, () => unit));
    const compressed = zstd(content, '-3', '--zstd=wlog=17');
    const { content: decompressed, codes } = await decompress(compressed);
    expect([Buffer.compare(decompressed, content), codes]).toEqual([0, []]);
  });

  it('is a capture like any other', async () => {
    const packets = Array.from({ length: 100 }, (_, i) => testPacket(i, 300));
    const path = folder.write(zstd(pcapFile(packets)));
    expect(await readCapture(path)).toEqual({ packets: packets.map((packet) => asRead(packet)), warnings: [] });
  });

  it('gives what comes before a torn end, and says so', async () => {
    const content = mixture(5, 500_000);
    const compressed = zstd(content, '-1');
    for (let cut = 5; cut < compressed.length; cut += 19_999) {
      const result = await decompress(compressed.subarray(0, cut));
      expect(result.codes).toEqual(['CAPTURE_TRUNCATED']);
      expect(Buffer.compare(result.content, content.subarray(0, result.content.length))).toBe(0);
    }
    const packets = Array.from({ length: 500 }, (_, i) => testPacket(i, 600));
    const torn = await readCapture(folder.write(zstd(pcapFile(packets)).subarray(0, -20)));
    expect(torn.warnings.map(({ code }) => code)).toContain('CAPTURE_TRUNCATED');
  });

  it('never throws and never gives more than its blocks may hold when its bytes are changed', async () => {
    const compressed = zstd(mixture(6, 6_000), '-19', '--no-check');
    const change = fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(change, async (changes) => {
        const bytes = compressed.slice();
        for (const [at, value] of changes) bytes[at] = value;
        const { content } = await decompress(bytes);
        expect(content.length).toBeLessThanOrEqual(131_072 * Math.ceil(compressed.length / 4));
      }),
      { numRuns: 150 },
    );
  });
});

describe('a hostile zstd file', () => {
  const frame = (descriptor: number, ...rest: number[]): Uint8Array =>
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, descriptor, ...rest);
  const block = (type: number, size: number, last = 1): number[] => {
    const header = (size << 3) | (type << 1) | last;
    return [header & 255, (header >> 8) & 255, header >> 16];
  };

  it.each([
    ['a window beyond the limit', frame(0, 18 << 3, ...block(0, 1), 65), /window of 268435456 bytes/],
    ['a claimed content beyond the limit', frame(0xe0, 0, 0, 0, 0, 0, 0, 1, 0), /window/],
    ['a reserved flag', frame(8, 0, 0, 0, 0), /reserved flag/],
    ['a dictionary', frame(1, 0, 7, 0, 0, 0), /dictionary/],
    ['a block larger than its window', frame(0, 0, ...block(1, 1025), 65), /block too large/],
    ['a reserved block type', frame(0, 0, ...block(3, 1), 65), /reserved block type/],
    // Two literals, each followed by a match of 131,074 bytes.
    [
      'a block of more content than a block may have',
      frame(0, 10 << 3, ...block(2, 12), 0x11, 65, 2, 0x54, 1, 0, 52, 255, 255, 255, 255, 1),
      /sequences beyond the block/,
    ],
    ['something else behind its first frame', frame(0, 0, ...block(1, 3), 65, 1, 2, 3, 4, 5, 6), /no frame/],
    // Literals of one byte repeated, 65,535 sequences of which each is said to copy 131,074 bytes without a bit of its own.
    [
      'a block of many giant matches',
      frame(0, 10 << 3, ...block(2, 12), 0x09, 65, 255, 255, 255, 0x54, 0, 0, 52, 1, 0, 1),
      /cut short|too large|before the start/,
    ],
  ])('with %s is refused at once', async (_, bytes, message) => {
    const { codes, messages } = await decompress(bytes);
    expect(codes).toEqual(['CAPTURE_BAD_RECORD']);
    expect(messages).toMatch(message);
  });

  it('takes memory as content comes, not as the header claims', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const input = new ZstdInput(
      new PiecedInput(new Uint8Array(0), 1),
      frame(0, 17 << 3, ...block(1, 131_072, 0), 65, ...block(1, 1), 66),
      'test',
      () => undefined,
    );
    expect(limits.zstdWindowBytes).toBe(1 << 27);
    const target = new Uint8Array(131_073);
    expect(await input.read(target, 0, target.length)).toBe(131_072);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
  });

  it('without a recognisable capture inside is refused like any other file', async () => {
    const path = folder.write(frame(0, 0, ...block(1, 40), 65));
    await expect(readCapture(path)).rejects.toMatchObject({ code: 'CAPTURE_WRONG_MAGIC' });
    expect(readFileSync(path)).toHaveLength(10);
  });
});
