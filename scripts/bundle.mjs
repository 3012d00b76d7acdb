// Makes dist/bundle: the program in a few files, which starts in a fraction of the time of its hundreds of modules (see ARCHITECTURE, decision 1).
//
//   main.script.js, decode-worker.script.js   what a run over files loads, in one script for each of its threads, with the code that V8 made of it
//   NAME-HASH.mjs                             what only some runs load
//   NAME-worker.mjs                           the other threads
//
// What brings files of its own stays outside.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { outsideBundle } from './outside-bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist', 'bundle');
/** The program in modules, before those that every run loads are put together. */
const modules = join(root, 'dist', 'modules');
const scripts = ['main', 'decode-worker'];
const otherWorkers = ['src/pipeline/live-worker.ts', 'src/pipeline/store-worker.ts', 'src/sensor/sql/query-worker.ts'];

const common = {
  absWorkingDir: root,
  bundle: true,
  // Constants become literals, across modules too, which the hot loops feel.
  minifySyntax: true,
  minifyWhitespace: true,
  platform: 'node',
  target: 'node20',
  external: outsideBundle,
  sourcemap: true,
  logLevel: 'warning',
};

/** Modules: what is imported only when needed is one of its own, as is what several of these share. */
const split = { ...common, format: 'esm', splitting: true, outExtension: { '.js': '.mjs' } };

/** What bundled CommonJS packages ask for. */
const banner = {
  js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
};

/**
 * Writes a script: one function, which `load-script.js` calls. Where V8 takes its code from a cache, Node.js 20 does not know for whom it
 * imports, so a function from outside does that.
 */
async function buildScript(name, options) {
  const { outputFiles } = await build({
    ...common,
    ...options,
    outfile: join(folder, `${name}.script.js`),
    format: 'cjs',
    define: { 'import.meta.url': 'scriptUrl' },
    charset: 'ascii',
    banner: { js: '(function (require, module, exports, importModule, scriptUrl) {' },
    footer: { js: '})' },
    write: false,
  });
  for (const { path, text } of outputFiles) {
    writeFileSync(path, path.endsWith('.map') ? text : text.replace(/\bimport\(/g, 'importModule('));
  }
}

/** commander starts programs for commands that are programs of their own, of which there are none. */
const noPrograms = {
  name: 'no-programs',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer, path }) =>
      importer.includes('/commander/') ? { path, namespace: 'nothing' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {}' }));
  },
};

const isStatic = ({ kind, external }) => kind === 'import-statement' && external !== true;

/** What esbuild tells of each module, by file name. */
async function buildModules() {
  const options = { entryPoints: ['src/main.ts'], outdir: modules, metafile: true, plugins: [noPrograms] };
  const { metafile } = await build({ ...split, ...options });
  const files = Object.entries(metafile.outputs).filter(([path]) => path.endsWith('.mjs'));
  return new Map(files.map(([path, about]) => [basename(path), about]));
}

/** The modules that every run loads: `main.mjs` and what it imports. */
function loadedAlways(built) {
  const found = new Set();
  const visit = (name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const each of built.get(name).imports) if (isStatic(each)) visit(basename(each.path));
  };
  visit('main.mjs');
  return found;
}

/** One script of these modules. It exports them under their file names, for the modules that are loaded later. */
async function buildMain(always) {
  const later = {
    name: 'later',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\/.*\.mjs$/ }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : undefined,
      );
    },
  };
  const exported = [...always].map((name) => `export * as '${name}' from './${name}';`);
  await buildScript('main', { stdin: { contents: exported.join('\n'), resolveDir: modules }, plugins: [later] });
}

/** The modules that are loaded later, which take what the script has from it. */
async function buildLater(built, always) {
  const inScript = {
    name: 'in-script',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\.\/.*\.mjs$/ }, ({ path }) =>
        always.has(basename(path)) ? { path: basename(path), namespace: 'script' } : undefined,
      );
      onResolve({ filter: /^\.\/main\.js$/ }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /.*/, namespace: 'script' }, ({ path }) => {
        const names = built.get(path).exports;
        const lines = names.map((name, i) => `const e${i} = main['${path}'].${name}; export { e${i} as ${name} };`);
        return { contents: ["import main from './main.js';", ...lines].join('\n') };
      });
    },
  };
  const entries = [...built].filter(([name, { entryPoint }]) => entryPoint !== undefined && !always.has(name));
  const entryPoints = entries.map(([name]) => join(modules, name));
  await build({ ...split, banner, entryPoints, outdir: folder, plugins: [inScript] });
}

/** Threads share no module with the main one. Those that start once in a long run stay modules. */
async function buildWorkers() {
  await buildScript('decode-worker', { entryPoints: ['src/pipeline/decode-worker.ts'] });
  await build({ ...split, banner, entryPoints: otherWorkers, entryNames: '[name]', outdir: folder });
}

/** What is started, under the name that the source has for it. */
function writeEntries() {
  cpSync(join(root, 'scripts', 'bundle'), folder, { recursive: true });
  const write = (name, code) => writeFileSync(join(folder, `${name}.js`), `${code}\n`);
  for (const name of scripts) write(name, `require('./load-script.js')('${name}', module);`);
  for (const path of otherWorkers) {
    const name = basename(path, '.ts');
    write(name, `import('./${name}.mjs');`);
  }
}

/** Runs the program once over a sample in both threads, so that V8 compiles what such a run needs. */
function cacheCode() {
  const keep = join(root, 'scripts', 'code-cache.cjs');
  const sample = join(root, 'samples', 'desktop', 'traffic.pcap');
  const run = ['-q', '-r', sample, '--threads', '2', '--connections', '/dev/null', '--table', 'never'];
  const { status } = spawnSync(process.execPath, ['--require', keep, join(root, 'bin', 'correlate.js'), ...run], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return status === 0;
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const built = await buildModules();
const always = loadedAlways(built);
await buildMain(always);
await buildLater(built, always);
await buildWorkers();
writeEntries();
rmSync(modules, { recursive: true });
if (!cacheCode()) {
  console.error('bundle: the program that was built does not run');
  process.exitCode = 1;
}
