import type { AttributedEnd } from '../records/attributed-connection.js';
import { ShownProcess } from '../records/shown-process.js';
import { ascii, type LineBuffer } from './line-buffer.js';
import { writeProcess } from './process-json.js';

/** Bytes kept at most. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What keeping one takes besides its bytes, roughly. */
const OVERHEAD = 128;
/** Beyond it all are dropped once so many times as many texts were written for which there was no room. */
const PATIENCE = 8;
const FIRST_BYTES = 4_096;
/** Texts lie in words. */
const WORD = 8;
/** Room for names of fields and numbers. */
const FIELD_BYTES = 512;

const HOST = ascii('"host":{"id":');
const BOOT = ascii(',"boot":');
const OFFSET = ascii(',"clock":{"offset":');
const ERR = ascii(',"err":');
const PROCESS = ascii(',"process":');
const USER = ascii(',"user":{"uid":');
const USER_NAME = ascii(',"name":');
const END = ascii('}');

type Owner = Pick<AttributedEnd, 'host' | 'clock' | 'process' | 'user'>;

/** The text of the last owner that was this process. */
interface Text {
  /** It is gone once all were dropped. */
  readonly round: object;
  readonly host: AttributedEnd['host'];
  readonly clock: AttributedEnd['clock'];
  readonly user: AttributedEnd['user'];
  /** Where it begins, and its length. */
  readonly from: number;
  readonly length: number;
  /** Where the process begins in it, and its length. */
  readonly processAt: number;
  readonly processLength: number;
}

/**
 * Owners as lines have them: host, clock, process and user. Most ends are of processes that make many calls and take kilobytes with their ancestors,
 * so that such a text is made once and copied from then on; a clock that was measured again has all but the process written anew. Told
 * apart by identity, so none of the four may change once it was written. Bound: `MAX_BYTES`; where more are wanted, those that are there
 * are of more use than others that would push each other out before they come again.
 */
export class OwnerTexts {
  #bytes = new DataView(new ArrayBuffer(FIRST_BYTES));
  #used = 0;
  #round: object = {};
  #kept = 0;
  #refused = 0;

  write(line: LineBuffer, owner: Owner): void {
    const { host, clock, process, user } = owner;
    // What only the row of a call tells is made for each call.
    if (process.ancestors === undefined || !(process instanceof ShownProcess)) {
      writeBefore(line, owner);
      writeProcess(line, process);
      writeUser(line, user);
      return;
    }
    const known = this.#known(process);
    if (known !== undefined && known.host === host && known.clock === clock && known.user === user) {
      line.copied(this.#bytes, known.from, known.length);
      return;
    }
    const from = line.length;
    writeBefore(line, owner);
    const at = line.length;
    if (known === undefined) writeProcess(line, process);
    else this.#copyProcess(line, known);
    const processLength = line.length - at;
    writeUser(line, user);
    const length = line.length - from;
    if (!this.#makesRoom(length)) return;
    process.text = {
      round: this.#round,
      host,
      clock,
      user,
      from: this.#used,
      length,
      processAt: at - from,
      processLength,
    };
    new Uint8Array(this.#bytes.buffer).set(line.bytes.subarray(from, line.length), this.#used);
    this.#used += roomOf(length);
    this.#kept++;
  }

  #known(process: ShownProcess): Text | undefined {
    const text = process.text as Text | undefined;
    if (text === undefined || text.round === this.#round) return text;
    process.text = undefined;
    return undefined;
  }

  /** It begins anywhere, not with a word. */
  #copyProcess(line: LineBuffer, { from, processAt, processLength }: Text): void {
    line.bytesOf(new Uint8Array(this.#bytes.buffer, from + processAt, processLength));
  }

  /** Makes room for a text; false: it is not to be kept. */
  #makesRoom(length: number): boolean {
    const room = roomOf(length);
    if (room > MAX_BYTES) return false;
    if (this.#used + room + OVERHEAD * this.#kept > MAX_BYTES) {
      if (++this.#refused < PATIENCE * this.#kept) return false;
      this.#round = {};
      this.#used = 0;
      this.#kept = 0;
      this.#refused = 0;
    }
    if (this.#used + room > this.#bytes.byteLength) this.#grow(this.#used + room);
    return true;
  }

  #grow(least: number): void {
    const size = Math.max(WORD * Math.ceil(least / WORD), Math.min(2 * this.#bytes.byteLength, MAX_BYTES));
    const grown = new Uint8Array(size);
    grown.set(new Uint8Array(this.#bytes.buffer));
    this.#bytes = new DataView(grown.buffer);
  }
}

function roomOf(length: number): number {
  return WORD * Math.ceil(length / WORD);
}

function writeBefore(line: LineBuffer, { host, clock }: Owner): void {
  line.reserve(FIELD_BYTES);
  line.piece(HOST);
  line.quoted(host.id);
  line.reserve(FIELD_BYTES);
  if (host.boot !== undefined) {
    line.piece(BOOT);
    line.quoted(host.boot);
    line.reserve(FIELD_BYTES);
  }
  line.piece(END);
  if (clock !== undefined) {
    line.piece(OFFSET);
    line.seconds(clock.offset);
    line.piece(ERR);
    line.seconds(clock.err);
    line.piece(END);
  }
  line.piece(PROCESS);
}

function writeUser(line: LineBuffer, user: Owner['user']): void {
  line.reserve(FIELD_BYTES);
  if (user === undefined) return;
  line.piece(USER);
  line.integer(user.uid);
  if (user.name !== undefined) {
    line.piece(USER_NAME);
    line.quoted(user.name);
  }
  line.reserve(FIELD_BYTES);
  line.piece(END);
}
