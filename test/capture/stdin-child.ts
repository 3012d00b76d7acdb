/**
 * Reads a capture in a process of its own and prints what it found as JSON. Arguments: path, and `close` to close while
 * the source waits for more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openCaptureFile } from '../../src/capture/capture-file.js';
import type { Warning } from '../../src/core/warnings.js';

const [path = '-', mode] = process.argv.slice(2);
const warnings: Warning[] = [];
const source = await openCaptureFile(path, { warn: (warning) => warnings.push(warning) });
let packets = 0;
for (;;) {
  const waiting = source.next();
  if (mode === 'close' && packets > 0) {
    await sleep(20);
    await source.close();
  }
  const batch = await waiting;
  if (batch === undefined) break;
  packets += batch.count;
  source.release(batch);
}
await source.close();
const codes = warnings.map((warning) => warning.code);
console.log(JSON.stringify({ name: source.name, packets, codes, readBytes: source.readBytes }));
