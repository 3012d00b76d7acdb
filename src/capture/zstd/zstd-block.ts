import { BitStream } from './bit-stream.js';
import { type FseTable, fseTable, readFseTable, singleSymbolTable } from './fse-table.js';
import { decodeHuffman, type HuffmanTable, readHuffmanTable } from './huffman-table.js';
import { corrupt } from './zstd-error.js';

/** The most content of one block, bytes (RFC 8878 3.1.1.2.4). */
export const MAX_BLOCK_BYTES = 131_072;

/** Where decoded bytes go: `bytes[0, end)` is what matches may refer to. There is room for one more block. */
export interface Window {
  bytes: Uint8Array;
  end: number;
}

/** One of the three codes of a sequence: its predefined table and what a table of the block may be (RFC 8878 3.1.1.3.2.1). */
interface SequenceCode {
  readonly predefined: FseTable;
  readonly maxSymbol: number;
  readonly maxLog: number;
}

function counted(pairs: readonly (readonly [probability: number, times: number])[]): number[] {
  return pairs.flatMap(([probability, times]) => new Array<number>(times).fill(probability));
}

const literalLengths: SequenceCode = {
  // biome-ignore format: a table
  predefined: fseTable([4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6),
  maxSymbol: 35,
  maxLog: 9,
};
const offsets: SequenceCode = {
  predefined: fseTable([...counted([[1, 6]]), 2, 2, 2, ...counted([[1, 15], [-1, 5]])], 5), // biome-ignore format: a table
  maxSymbol: 31,
  maxLog: 8,
};
const matchLengths: SequenceCode = {
  predefined: fseTable([1, 4, 3, ...counted([[2, 6], [1, 37], [-1, 7]])], 6), // biome-ignore format: a table
  maxSymbol: 52,
  maxLog: 9,
};

/** Extra bits by code, and the length that each begins with. */
function lengths(first: number, plain: number, extra: readonly number[]): { bits: Uint8Array; base: Int32Array } {
  const bits = Uint8Array.from([...new Array<number>(plain).fill(0), ...extra]);
  const base = new Int32Array(bits.length);
  let next = first;
  for (let code = 0; code < bits.length; code++) {
    base[code] = next;
    next += 1 << bits[code]!;
  }
  return { bits, base };
}
const literal = lengths(0, 16, [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
const match = lengths(3, 32, [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

/** Offsets that need more bits lie beyond any window that is accepted. */
const MAX_OFFSET_CODE = 30;

/** Decodes the blocks of one frame: what a block leaves to the next are tables and offsets. */
export class BlockDecoder {
  readonly #literals = new Uint8Array(MAX_BLOCK_BYTES);
  #huffman: HuffmanTable | undefined;
  #tables: [FseTable, FseTable, FseTable] | undefined;
  readonly #recent = [1, 4, 8];

  /**
   * Decodes the compressed block in `bytes[start, end)` to the end of the window; at most `most` bytes.
   * @throws ZstdError
   */
  decode(bytes: Uint8Array, start: number, end: number, window: Window, most: number): void {
    const { at, count } = this.#readLiterals(bytes, start, end, most);
    if (at >= end) corrupt('a block without sequences');
    let sequences = bytes[at]!;
    let next = at + 1;
    if (sequences >= 128) {
      if (next + 2 > end) corrupt('a cut block');
      if (sequences < 255) sequences = ((sequences - 128) << 8) | bytes[next++]!;
      else {
        sequences = (bytes[next]! | (bytes[next + 1]! << 8)) + 0x7f00;
        next += 2;
      }
    }
    let used = 0;
    const limit = window.end + most;
    if (sequences > 0) {
      const stream = new BitStream(bytes, this.#readTables(bytes, next, end), end);
      used = this.#execute(stream, sequences, count, window, limit);
    } else if (next !== end) corrupt('a block too long');
    if (window.end + count - used > limit) corrupt('a block too large');
    window.bytes.set(this.#literals.subarray(used, count), window.end);
    window.end += count - used;
  }

  /** The literals section (RFC 8878 3.1.1.3.1): how many there are, and where it ends. */
  #readLiterals(bytes: Uint8Array, start: number, end: number, most: number): { at: number; count: number } {
    if (end - start < 2) corrupt('a block too short');
    const first = bytes[start]!;
    const type = first & 3;
    const format = (first >> 2) & 3;
    // At most five bytes; what lies behind the block is not used.
    const low =
      first | ((bytes[start + 1] ?? 0) << 8) | ((bytes[start + 2] ?? 0) << 16) | ((bytes[start + 3] ?? 0) << 24);
    if (type < 2) {
      const headerBytes = (format & 1) === 0 ? 1 : format === 1 ? 2 : 3;
      const count = headerBytes === 1 ? first >> 3 : (low >>> 4) & (headerBytes === 2 ? 0xfff : 0xfffff);
      let at = start + headerBytes;
      if (count > most || at + (type === 0 ? count : 1) > end) corrupt('literals cut short');
      if (type === 0) this.#literals.set(bytes.subarray(at, at + count));
      else this.#literals.fill(bytes[at]!, 0, count);
      at += type === 0 ? count : 1;
      return { at, count };
    }
    const bits = format < 2 ? 10 : format === 2 ? 14 : 18;
    const headerBytes = format < 2 ? 3 : format + 2;
    const mask = (1 << bits) - 1;
    const count = (low >>> 4) & mask;
    const rest = (bytes[start + 4] ?? 0) * 2 ** 32 + (low >>> 0);
    const size = Math.floor(rest / 2 ** (4 + bits)) & mask;
    let at = start + headerBytes;
    const stop = at + size;
    if (count > most || stop > end) corrupt('literals cut short');
    if (type === 2) {
      const tree = readHuffmanTable(bytes, at, stop);
      this.#huffman = tree.table;
      at = tree.end;
    }
    const table = this.#huffman ?? corrupt('literals without a tree');
    if (format === 0) decodeHuffman(table, bytes, at, stop, this.#literals, 0, count);
    else this.#decodeFour(table, bytes, at, stop, count);
    return { at: stop, count };
  }

  #decodeFour(table: HuffmanTable, bytes: Uint8Array, start: number, stop: number, count: number): void {
    if (start + 6 > stop) corrupt('literals cut short');
    const quarter = (count + 3) >> 2;
    let at = start + 6;
    for (let i = 0; i < 4; i++) {
      const size = i === 3 ? stop - at : bytes[start + 2 * i]! | (bytes[start + 2 * i + 1]! << 8);
      const from = i * quarter;
      const to = i === 3 ? count : from + quarter;
      if (at + size > stop || to > count || from > to) corrupt('literals cut short');
      decodeHuffman(table, bytes, at, at + size, this.#literals, from, to);
      at += size;
    }
  }

  /** Which tables the sequences use (RFC 8878 3.1.1.3.2.1); gives where their bits start. */
  #readTables(bytes: Uint8Array, start: number, end: number): number {
    if (start >= end) corrupt('a cut block');
    const modes = bytes[start]!;
    if ((modes & 3) !== 0) corrupt('a reserved mode of sequences');
    const before = this.#tables;
    let at = start + 1;
    const read = (code: SequenceCode, mode: number, last: FseTable | undefined): FseTable => {
      if (mode === 0) return code.predefined;
      if (mode === 3) return last ?? corrupt('a repeated table without one before');
      if (mode === 1) {
        const symbol = at < end ? bytes[at++]! : corrupt('a cut block');
        if (symbol > code.maxSymbol) corrupt('a symbol out of range');
        return singleSymbolTable(symbol);
      }
      const description = readFseTable(bytes, at, end, code.maxSymbol, code.maxLog);
      at = description.end;
      return description.table;
    };
    this.#tables = [
      read(literalLengths, modes >> 6, before?.[0]),
      read(offsets, (modes >> 4) & 3, before?.[1]),
      read(matchLengths, (modes >> 2) & 3, before?.[2]),
    ];
    return at;
  }

  /** Decodes and executes the sequences; gives how many literals they used. */
  #execute(stream: BitStream, sequences: number, literals: number, window: Window, limit: number): number {
    const [literalTable, offsetTable, matchTable] = this.#tables!;
    let literalState = stream.read(literalTable.accuracyLog);
    let offsetState = stream.read(offsetTable.accuracyLog);
    let matchState = stream.read(matchTable.accuracyLog);
    const { bytes } = window;
    const from = this.#literals;
    let used = 0;
    let out = window.end;
    for (let left = sequences; left > 0; left--) {
      const offsetCode = offsetTable.symbols[offsetState]!;
      const matchCode = matchTable.symbols[matchState]!;
      const literalCode = literalTable.symbols[literalState]!;
      if (offsetCode > MAX_OFFSET_CODE) corrupt('an offset out of range');
      const offsetValue = (1 << offsetCode) + stream.read(offsetCode);
      const matchLength = match.base[matchCode]! + stream.read(match.bits[matchCode]!);
      const literalLength = literal.base[literalCode]! + stream.read(literal.bits[literalCode]!);
      if (left > 1) {
        literalState = literalTable.base[literalState]! + stream.read(literalTable.bits[literalState]!);
        matchState = matchTable.base[matchState]! + stream.read(matchTable.bits[matchState]!);
        offsetState = offsetTable.base[offsetState]! + stream.read(offsetTable.bits[offsetState]!);
      }
      const offset = this.#offset(offsetValue, literalLength);
      if (stream.position < 0 || used + literalLength > literals) corrupt('sequences cut short');
      if (out + literalLength + matchLength > limit) corrupt('sequences beyond the block');
      for (let i = 0; i < literalLength; i++) bytes[out + i] = from[used + i]!;
      used += literalLength;
      out += literalLength;
      if (offset > out) corrupt('a match before the start');
      if (offset >= matchLength && matchLength > 32) bytes.copyWithin(out, out - offset, out - offset + matchLength);
      else for (let i = 0; i < matchLength; i++) bytes[out + i] = bytes[out + i - offset]!;
      out += matchLength;
    }
    if (stream.position !== 0) corrupt('sequences too long');
    window.end = out;
    return used;
  }

  /** The offset that a value stands for: one of the last three, or a new one (RFC 8878 3.1.1.5). */
  #offset(value: number, literalLength: number): number {
    const recent = this.#recent;
    if (value > 3) {
      recent[2] = recent[1]!;
      recent[1] = recent[0]!;
      recent[0] = value - 3;
      return value - 3;
    }
    const index = literalLength === 0 ? value : value - 1;
    if (index === 0) return recent[0]!;
    const offset = index === 3 ? recent[0]! - 1 : recent[index]!;
    if (offset === 0) corrupt('an offset of 0');
    if (index > 1) recent[2] = recent[1]!;
    recent[1] = recent[0]!;
    recent[0] = offset;
    return offset;
  }
}
