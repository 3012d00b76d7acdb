import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

const open = promisify(fs.open);
const stat = promisify(fs.stat);

/**
 * Opens a file to read it. A named pipe that nobody writes to yet is opened at once: to wait for that would hold one of libuv's threads, and
 * the end of the process with it.
 */
export async function openToRead(path: string): Promise<number> {
  const { O_RDONLY, O_NONBLOCK } = fs.constants;
  return open(path, (await stat(path)).isFIFO() ? O_RDONLY | O_NONBLOCK : O_RDONLY);
}

/** What is written to an open pipe, from the first writer to the last. Waits in the event loop, where reading would hold a thread of libuv's. */
export async function pipeStream(fd: number): Promise<Readable> {
  const { Socket } = await import('node:net');
  return new Socket({ fd, readable: true, writable: false });
}
