import type { Socket } from 'node:net';

/**
 * Calls back once something has come on a paused connection; what came stays in its buffer. A connection on which nothing comes within
 * `ms`, or that ends before, is destroyed instead, and one that fails at any time.
 *
 * A TLS connection that is begun with bytes in that buffer takes far less memory for good. Node.js keeps a buffer of what was read and
 * not decrypted yet: 64 KiB when the kernel is read into it first, 1 KiB when it gets the client's hello from here (tls-in-pieces.ts).
 */
export function onFirstBytes(socket: Socket, ms: number, then: () => void): void {
  const look = (): void => {
    socket.off('readable', look).off('timeout', destroy).setTimeout(0);
    if (socket.readableLength > 0) then();
    else socket.destroy();
  };
  socket.on('readable', look).on('timeout', destroy).on('error', destroy).setTimeout(ms);
}

function destroy(this: Socket): void {
  this.destroy();
}
