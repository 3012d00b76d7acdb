import { corrupt } from './zstd-error.js';

/** A decoding table of finite state entropy (RFC 8878 4.1): by state its symbol, and how the next state comes from the bits read. */
export interface FseTable {
  readonly accuracyLog: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly base: Uint16Array;
}

/** The table for symbols with these probabilities, of which -1 stands for less than one. They sum up to `1 << accuracyLog`. */
export function fseTable(probabilities: readonly number[], accuracyLog: number): FseTable {
  const size = 1 << accuracyLog;
  const symbols = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const base = new Uint16Array(size);
  const next = probabilities.map((probability) => Math.abs(probability));
  let high = size;
  for (const [symbol, probability] of probabilities.entries()) if (probability === -1) symbols[--high] = symbol;
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (const [symbol, probability] of probabilities.entries()) {
    for (let i = 0; i < probability; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  }
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state]!;
    const value = next[symbol]!;
    next[symbol] = value + 1;
    bits[state] = accuracyLog - (31 - Math.clz32(value));
    base[state] = (value << bits[state]!) - size;
  }
  return { accuracyLog, symbols, bits, base };
}

/** A table of one symbol, which takes no bits. */
export function singleSymbolTable(symbol: number): FseTable {
  return { accuracyLog: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), base: new Uint16Array(1) };
}

/**
 * Reads a table description (RFC 8878 4.1.1) at `start`; gives where it ends. Symbols go up to `maxSymbol`.
 * @throws ZstdError
 */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxSymbol: number,
  maxLog: number,
): { readonly table: FseTable; readonly end: number } {
  let position = 0;
  const read = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, position++) {
      value |= (((bytes[start + (position >> 3)] ?? 0) >> (position & 7)) & 1) << i;
    }
    if (start + ((position + 7) >> 3) > end) corrupt('a cut table');
    return value;
  };
  const accuracyLog = read(4) + 5;
  if (accuracyLog > maxLog) corrupt('a table too large');
  const probabilities: number[] = [];
  let remaining = 1 << accuracyLog;
  while (remaining > 0) {
    const bits = 32 - Math.clz32(remaining + 1);
    const spared = (1 << bits) - 2 - remaining;
    let value = read(bits - 1);
    if (value >= spared) {
      const top = read(1);
      if (top === 1) value += (1 << (bits - 1)) - spared;
    }
    const probability = value - 1;
    remaining -= Math.abs(probability);
    probabilities.push(probability);
    if (probability === 0) {
      for (let repeat = 3; repeat === 3; ) {
        repeat = read(2);
        for (let i = 0; i < repeat; i++) probabilities.push(0);
        if (probabilities.length > maxSymbol) break;
      }
    }
    if (probabilities.length > maxSymbol + 1) corrupt('a table with too many symbols');
  }
  if (remaining < 0) corrupt('probabilities that do not add up');
  return { table: fseTable(probabilities, accuracyLog), end: start + ((position + 7) >> 3) };
}
