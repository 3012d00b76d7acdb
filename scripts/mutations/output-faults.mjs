// Faults in the lines that are written.

export const outputFaults = [
  {
    name: 'lent-chunk-lost',
    file: 'src/outputs/line-sink.ts',
    find: '    if (memory !== this.#chunk) this.#giveBack(this.#chunk);\n',
    replace: '',
    tests: ['test/outputs/line-sink.test.ts'],
  },
  {
    name: 'place-beyond-a-chunk',
    file: 'src/outputs/line-sink.ts',
    find: 'this.#buffer.length + bytes > limits.sinkChunkBytes',
    replace: 'bytes > limits.sinkChunkBytes',
    tests: ['test/outputs/line-sink.test.ts'],
  },
  {
    name: 'helped-batch-left-in-part',
    file: 'src/outputs/helped-lines.ts',
    find: '      if (next < end) break;\n',
    replace: '',
    tests: ['test/outputs/helped-lines.test.ts'],
  },
  {
    name: 'kernel-gap-left-out',
    file: 'src/outputs/connection-kernel.ts',
    find: 'view.missed_bytes, this.#at',
    replace: '0, this.#at',
    tests: ['test/outputs/connection-kernel.test.ts'],
  },
  {
    name: 'written-of-another',
    file: 'src/records/shown-process.ts',
    find: ' && this.#clock === clock',
    replace: '',
    tests: ['test/outputs/owner-texts.test.ts'],
  },
  {
    name: 'command-lines-shown-whole',
    file: 'src/outputs/shown-command-line.ts',
    find: 'if (cmdline.length <= most) return { cmdline };',
    replace: 'if (cmdline.length <= most || true) return { cmdline };',
    tests: ['test/outputs/connection-json.test.ts'],
  },
];
