import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** Level of each folder (or root file) of src; imports only go to lower levels, or stay in the folder. */
const levels: Record<string, number> = {
  core: 0,
  records: 1,
  capture: 2,
  hosts: 2,
  sensor: 2,
  wire: 2,
  store: 2,
  decode: 3,
  conn: 3.1,
  protocols: 3.2,
  join: 4,
  rules: 5,
  outputs: 6,
  server: 6,
  agent: 6,
  index: 6,
  pipeline: 7,
  selftest: 7,
  cli: 8,
  program: 8.1,
  main: 8.2,
};
const networkSide = new Set(['capture', 'decode', 'conn', 'protocols']);
const hostSide = new Set(['hosts', 'sensor']);

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const partOf = (file: string) => (file.split('/')[0] ?? '').replace(/\.ts$/, '');

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8');
  const specifiers = [
    ...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g),
    ...text.matchAll(/new URL\('(\.[^']+\.js)'/g),
  ];
  return specifiers.map(([, specifier]) => ({
    file,
    target: relative(src, resolve(src, dirname(file), specifier!)).replace(/\.js$/, '.ts'),
  }));
}

const imports = files.flatMap(importsOf);
const name = ({ file, target }: Import) => `${file} -> ${target}`;

describe('layers', () => {
  it('sees the imports of the whole source', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it('gives every folder a level', () => {
    expect([...new Set(files.map(partOf))].filter((part) => levels[part] === undefined)).toEqual([]);
  });

  it('lets imports go to lower levels only', () => {
    const upward = imports.filter(({ file, target }) => {
      const from = partOf(file);
      const to = partOf(target);
      return from !== to && !(levels[to]! < levels[from]!);
    });
    expect(upward.map(name)).toEqual([]);
  });

  it('keeps the network side and the host side apart below the join', () => {
    const crossing = imports.filter(({ file, target }) => {
      const from = partOf(file);
      const to = partOf(target);
      return (networkSide.has(from) && hostSide.has(to)) || (hostSide.has(from) && networkSide.has(to));
    });
    expect(crossing.map(name)).toEqual([]);
  });

  it('lets one file each import the native parts', () => {
    const importers = files.filter((file) => /\.node['"`]/.test(readFileSync(join(src, file), 'utf8')));
    expect(importers).toEqual([
      'capture/live-source.ts',
      'core/memory-addon.ts',
      'sensor/netlink-addon.ts',
      'sensor/sensor-addon.ts',
    ]);
  });

  it('reads a clock only where live input enters', () => {
    const readers = files.filter((file) =>
      /Date\.now\(|new Date\(\)|hrtime|performance\.now/.test(readFileSync(join(src, file), 'utf8')),
    );
    const lawful = (file: string) => /^(sensor|agent|server|cli|capture\/live|pipeline|pipeline\/live)/.test(file);
    expect(readers.filter((file) => !lawful(file))).toEqual([]);
  });
});
