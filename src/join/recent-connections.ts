import type { Connection } from '../records/connection.js';
import type { Tracked } from './tracked.js';
import type { TrackedList } from './tracked-list.js';

/** Places, a power of two: of more connections that go on at a time some push others out. */
const PLACES = 1 << 16;
/** The last characters of a uid, by which connections are told apart. */
const CHARACTERS = 8;
/** Words of a place: the connection's number and the mark of its uid. */
const WIDTH = 2;

/** Finds connections that have gone on again by their uid, which mostly saves the look-up of their endpoints. Who is not found may still be known. */
export class RecentConnections {
  readonly #kept: TrackedList;
  readonly #places = new Int32Array(PLACES * WIDTH);

  constructor(kept: TrackedList) {
    this.#kept = kept;
  }

  add({ number, connection }: Tracked): void {
    const mark = markOf(connection.uid);
    const place = (mark & (PLACES - 1)) * WIDTH;
    this.#places[place] = number;
    this.#places[place + 1] = mark;
  }

  /** The connection of this uid and these endpoints. */
  find(connection: Connection): Tracked | undefined {
    const mark = markOf(connection.uid);
    const place = (mark & (PLACES - 1)) * WIDTH;
    const number = this.#places[place]!;
    if (number === 0 || this.#places[place + 1] !== mark) return undefined;
    // The number may have passed on to another one.
    const tracked = this.#kept.numbered(number);
    return tracked !== undefined && isSame(tracked.connection, connection) ? tracked : undefined;
  }
}

function markOf(uid: string): number {
  let mark = uid.length;
  for (let i = Math.max(0, uid.length - CHARACTERS); i < uid.length; i++) {
    mark = (Math.imul(mark, 31) + uid.charCodeAt(i)) | 0;
  }
  return mark;
}

function isSame(a: Connection, b: Connection): boolean {
  if (a.uid !== b.uid || a.ip_proto !== b.ip_proto || a.proto !== b.proto) return false;
  if (a['id.orig_p'] !== b['id.orig_p'] || a['id.resp_p'] !== b['id.resp_p']) return false;
  return a['id.orig_h'] === b['id.orig_h'] && a['id.resp_h'] === b['id.resp_h'];
}
