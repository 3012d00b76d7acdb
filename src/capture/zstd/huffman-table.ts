import { BitStream } from './bit-stream.js';
import { type FseTable, readFseTable } from './fse-table.js';
import { corrupt } from './zstd-error.js';

const MAX_BITS = 11;
const MAX_WEIGHT_LOG = 6;
const MAX_WEIGHTS = 255;

/** By the next `maxBits` bits: the symbol, and how many of them it takes (RFC 8878 4.2). */
export interface HuffmanTable {
  readonly maxBits: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

function tableOf(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_BITS) corrupt('a Huffman weight too large');
    if (weight > 0) sum += 1 << (weight - 1);
  }
  if (sum === 0) corrupt('a Huffman tree without leaves');
  const maxBits = 32 - Math.clz32(sum);
  const left = (1 << maxBits) - sum;
  if (maxBits > MAX_BITS || (left & (left - 1)) !== 0) corrupt('Huffman weights that do not add up');
  weights.push(32 - Math.clz32(left));
  const symbols = new Uint8Array(1 << maxBits);
  const bits = new Uint8Array(1 << maxBits);
  let at = 0;
  for (let weight = 1; weight <= maxBits; weight++) {
    for (const [symbol, own] of weights.entries()) {
      if (own !== weight) continue;
      const end = at + (1 << (weight - 1));
      symbols.fill(symbol, at, end);
      bits.fill(maxBits + 1 - weight, at, end);
      at = end;
    }
  }
  return { maxBits, symbols, bits };
}

/** Two states take turns until the bits are used up. */
function readWeights(table: FseTable, stream: BitStream): number[] {
  const weights: number[] = [];
  const states = [stream.read(table.accuracyLog), stream.read(table.accuracyLog)];
  for (let turn = 0; ; turn = 1 - turn) {
    const state = states[turn]!;
    weights.push(table.symbols[state]!);
    states[turn] = table.base[state]! + stream.read(table.bits[state]!);
    if (stream.position < 0) {
      weights.push(table.symbols[states[1 - turn]!]!);
      break;
    }
    if (weights.length >= MAX_WEIGHTS) corrupt('too many Huffman weights');
  }
  if (weights.length > MAX_WEIGHTS) corrupt('too many Huffman weights');
  return weights;
}

/**
 * Reads a tree description (RFC 8878 4.2.1) at `start`; gives where it ends.
 * @throws ZstdError
 */
export function readHuffmanTable(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly table: HuffmanTable; readonly end: number } {
  if (start >= end) corrupt('a cut Huffman tree');
  const header = bytes[start]!;
  if (header < 128) {
    const stop = start + 1 + header;
    if (stop > end) corrupt('a cut Huffman tree');
    const { table, end: at } = readFseTable(bytes, start + 1, stop, MAX_WEIGHTS, MAX_WEIGHT_LOG);
    return { table: tableOf(readWeights(table, new BitStream(bytes, at, stop))), end: stop };
  }
  const count = header - 127;
  const stop = start + 1 + ((count + 1) >> 1);
  if (stop > end) corrupt('a cut Huffman tree');
  const weights: number[] = [];
  for (let i = 0; i < count; i++) {
    const pair = bytes[start + 1 + (i >> 1)]!;
    weights.push(i % 2 === 0 ? pair >> 4 : pair & 15);
  }
  return { table: tableOf(weights), end: stop };
}

/**
 * Decodes the stream in `bytes[start, end)` into `out[from, to)`, which it must fill exactly.
 * @throws ZstdError
 */
export function decodeHuffman(
  table: HuffmanTable,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  from: number,
  to: number,
): void {
  const stream = new BitStream(bytes, start, end);
  const { maxBits, symbols, bits } = table;
  for (let i = from; i < to; i++) {
    const index = stream.peek(maxBits);
    out[i] = symbols[index]!;
    stream.position -= bits[index]!;
    if (stream.position < 0) corrupt('literals cut short');
  }
  if (stream.position !== 0) corrupt('literals too long');
}
