import type { ConnectionView } from '../conn/connection-view.js';
import { KERNEL_ROOM } from '../conn/table-memory.js';
import { heapBase, kernelOver } from '../core/kernel.js';
import type { LineBuffer } from './line-buffer.js';

/** Bytes that the kernel may write for a connection, see `native/lines/line.c`. */
export const KERNEL_BYTES = 1024;

type WriteLine = (record: number, capture: number, missedBytes: number, line: number) => number;

/** Writes the JSON fields of connections from their records in one memory, by code in WebAssembly (`native/lines`). */
export class ConnectionKernel {
  readonly #write: WriteLine;
  /** Where it writes. */
  readonly #at: number;
  readonly #words: Float64Array;

  private constructor(exports: WebAssembly.Exports, memory: WebAssembly.Memory) {
    this.#write = exports.line as WriteLine;
    // Behind its constants.
    this.#at = Math.ceil(heapBase(exports) / 8) * 8;
    this.#words = new Float64Array(memory.buffer, this.#at, KERNEL_BYTES / 8);
  }

  /** The kernel for records in this memory, whose first KERNEL_ROOM bytes become its own; undefined where it was not built. */
  static over(memory: WebAssembly.Memory): ConnectionKernel | undefined {
    const exports = kernelOver('lines', memory);
    if (exports === undefined) return undefined;
    const kernel = new ConnectionKernel(exports, memory);
    if (kernel.#at + KERNEL_BYTES > KERNEL_ROOM)
      throw new Error('the kernel for lines has more constants than there is room for');
    return kernel;
  }

  /** Appends the fields of a connection; false, with nothing written, when its record does not say all or not in plain numbers. */
  write(line: LineBuffer, view: ConnectionView): boolean {
    const length = this.#write(view.address, view.captureWord, view.missed_bytes, this.#at);
    if (length === 0) return false;
    line.reserve(KERNEL_BYTES);
    line.words(this.#words, length);
    return true;
  }
}

let lastMemory: WebAssembly.Memory | undefined;
let lastKernel: ConnectionKernel | undefined;

/** The kernel for a memory, which is asked for at each line and mostly the same; undefined without either. */
export function kernelOf(memory: WebAssembly.Memory | undefined): ConnectionKernel | undefined {
  if (memory !== lastMemory) {
    lastMemory = memory;
    lastKernel = memory && ConnectionKernel.over(memory);
  }
  return lastKernel;
}
