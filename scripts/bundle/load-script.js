'use strict';
const { readFileSync } = require('node:fs');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');
const { readCodeCache } = require('./code-cache.js');

/**
 * Runs `NAME.script.js` as what the module `caller` does. V8 takes its compiled code from the cache, and compiles it anew where another
 * Node.js or one with other flags made that. The cache keeps the name, so it is one without the folder of whoever built it.
 */
module.exports = function loadScript(name, caller) {
  const filename = `${name}.script.js`;
  const path = `${__dirname}/${filename}`;
  const script = new Script(readFileSync(path, 'latin1'), { filename, cachedData: readCodeCache(`${path}.cache`) });
  const importModule = (specifier) => import(specifier);
  script.runInThisContext()(require, caller, caller.exports, importModule, pathToFileURL(path).href);
};
