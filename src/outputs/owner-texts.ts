import { adviseHugePages } from '../core/huge-pages.js';
import type { AttributedEnd } from '../records/attributed-connection.js';
import { ShownProcess } from '../records/shown-process.js';
import { ascii, type LineBuffer } from './line-buffer.js';
import { writeProcess } from './process-json.js';

/** Bytes kept at most. */
const MAX_BYTES = 16 * 1024 * 1024;
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

/** In the head of a text, ahead of where it begins: where the process begins in it, and its length. */
const PROCESS_AT = -8;
const PROCESS_LENGTH = -4;
const HEAD = 8;

/** Rounds of all, so that a process knows whose text it has. */
let rounds = 0;

/**
 * Owners as lines have them: host, clock, process and user. Most ends are of processes that make many calls and take kilobytes with their ancestors,
 * so that such a text is made once and copied from then on; a clock that was measured again has all but the process written anew. Told
 * apart by identity, so none of the four may change once it was written. Bound: `MAX_BYTES`; where more are wanted, those that are there
 * are of more use than others that would push each other out before they come again.
 */
export class OwnerTexts {
  #bytes = new DataView(new ArrayBuffer(FIRST_BYTES));
  #used = 0;
  #round = ++rounds;
  #kept = 0;
  #refused = 0;
  /** What was read ahead last, of no meaning: a read of which nobody can see what it gave is left out. */
  fetched = 0;

  write(line: LineBuffer, owner: Owner): void {
    const { process } = owner;
    if (!(process instanceof ShownProcess)) writeOwner(line, owner);
    else if (process.hasTextOf(owner, this.#round)) line.copied(this.#bytes, process.textFrom, process.textLength);
    // What only the row of a call tells is made for each call.
    else if (process.ancestors === undefined) writeOwner(line, owner);
    else this.#writeAnew(line, owner, process);
  }

  /** Reads ahead where the text of an owner lies: processes are mostly out of the caches, and those of both ends are then waited for at once. */
  fetch({ process }: Owner): void {
    if (process instanceof ShownProcess) this.fetched = process.textFrom;
  }

  #writeAnew(line: LineBuffer, owner: Owner, process: ShownProcess): void {
    const from = line.length;
    writeBefore(line, owner);
    const at = line.length;
    if (process.hasText(this.#round)) this.#copyProcess(line, process.textFrom);
    else writeProcess(line, process);
    const processLength = line.length - at;
    writeUser(line, owner.user);
    const length = line.length - from;
    if (!this.#makesRoom(length)) return;
    const kept = this.#used + HEAD;
    this.#bytes.setUint32(kept + PROCESS_AT, at - from);
    this.#bytes.setUint32(kept + PROCESS_LENGTH, processLength);
    line.copyTo(this.#bytes, kept, from);
    process.keepText(owner, this.#round, kept, length);
    this.#used += roomOf(length);
    this.#kept++;
  }

  /** It begins anywhere, not with a word. */
  #copyProcess(line: LineBuffer, from: number): void {
    const at = from + this.#bytes.getUint32(from + PROCESS_AT);
    line.bytesOf(new Uint8Array(this.#bytes.buffer, at, this.#bytes.getUint32(from + PROCESS_LENGTH)));
  }

  /** Makes room for a text; false: it is not to be kept. */
  #makesRoom(length: number): boolean {
    const room = roomOf(length);
    if (room > MAX_BYTES) return false;
    if (this.#used + room > MAX_BYTES) {
      if (++this.#refused < PATIENCE * this.#kept) return false;
      this.#round = ++rounds;
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
    adviseHugePages(grown);
    grown.set(new Uint8Array(this.#bytes.buffer));
    this.#bytes = new DataView(grown.buffer);
  }
}

/** With the head. */
function roomOf(length: number): number {
  return HEAD + WORD * Math.ceil(length / WORD);
}

function writeOwner(line: LineBuffer, owner: Owner): void {
  writeBefore(line, owner);
  writeProcess(line, owner.process);
  writeUser(line, owner.user);
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
