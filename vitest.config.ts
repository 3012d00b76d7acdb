import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // A script rule imports the package by its name; in tests that is the source, not the build.
    alias: { correlate: new URL('./src/index.ts', import.meta.url).pathname },
  },
  test: {
    include: ['test/**/*.test.ts'],
    isolate: false,
    // For what never ends: how long a test takes depends on what else the machine does, and decides nothing.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
