'use strict';
const { readFileSync } = require('node:fs');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

/** Undefined where there is none. */
function codeCache(path) {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Runs `NAME.script.js` as what the module `caller` does. V8 takes its compiled code from the cache, and compiles it anew where another V8
 * or one with other flags made that. The cache keeps the name, so it is one without the folder of whoever built it.
 */
module.exports = function loadScript(name, caller) {
  const filename = `${name}.script.js`;
  const path = `${__dirname}/${filename}`;
  const script = new Script(readFileSync(path, 'latin1'), { filename, cachedData: codeCache(`${path}.cache`) });
  const importModule = (specifier) => import(specifier);
  script.runInThisContext()(require, caller, caller.exports, importModule, pathToFileURL(path).href);
};
