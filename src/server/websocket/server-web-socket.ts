import type { Socket } from 'node:net';
import { CONTROL_BYTES, FrameReader, type FrameTaker, NO_CLOSE_FRAME, NO_CODE } from './frame-reader.js';
import { readShared } from './shared-read.js';

/** Whose connection it is. */
export interface WebSocketOwner {
  /** A message; `bytes` is its length. */
  text(text: string, bytes: number): void;
  binary(): void;
  pong(): void;
  /** The connection is gone; told once. */
  gone(code: number, reason: string): void;
}

const TEXT = 0x81;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;

/** A peer that does not end the connection after a close frame is cut off. */
const CLOSE_MS = 1_000;
/** Pings of a peer that reads nothing are not answered, which would pile up. */
const UNREAD_BYTES = 1 << 16;

/** The server's end of a WebSocket (RFC 6455), of text messages, on a connection that has agreed to be one. */
export class ServerWebSocket implements FrameTaker {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #owner: WebSocketOwner | undefined;
  #isClosing = false;
  #code = NO_CLOSE_FRAME;
  #reason = '';

  constructor(socket: Socket, maxMessageBytes: number) {
    this.#socket = socket;
    this.#reader = new FrameReader(this, maxMessageBytes);
  }

  /** Begins to read; `head` is what was read with the request. */
  open(owner: WebSocketOwner, head: Buffer): void {
    this.#owner = owner;
    const socket = this.#socket;
    socket.setTimeout(0);
    socket.setNoDelay();
    // The close that follows tells.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => owner.gone(this.#code, this.#reason));
    const read = (bytes: Buffer, length: number) => this.#reader.read(bytes, length);
    read(head, head.length);
    const isShared = readShared(socket, read);
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) read(chunk, chunk.length);
    if (!isShared) socket.on('data', (chunk: Buffer) => read(chunk, chunk.length));
    socket.resume();
  }

  /** Bytes that the peer has yet to take. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  send(text: string): void {
    if (!this.#isClosing) this.#write(TEXT, Buffer.from(text));
  }

  sendPing(): void {
    if (!this.#isClosing) this.#write(PING, Buffer.alloc(0));
  }

  /** Nothing is sent after it. What the peer sends is read until it closes too. */
  close(code: number, reason: string): void {
    if (this.#isClosing) return;
    const data = Buffer.alloc(CONTROL_BYTES);
    data.writeUInt16BE(code);
    // As much of it as there is room for, in whole characters.
    const length = code === NO_CODE ? 0 : 2 + data.write(reason, 2);
    this.#write(CLOSE, data.subarray(0, length));
    this.#isClosing = true;
    this.#socket.resume();
    setTimeout(() => this.#socket.destroy(), CLOSE_MS).unref();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  text(text: string, bytes: number): void {
    this.#owner!.text(text, bytes);
  }

  binary(): void {
    this.#owner!.binary();
  }

  ping(data: Buffer): void {
    if (!this.#isClosing && this.unsentBytes < UNREAD_BYTES) this.#write(PONG, data);
  }

  pong(): void {
    this.#owner!.pong();
  }

  closing(code: number, reason: string): void {
    this.#code = code;
    this.#reason = reason;
    this.close(code, '');
    this.#socket.end();
  }

  violation(code: number, problem: string): void {
    this.#code = code;
    this.#reason = problem;
    this.close(code, problem);
    this.#socket.end();
  }

  #write(first: number, data: Buffer): void {
    const { length } = data;
    const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const frame = Buffer.allocUnsafe(2 + lengthBytes + length);
    frame[0] = first;
    frame[1] = lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127;
    if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
    if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
    data.copy(frame, 2 + lengthBytes);
    this.#socket.write(frame);
  }
}
