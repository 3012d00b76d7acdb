import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The parts in WebAssembly: `native/NAME`, built as `build/NAME.wasm`. */
export type KernelName = 'follow' | 'frames' | 'lines';

/** Undefined: it was looked for, and is not there. */
const modules = new Map<KernelName, WebAssembly.Module | undefined>();

/** The code of a part, for another thread; undefined where it was not built. */
export function moduleOf(name: KernelName): WebAssembly.Module | undefined {
  if (modules.has(name)) return modules.get(name);
  let module: WebAssembly.Module | undefined;
  try {
    const bytes = readFileSync(fileURLToPath(new URL(`../../build/${name}.wasm`, import.meta.url)));
    module = new WebAssembly.Module(new Uint8Array(bytes));
  } catch {
    // Not there.
  }
  modules.set(name, module);
  return module;
}

/** What a part exports, running over a memory of ours; undefined where it was not built: speed alone depends on it. */
export function kernelOver(name: KernelName, memory: WebAssembly.Memory): WebAssembly.Exports | undefined {
  const module = moduleOf(name);
  return module && new WebAssembly.Instance(module, { env: { memory } }).exports;
}

/** The first byte of the memory behind its constants. */
export function heapBase(exports: WebAssembly.Exports): number {
  return (exports.__heap_base as WebAssembly.Global).value as number;
}
