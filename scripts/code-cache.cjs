// Loaded before the program (`node --require`): keeps the code that V8 made of its scripts beside them, for `load-script.js`, as it is when a
// thread ends, and so with the functions that it called.
const { join } = require('node:path');
const vm = require('node:vm');
const { writeCodeCache } = require('./bundle/code-cache.js');

const folder = join(__dirname, '..', 'dist', 'bundle');

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    process.on('exit', () => writeCodeCache(join(folder, `${options.filename}.cache`), this.createCachedData()));
  }
};
