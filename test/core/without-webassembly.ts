/** What a process whose addresses are limited sees: no memory of WebAssembly can be had. */
export function withoutWebAssembly<T>(run: () => T): T {
  const { Memory } = WebAssembly;
  Object.defineProperty(WebAssembly, 'Memory', {
    configurable: true,
    value: class {
      constructor() {
        throw new RangeError('could not allocate memory');
      }
    },
  });
  try {
    return run();
  } finally {
    Object.defineProperty(WebAssembly, 'Memory', { configurable: true, value: Memory });
  }
}
