import { heapBase, kernelOver } from '../core/kernel.js';
import type { PacketBatch } from './packet-batch.js';

/** Code in WebAssembly (`native/frames`) on one memory. Addresses are bytes of it. */
export interface FrameKernel {
  /** The sum of 16-bit words in the machine's order, which is little-endian in WebAssembly; an odd last byte counts as the low half of a word. */
  readonly sum: (at: number, length: number) => number;
  /** The sum of `count` words from the address `at` on. */
  readonly total: (at: number, count: number) => number;
  /** As `readRecords` of `pcap-file.ts`, of the batch at the address `batch`, whose header has the number of packets then. */
  readonly records: (
    batch: number,
    at: number,
    end: number,
    count: number,
    most: number,
    isSwapped: boolean,
    ticksPerMicro: number,
    link: number,
  ) => number;
  /**
   * Adds the packets that bytes [at, end) of the batch at the address `batch` begin with, as long as each is a whole enhanced packet block of
   * pcapng and of one interface, of whose ticks `ticksPerMicro` are a microsecond. Otherwise as `records`.
   */
  readonly blocks: (
    batch: number,
    at: number,
    end: number,
    count: number,
    most: number,
    isSwapped: boolean,
    interfaceId: number,
    ticksPerMicro: number,
    link: number,
  ) => number;
  /**
   * Decodes packets [from, to) of the batch at the address `batch`, of `bytes`, as long as `decodeUsualFrame` would, into the rows from the
   * address `rows` on, but for their hashes. Gives the first packet that it would not. The word BYTES_WANTED_OFFSET of the batch is not 0 then if not all of one is in its row.
   */
  readonly frames: (
    batch: number,
    bytes: number,
    from: number,
    to: number,
    rows: number,
    verifyChecksums: boolean,
  ) => number;
  /** Hashes `count` of the rows that `frames` made, as `setFlowKey` would. */
  readonly hashes: (rows: number, count: number, k0: number, k1: number) => void;
}

/** Bytes at the start of a memory that are left to the kernel. */
export const FRAME_KERNEL_ROOM = 64;
/** Longest that it may sum, in bytes. */
export const KERNEL_SUM_BYTES = 65_535;

function newKernel(memory: WebAssembly.Memory): FrameKernel | undefined {
  const exports = kernelOver('frames', memory);
  if (exports === undefined) return undefined;
  if (heapBase(exports) > FRAME_KERNEL_ROOM)
    throw new Error('the kernel for frames has more constants than there is room for');
  return exports as unknown as FrameKernel;
}

let lastMemory: WebAssembly.Memory | undefined;
let lastKernel: FrameKernel | undefined;

/** The kernel for a memory, the same as the last time but for tests; undefined without either. */
export function frameKernel(memory: WebAssembly.Memory | undefined): FrameKernel | undefined {
  if (memory === undefined) return undefined;
  if (memory !== lastMemory) {
    lastMemory = memory;
    lastKernel = newKernel(memory);
  }
  return lastKernel;
}

/** The sum of the words [from, to) of a column of a batch: how many bytes its packets have. */
export function totalOf({ memory }: PacketBatch, column: Uint32Array, from: number, to: number): number {
  const kernel = frameKernel(memory);
  if (kernel !== undefined) return kernel.total(column.byteOffset + from * Uint32Array.BYTES_PER_ELEMENT, to - from);
  let total = 0;
  for (let i = from; i < to; i++) total += column[i]!;
  return total;
}
