import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** Makes a script that plain node runs out of a TypeScript file of this folder. Returns its path, two folders below the root. */
export function bundleForNode(name: string): string {
  const outfile = fileURLToPath(new URL(`../../build/test-capture/${name}.mjs`, import.meta.url));
  const entry = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  buildSync({ entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
  return outfile;
}
