import { Socket } from 'node:net';
import { constants } from 'node:os';
import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { readShared } from './websocket/shared-read.js';

/** One byte less than the first of the buffers in which Node.js keeps what TLS has yet to decrypt. */
const PIECE = 1_023;
/** The most that is read at a time: a whole record of TLS. */
const encrypted = Buffer.allocUnsafeSlow(16_384);

/** As libuv tells them. */
const [CANCELED, BROKEN] = [-constants.errno.ECANCELED, -constants.errno.EPIPE];

type Request = object;

/** Node.js's handle of a stream that is JavaScript's, as TLS uses it. */
declare class StreamHandle {
  readBuffer(bytes: Buffer): void;
  emitEOF(): void;
  finishWrite(request: Request, status: number): void;
  finishShutdown(request: Request, status: number): void;
}

const makePieced = findMaker();

/**
 * What TLS is to be begun on for an accepted connection with its first bytes in its buffer, so that it gets all that comes in small pieces.
 * Node.js keeps a buffer of 1 KiB of what was read and not decrypted yet, which is enough then; once a read has filled it, and the kernel
 * fills whatever there is room for, it keeps one of 16 KiB besides for as long as the connection lasts.
 *
 * Where Node.js does this otherwise than today it is the connection itself.
 */
export function tlsInPieces(socket: Socket): Socket {
  return makePieced?.(socket) ?? socket;
}

/** Finds the class of such handles: Node.js makes one for each TLS connection over a stream that is no socket. */
function findMaker(): ((socket: Socket) => Socket) | undefined {
  const probe = new TLSSocket(new Duplex({ read() {}, write() {} }), { isServer: true });
  const handle: unknown = Reflect.get(Reflect.get(probe, '_handle') ?? {}, '_parent');
  probe.destroy();
  if (typeof handle !== 'object' || handle === null) return undefined;
  const Handle = handle.constructor as typeof StreamHandle;
  const isKnown = ['readBuffer', 'emitEOF', 'finishWrite', 'finishShutdown'].every(
    (name) => typeof Reflect.get(Handle.prototype, name) === 'function',
  );
  return isKnown ? makerOf(Handle) : undefined;
}

function makerOf(Handle: typeof StreamHandle): (socket: Socket) => Socket {
  /** Its methods in small letters are called by Node.js. */
  class PiecedHandle extends Handle {
    #isBegun = false;
    #isOver = false;
    #writing: Request | undefined;
    #ending: Request | undefined;

    constructor(private readonly socket: Socket) {
      super();
    }

    /** The socket is closed. */
    close(): void {
      this.#isOver = true;
      this.#wrote(this.#writing, CANCELED);
      this.#ended(this.#ending, CANCELED);
    }

    onreadstart(): number {
      const { socket } = this;
      if (!this.#isBegun) {
        this.#isBegun = true;
        const take = (bytes: Buffer, length: number) => this.#take(bytes, length);
        if (!readShared(socket, take, encrypted)) socket.on('data', (bytes: Buffer) => take(bytes, bytes.length));
        socket.once('end', () => {
          if (!this.#isOver) this.emitEOF();
        });
      }
      socket.resume();
      return 0;
    }

    onreadstop(): number {
      this.socket.pause();
      return 0;
    }

    onwrite(request: Request, pieces: readonly Buffer[]): number {
      this.#writing = request;
      const { socket } = this;
      const last = pieces.length - 1;
      if (last > 0) socket.cork();
      for (let i = 0; i < last; i++) socket.write(pieces[i]!);
      socket.write(pieces[last]!, (error) => {
        // Node.js has not yet noted that it writes.
        setImmediate(() => this.#wrote(request, error ? BROKEN : 0));
      });
      if (last > 0) socket.uncork();
      return 0;
    }

    onshutdown(request: Request): number {
      this.#ending = request;
      setImmediate(() => this.socket.end((error?: Error | null) => this.#ended(request, error ? BROKEN : 0)));
      return 0;
    }

    isClosing(): boolean {
      return this.socket.destroyed;
    }

    getpeername(out: Record<string, unknown>): number {
      const { remoteAddress, remoteFamily, remotePort } = this.socket;
      Object.assign(out, { address: remoteAddress, family: remoteFamily, port: remotePort });
      return 0;
    }

    setNoDelay(isWanted: boolean): number {
      this.socket.setNoDelay(isWanted);
      return 0;
    }

    #take(bytes: Buffer, length: number): void {
      for (let at = 0; at < length && !this.#isOver; at += PIECE) {
        this.readBuffer(bytes.subarray(at, Math.min(at + PIECE, length)));
      }
    }

    #wrote(request: Request | undefined, status: number): void {
      if (request === undefined || this.#writing !== request) return;
      this.#writing = undefined;
      this.finishWrite(request, status);
    }

    #ended(request: Request | undefined, status: number): void {
      if (request === undefined || this.#ending !== request) return;
      this.#ending = undefined;
      this.finishShutdown(request, status);
    }
  }

  /** What TLS is begun on: it passes for a connected socket, whose handle it has. */
  class PiecedSocket {
    _handle: PiecedHandle | null;
    readonly _parent = null;
    readonly connecting = false;
    readonly writableLength = 0;

    constructor(private readonly socket: Socket) {
      const handle = new PiecedHandle(socket);
      this._handle = handle;
      socket.once('close', () => {
        this._handle = null;
        handle.close();
      });
    }

    get allowHalfOpen(): boolean {
      return this.socket.allowHalfOpen;
    }

    get readableLength(): number {
      return this.socket.readableLength;
    }

    /** What came before TLS was begun. */
    read(): Buffer | null {
      const { readableLength } = this;
      return readableLength === 0 ? null : this.socket.read(Math.min(readableLength, PIECE));
    }

    on(event: string, listener: () => void): this {
      this.socket.on(event, listener);
      return this;
    }

    once(event: string, listener: () => void): this {
      this.socket.once(event, listener);
      return this;
    }

    destroy(): void {
      this.socket.destroy();
    }
  }
  Object.setPrototypeOf(PiecedSocket.prototype, Socket.prototype);
  return (socket) => new PiecedSocket(socket) as unknown as Socket;
}
