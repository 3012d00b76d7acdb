'use strict';
const { readFileSync, writeFileSync } = require('node:fs');

/**
 * Which Node.js this is. V8 itself only asks for its own version, which it has in common with builds that it shares no code with: code of
 * Node.js 20.20 crashed 20.11 (2026-11).
 */
function thisNode() {
  return Buffer.from(JSON.stringify([process.arch, process.versions, process.config]));
}

/** Keeps what V8 made of a script, with the Node.js that it is for behind it, since V8 wants the code aligned. */
function writeCodeCache(path, code) {
  writeFileSync(path, Buffer.concat([code, thisNode()]));
}

/** The code that this Node.js kept. Undefined where there is none. */
function readCodeCache(path) {
  let kept;
  try {
    kept = readFileSync(path);
  } catch {
    return undefined;
  }
  const node = thisNode();
  const end = kept.length - node.length;
  return end >= 0 && kept.subarray(end).equals(node) ? kept.subarray(0, end) : undefined;
}

module.exports = { readCodeCache, writeCodeCache };
