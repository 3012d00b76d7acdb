import { limits } from '../../core/limits.js';

/** Bytes [from, to) of a stream; relative sequence numbers. */
interface Piece {
  readonly from: number;
  readonly to: number;
  bytes: Uint8Array;
  /** The bytes lie in the packet that is being taken, not in memory of their own. */
  isBorrowed: boolean;
}

/** What came of one direction and cannot be handed over yet, in order and without overlap. */
export class StreamPieces {
  readonly #pieces: Piece[] = [];
  /** Up to where the stream was handed over. */
  position = 1;
  /** Kept bytes that were handed over since the owner last set this to 0. */
  released = 0;

  /** Adds what is new of the borrowed bytes [from, from + bytes.length): what came before stays, as in Zeek. */
  add(from: number, bytes: Uint8Array): void {
    const to = from + bytes.length;
    let at = Math.max(from, this.position);
    let i = 0;
    while (at < to) {
      const next = this.#pieces[i];
      if (next !== undefined && next.to <= at) {
        i++;
        continue;
      }
      const stop = next === undefined ? to : Math.min(to, next.from);
      if (stop > at) {
        this.#pieces.splice(i, 0, {
          from: at,
          to: stop,
          bytes: bytes.subarray(at - from, stop - from),
          isBorrowed: true,
        });
        i++;
      }
      if (next === undefined) return;
      at = Math.max(at, next.to);
      i++;
    }
  }

  /**
   * Takes the next stretch before `upTo`: bytes, or undefined for a gap, whose length is that by which `position` moved.
   */
  take(upTo: number): Uint8Array | undefined {
    const piece = this.#pieces[0];
    if (piece === undefined || piece.from > this.position) {
      this.position = piece === undefined ? upTo : Math.min(upTo, piece.from);
      return undefined;
    }
    const stop = Math.min(piece.to, upTo);
    const bytes = piece.bytes.subarray(this.position - piece.from, stop - piece.from);
    this.position = stop;
    if (stop === piece.to) {
      this.#pieces.shift();
      if (!piece.isBorrowed) this.released += piece.bytes.length;
    }
    return bytes;
  }

  /** Gives borrowed pieces memory of their own, at most `room` bytes; what does not fit is let go. Tells kept and lost bytes. */
  keep(room: number): { kept: number; lost: number } {
    let kept = 0;
    let lost = 0;
    for (let i = this.#pieces.length - 1; i >= 0; i--) {
      const piece = this.#pieces[i]!;
      if (!piece.isBorrowed) continue;
      if (kept + piece.bytes.length <= room && this.#pieces.length <= limits.streamPieces) {
        piece.bytes = piece.bytes.slice();
        piece.isBorrowed = false;
        kept += piece.bytes.length;
      } else {
        lost += piece.bytes.length;
        this.#pieces.splice(i, 1);
      }
    }
    return { kept, lost };
  }

  /** Lets everything go; tells how many bytes were kept. */
  clear(): number {
    const kept = this.#pieces.reduce((sum, piece) => sum + (piece.isBorrowed ? 0 : piece.bytes.length), 0);
    this.#pieces.length = 0;
    return kept;
  }
}
