import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import type { ByteInput } from './byte-input.js';
import { BlockDecoder, MAX_BLOCK_BYTES, type Window } from './zstd/zstd-block.js';
import { corrupt, ZstdError } from './zstd/zstd-error.js';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_HEADER_BYTES = 18;
const CHECKSUM_BYTES = 4;
/** Room for compressed bytes: the largest block and what was read beyond it. */
const COMPRESSED_BYTES = 1 << 19;
const FIRST_WINDOW_BYTES = 1 << 20;

/** What is known of the frame that is being read. */
interface Frame {
  readonly windowBytes: number;
  readonly hasChecksum: boolean;
  readonly blocks: BlockDecoder;
}

/**
 * The content of a zstd file (RFC 8878), decompressed block by block as it is read, so that at most the frame's window and
 * one block are held; memory for them is taken as content comes, not as a header claims. A torn or corrupt file ends where it
 * can no longer be read, with the warning CAPTURE_TRUNCATED or CAPTURE_BAD_RECORD; what came before is handed over first.
 * Windows beyond `limits.zstdWindowBytes` and dictionaries are not read (CAPTURE_BAD_RECORD); checksums are not verified.
 */
export class ZstdInput implements ByteInput {
  readonly totalBytes?: number;
  readonly #compressed: ByteInput;
  readonly #where: string;
  readonly #warn: Warn;
  readonly #in = new Uint8Array(COMPRESSED_BYTES);
  readonly #view = new DataView(this.#in.buffer);
  /** Compressed bytes that are there: `#in[#from, #to)`. */
  #from = 0;
  #to: number;
  readonly #window: Window = { bytes: new Uint8Array(FIRST_WINDOW_BYTES), end: 0 };
  /** Up to where the content was handed over. */
  #read = 0;
  #frame: Frame | undefined;
  #ended = false;

  /** `head` is what has been read of the compressed input already, at most half a megabyte less one block. */
  constructor(compressed: ByteInput, head: Uint8Array, where: string, warn: Warn) {
    this.#compressed = new Prefixed(head, compressed);
    this.#to = 0;
    this.#where = where;
    this.#warn = warn;
    if (compressed.totalBytes !== undefined) this.totalBytes = compressed.totalBytes;
  }

  get readBytes(): number {
    return this.#compressed.readBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#read === this.#window.end) {
      if (this.#ended) return 0;
      await this.#advance();
    }
    const taken = Math.min(length, this.#window.end - this.#read);
    target.set(this.#window.bytes.subarray(this.#read, this.#read + taken), offset);
    this.#read += taken;
    return taken;
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#compressed.close();
  }

  /** Reads one block, or what lies between two frames. */
  async #advance(): Promise<void> {
    try {
      if (this.#frame === undefined) await this.#readFrameHeader();
      else await this.#readBlock(this.#frame);
    } catch (error) {
      if (!(error instanceof ZstdError)) throw error;
      this.#endWith('CAPTURE_BAD_RECORD', `the zstd file is corrupt (${error.message})`);
    }
  }

  async #readFrameHeader(): Promise<void> {
    // A header is at least six bytes; fewer are read only where fewer are left.
    const there = await this.#fill(MAX_HEADER_BYTES);
    if (there === 0) {
      this.#ended = true;
      return;
    }
    if (there < 6) return this.#torn();
    const magic = this.#view.getUint32(this.#from, true);
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) return this.#skip();
    if (magic !== FRAME_MAGIC) corrupt('no frame where one was to begin');
    const flags = this.#in[this.#from + 4]!;
    const sizeCode = flags >> 6;
    const single = (flags & 0x20) !== 0;
    const sizeBytes = sizeCode === 0 ? (single ? 1 : 0) : 1 << sizeCode;
    const dictionaryBytes = [0, 1, 2, 4][flags & 3]!;
    const headerBytes = 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes;
    if ((flags & 8) !== 0) corrupt('a reserved flag is set');
    if (there < headerBytes) return this.#torn();
    let dictionary = 0;
    const dictionaryAt = this.#from + 5 + (single ? 0 : 1);
    for (let i = 0; i < dictionaryBytes; i++) dictionary |= this.#in[dictionaryAt + i]!;
    if (dictionary !== 0) corrupt('it needs a dictionary');
    const windowBytes = single ? this.#contentSize(dictionaryAt + dictionaryBytes, sizeBytes) : this.#windowSize();
    if (windowBytes > limits.zstdWindowBytes) corrupt(`a window of ${windowBytes} bytes`);
    this.#from += headerBytes;
    this.#frame = { windowBytes, hasChecksum: (flags & 4) !== 0, blocks: new BlockDecoder() };
    this.#window.end = this.#read = 0;
  }

  #windowSize(): number {
    const descriptor = this.#in[this.#from + 5]!;
    const base = 2 ** (10 + (descriptor >> 3));
    return base + (base / 8) * (descriptor & 7);
  }

  #contentSize(at: number, bytes: number): number {
    if (bytes === 1) return this.#in[at]!;
    if (bytes === 2) return this.#view.getUint16(at, true) + 256;
    const low = this.#view.getUint32(at, true);
    return bytes === 4 ? low : low + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  async #skip(): Promise<void> {
    if ((await this.#fill(8)) < 8) return this.#torn();
    let left = this.#view.getUint32(this.#from + 4, true) + 8;
    while (left > 0) {
      const taken = Math.min(left, await this.#fill(1));
      if (taken === 0) return this.#torn();
      this.#from += taken;
      left -= taken;
    }
  }

  async #readBlock(frame: Frame): Promise<void> {
    if ((await this.#fill(3)) < 3) return this.#torn();
    const header = this.#in[this.#from]! | (this.#in[this.#from + 1]! << 8) | (this.#in[this.#from + 2]! << 16);
    const isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const most = Math.min(frame.windowBytes, MAX_BLOCK_BYTES);
    if (size > most) corrupt('a block too large');
    const bytes = type === 1 ? 1 : size;
    const trailer = isLast && frame.hasChecksum ? CHECKSUM_BYTES : 0;
    if ((await this.#fill(3 + bytes + trailer)) < 3 + bytes) return this.#torn();
    const start = this.#from + 3;
    this.#makeRoom(frame.windowBytes, type === 2 ? most : size);
    const window = this.#window;
    if (type === 0) window.bytes.set(this.#in.subarray(start, start + size), window.end);
    else if (type === 1) window.bytes.fill(this.#in[start]!, window.end, window.end + size);
    else if (type === 2) frame.blocks.decode(this.#in, start, start + size, window, most);
    else corrupt('a reserved block type');
    if (type < 2) window.end += size;
    this.#from = start + bytes;
    if (!isLast) return;
    this.#frame = undefined;
    if (this.#to - this.#from < trailer) this.#torn();
    else this.#from += trailer;
  }

  /** Room for `bytes` more of content behind the window; all content has been handed over. */
  #makeRoom(windowBytes: number, bytes: number): void {
    const window = this.#window;
    if (window.end + bytes <= window.bytes.length) return;
    const kept = Math.min(windowBytes, window.end);
    const from = window.end - kept;
    const wanted = kept + bytes + Math.max(FIRST_WINDOW_BYTES, kept >> 1);
    const target = window.bytes.length < wanted ? new Uint8Array(wanted) : window.bytes;
    if (target === window.bytes) target.copyWithin(0, from, window.end);
    else target.set(window.bytes.subarray(from, window.end));
    window.bytes = target;
    window.end = this.#read = kept;
  }

  /** Reads until `bytes` of the compressed input are there or it ends; tells how many there are. */
  async #fill(bytes: number): Promise<number> {
    if (this.#from > 0 && this.#from + bytes > this.#in.length) {
      this.#in.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    while (this.#to - this.#from < bytes) {
      const length = await this.#compressed.read(this.#in, this.#to, this.#in.length - this.#to);
      if (length === 0) break;
      this.#to += length;
    }
    return this.#to - this.#from;
  }

  #torn(): void {
    this.#endWith('CAPTURE_TRUNCATED', 'the zstd file ends early');
  }

  #endWith(code: 'CAPTURE_TRUNCATED' | 'CAPTURE_BAD_RECORD', message: string): void {
    if (!this.#ended)
      this.#warn({ code, message: `${message}, at byte ${this.readBytes} of it or before`, where: this.#where });
    this.#ended = true;
  }
}

/** An input whose first bytes have been read already. */
class Prefixed implements ByteInput {
  readonly totalBytes?: number;

  constructor(
    private head: Uint8Array,
    private readonly rest: ByteInput,
  ) {
    if (rest.totalBytes !== undefined) this.totalBytes = rest.totalBytes;
  }

  get readBytes(): number {
    return this.rest.readBytes;
  }

  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    if (this.head.length === 0) return this.rest.read(target, offset, length);
    const taken = Math.min(length, this.head.length);
    target.set(this.head.subarray(0, taken), offset);
    this.head = this.head.subarray(taken);
    return taken;
  }

  close(): Promise<void> {
    return this.rest.close();
  }
}
