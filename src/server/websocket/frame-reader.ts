import { isUtf8 } from 'node:buffer';
import { GatheredBytes } from './gathered-bytes.js';

/** Told of what a client sends. Bytes are lent for the call. */
export interface FrameTaker {
  /** A message; `bytes` is its length. */
  text(text: string, bytes: number): void;
  binary(): void;
  ping(data: Buffer): void;
  pong(): void;
  /** A close frame; the code is NO_CODE when it has none. Nothing more is read. */
  closing(code: number, reason: string): void;
  /** What came is not what RFC 6455 says, or more than is taken. Nothing more is read. */
  violation(code: number, problem: string): void;
}

/** Close codes of RFC 6455 7.4.1; the first two are never sent. */
export const NO_CODE = 1005;
export const NO_CLOSE_FRAME = 1006;
const PROTOCOL_ERROR = 1002;
const NOT_UTF8 = 1007;
const TOO_LONG = 1009;

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const opcodes: ReadonlySet<number> = new Set([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG]);

const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const LENGTH = 0x7f;
const MASK_BYTES = 4;
/** The longest that comes before the data. */
const HEAD_BYTES = 14;
/** The most that a control frame carries. */
export const CONTROL_BYTES = 125;

/**
 * Reads the frames of a client (RFC 6455 5.2) out of bytes as they come. A frame that is there as a whole, as nearly all are, is made text
 * where it lies: what a reader kept or made anew for each message, thousands of hosts' would outlive the young generation and have
 * V8 collect the whole heap every few seconds.
 */
export class FrameReader {
  /** The beginning of a frame whose rest is to come, as it came. */
  #partial: GatheredBytes | undefined;
  /** The frames so far of a message in several. */
  #message: GatheredBytes | undefined;
  #isText = false;
  #isOver = false;

  constructor(
    private readonly taker: FrameTaker,
    private readonly maxBytes: number,
  ) {}

  /** The next bytes of the connection, which are changed, and the caller's again afterwards. */
  read(bytes: Buffer, length: number): void {
    let at = this.#complete(bytes, length);
    while (at < length && !this.#isOver) {
      const size = this.#sizeOf(bytes, at, length);
      if (size === 0 || at + size > length) {
        if (!this.#isOver) this.#keep(bytes, at, length, size);
        return;
      }
      this.#take(bytes, at, size);
      at += size;
    }
  }

  #keep(bytes: Buffer, from: number, to: number, size: number): void {
    this.#partial = new GatheredBytes(size || HEAD_BYTES);
    this.#partial.append(bytes, from, to);
  }

  /** Adds to a frame that had begun before what belongs to it, and returns where that ends. */
  #complete(bytes: Buffer, length: number): number {
    let at = 0;
    while (this.#partial !== undefined && at < length && !this.#isOver) {
      const partial = this.#partial;
      // As long as its length is not known it is at least one byte more.
      const wanted = this.#sizeOf(partial.bytes, 0, partial.length) || partial.length + 1;
      const until = Math.min(length, at + wanted - partial.length);
      partial.append(bytes, at, until);
      at = until;
      const size = this.#sizeOf(partial.bytes, 0, partial.length);
      if (size === 0 || size > partial.length) continue;
      this.#partial = undefined;
      this.#take(partial.bytes, 0, size);
    }
    return at;
  }

  /** Length of the frame that begins at `at`, with its head. 0: too little of it is there, or it is a violation. */
  #sizeOf(bytes: Buffer, at: number, end: number): number {
    if (end - at < 2) return 0;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const problem = this.#problemOf(first, second);
    if (problem !== undefined) return this.#violation(PROTOCOL_ERROR, problem);
    const lengthBytes = lengthBytesOf(second);
    if (end - at < 2 + lengthBytes) return 0;
    const length = payloadBytes(bytes, at, lengthBytes);
    const isControl = (first & 0x0f) >= CLOSE;
    if (!isControl && length + (this.#message?.length ?? 0) > this.maxBytes) {
      return this.#violation(TOO_LONG, `a message of more than ${this.maxBytes} bytes`);
    }
    return 2 + lengthBytes + MASK_BYTES + length;
  }

  /** Why a frame cannot begin so. */
  #problemOf(first: number, second: number): string | undefined {
    const opcode = first & 0x0f;
    if ((first & RESERVED) !== 0) return 'a reserved bit is set';
    if (!opcodes.has(opcode)) return 'an unknown opcode';
    if ((second & MASKED) === 0) return 'a frame is not masked';
    if (opcode >= CLOSE) {
      if ((first & FINAL) === 0 || (second & LENGTH) > CONTROL_BYTES) return 'a control frame is long or in parts';
    } else if ((opcode === CONTINUATION) !== (this.#message !== undefined)) {
      return 'a message continues none, or begins within another';
    }
    return undefined;
  }

  #violation(code: number, problem: string): 0 {
    this.#isOver = true;
    this.#partial = undefined;
    this.#message = undefined;
    this.taker.violation(code, problem);
    return 0;
  }

  #take(bytes: Buffer, at: number, size: number): void {
    const first = bytes[at]!;
    const from = at + 2 + lengthBytesOf(bytes[at + 1]!) + MASK_BYTES;
    const to = at + size;
    unmask(bytes, from, to);
    switch (first & 0x0f) {
      case PING:
        this.taker.ping(bytes.subarray(from, to));
        return;
      case PONG:
        this.taker.pong();
        return;
      case CLOSE:
        this.#close(bytes, from, to);
        return;
      default:
        this.#data(first, bytes, from, to);
    }
  }

  #data(first: number, bytes: Buffer, from: number, to: number): void {
    const opcode = first & 0x0f;
    if (opcode !== CONTINUATION) this.#isText = opcode === TEXT;
    if (opcode !== CONTINUATION && (first & FINAL) !== 0) {
      this.#deliver(bytes, from, to);
      return;
    }
    this.#message ??= new GatheredBytes(2 * (to - from));
    const message = this.#message;
    message.append(bytes, from, to);
    if ((first & FINAL) === 0) return;
    this.#message = undefined;
    this.#deliver(message.bytes, 0, message.length);
  }

  #deliver(bytes: Buffer, from: number, to: number): void {
    if (!this.#isText) {
      this.taker.binary();
      return;
    }
    const text = textOf(bytes, from, to);
    if (text === undefined) this.#violation(NOT_UTF8, 'text is not UTF-8');
    else this.taker.text(text, to - from);
  }

  #close(bytes: Buffer, from: number, to: number): void {
    if (to === from) {
      this.#closing(NO_CODE, '');
      return;
    }
    const code = to - from === 1 ? 0 : bytes.readUInt16BE(from);
    const reason = textOf(bytes, Math.min(from + 2, to), to);
    if (!isCloseCode(code)) this.#violation(PROTOCOL_ERROR, 'a close code is none');
    else if (reason === undefined) this.#violation(NOT_UTF8, 'a close reason is not UTF-8');
    else this.#closing(code, reason);
  }

  #closing(code: number, reason: string): void {
    this.#isOver = true;
    this.taker.closing(code, reason);
  }
}

function lengthBytesOf(second: number): number {
  const length = second & LENGTH;
  return length < 126 ? 0 : length === 126 ? 2 : 8;
}

function payloadBytes(bytes: Buffer, at: number, lengthBytes: number): number {
  if (lengthBytes === 0) return bytes[at + 1]! & LENGTH;
  if (lengthBytes === 2) return bytes.readUInt16BE(at + 2);
  return bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}

/** The mask lies before the data. */
function unmask(bytes: Buffer, from: number, to: number): void {
  const a = bytes[from - 4]!;
  const b = bytes[from - 3]!;
  const c = bytes[from - 2]!;
  const d = bytes[from - 1]!;
  const last = to - 3;
  let i = from;
  for (; i < last; i += 4) {
    bytes[i]! ^= a;
    bytes[i + 1]! ^= b;
    bytes[i + 2]! ^= c;
    bytes[i + 3]! ^= d;
  }
  if (i < to) bytes[i++]! ^= a;
  if (i < to) bytes[i++]! ^= b;
  if (i < to) bytes[i]! ^= c;
}

/** Undefined: it is not UTF-8. */
function textOf(bytes: Buffer, from: number, to: number): string | undefined {
  const text = bytes.toString('utf8', from, to);
  // What is not UTF-8 is shown so, which valid text may hold as well.
  return text.includes('\ufffd') && !isUtf8(bytes.subarray(from, to)) ? undefined : text;
}

/** Whether a close frame may name it (RFC 6455 7.4). */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code < 5000);
}
