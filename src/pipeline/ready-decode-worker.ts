import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { keepFreedMemory } from '../core/freed-memory.js';

/** Below this many bytes of files a thread would not have started before they are read. */
const WORTH_A_THREAD = 1 << 25;
const READ_OPTION = /^(?:-r|--read=?)(.*)$/;

let ready: Worker | undefined;

/**
 * Starts the thread that decodes if the command line names files that are worth it: it takes as long to start as the rest of the
 * program to load. Where it is not taken after all, it does nothing and keeps no process alive.
 */
export function readyDecodeWorker(argv: readonly string[]): void {
  if (ready !== undefined || !worthAThread(filesToRead(argv))) return;
  ready = decodeWorker();
  ready.unref();
  keepFreedMemory();
}

/** The thread that was started, or a new one; it waits for its DecodeWorkerStart. */
export function takeDecodeWorker(): Worker {
  const worker = ready ?? decodeWorker();
  ready = undefined;
  worker.ref();
  return worker;
}

/** Standard input and pipes are read in the main thread, as Node gives them to no other. */
export function worthAThread(paths: readonly string[]): boolean {
  if (paths.length === 0 || availableParallelism() < 2) return false;
  let bytes = 0;
  for (const path of paths) {
    const size = path === '-' ? undefined : fileBytes(path);
    if (size === undefined) return false;
    bytes += size;
  }
  return bytes >= WORTH_A_THREAD;
}

/** Undefined for what is no file, or cannot be looked at, which whoever opens it tells. */
function fileBytes(path: string): number | undefined {
  try {
    const info = statSync(path);
    return info.isFile() ? info.size : undefined;
  } catch {
    return undefined;
  }
}

function decodeWorker(): Worker {
  return new Worker(new URL('./decode-worker.js', import.meta.url));
}

/** What looks like a file to read; the command line is parsed for good later. */
function filesToRead(argv: readonly string[]): string[] {
  return argv.flatMap((word, i) => {
    const attached = READ_OPTION.exec(word)?.[1];
    if (attached === undefined) return [];
    return [attached === '' ? (argv[i + 1] ?? '-') : attached];
  });
}
