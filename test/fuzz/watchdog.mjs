// A thread that notices when an input does not come to its end: it keeps the input and ends the process.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** Words at the start of the shared memory: inputs begun, length of the one under way. */
const BEGUN = 0;
const LENGTH = 1;
const HEAD_BYTES = 8;
const LOOK_MS = 500;

/** Watches the inputs that are told to it. One that takes longer than `limitMs` ends the process with SIGKILL. */
export class Watchdog {
  #shared = new SharedArrayBuffer(HEAD_BYTES + (1 << 20));
  #words = new Int32Array(this.#shared, 0, 2);
  #bytes = new Uint8Array(this.#shared, HEAD_BYTES);
  #worker;

  constructor(name, folder, limitMs) {
    this.#worker = new Worker(new URL(import.meta.url), {
      workerData: { shared: this.#shared, name, folder, limitMs },
    });
    this.#worker.unref();
  }

  begin(input) {
    const length = Math.min(input.length, this.#bytes.length);
    this.#bytes.set(length === input.length ? input : input.subarray(0, length));
    this.#words[LENGTH] = length;
    Atomics.add(this.#words, BEGUN, 1);
  }

  stop() {
    return this.#worker.terminate();
  }
}

function watch({ shared, name, folder, limitMs }) {
  const words = new Int32Array(shared, 0, 2);
  const bytes = new Uint8Array(shared, HEAD_BYTES);
  let seen = 0;
  // Counted in looks: while the process is stopped, nothing is looked at and no time goes by.
  let looks = 0;
  setInterval(() => {
    const begun = Atomics.load(words, BEGUN);
    if (begun !== seen || begun === 0) {
      seen = begun;
      looks = 0;
    } else if (++looks > limitMs / LOOK_MS) {
      const input = bytes.slice(0, words[LENGTH]);
      mkdirSync(folder, { recursive: true });
      const file = join(
        folder,
        `${name.replaceAll(' ', '-')}-hang-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`,
      );
      writeFileSync(file, input);
      console.error(`${name}: no end within ${limitMs} ms; input kept in ${file}`);
      process.kill(process.pid, 'SIGKILL');
    }
  }, LOOK_MS);
}

if (!isMainThread && workerData?.shared !== undefined) watch(workerData);
