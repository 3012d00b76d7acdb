/** Packages that stay outside the bundled program: they bring files or native parts of their own, or script rules must get the same copy (rxjs). */
export const outsideBundle = ['esbuild', '@sqlite.org/sqlite-wasm', 'rxjs', 'pino', '@duckdb/node-api'];
