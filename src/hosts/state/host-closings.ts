import type { Micros } from '../../core/time.js';
import type { Closings } from './held-socket.js';
import { PollTimes } from './poll-times.js';
import { hasPorts } from './portless-endpoints.js';
import type { Close, SocketCloses } from './socket-closes.js';
import type { SocketFact } from './socket-fact.js';
import { isBind } from './socket-kinds.js';
import type { SocketRecord } from './socket-record.js';
import type { StandingNews } from './standing-news.js';
import type { StreamProgress } from './stream-progress.js';

const TCP = 6;
const UDP = 17;

/** When sockets of one host closed, as far as its rows tell. */
export class HostClosings implements Closings {
  readonly #closes: SocketCloses;
  readonly #host: number;
  readonly #progress: StreamProgress;
  readonly #news: StandingNews;
  /** Made with the first row of a poll. */
  #polls: PollTimes | undefined;
  /** Streams that tell when sockets close, not only when they open: they tell of listens and datagrams too. */
  #streams: Set<string> | undefined;
  /** A row of a poll was evicted, so that a socket which none is known to have closed may have been seen to be gone. */
  hasForgottenPolls = false;

  constructor(closes: SocketCloses, host: number, progress: StreamProgress, news: StandingNews) {
    this.#closes = closes;
    this.#host = host;
    this.#progress = progress;
    this.#news = news;
  }

  /** Takes notice of a row about a socket. Returns whether no further event of its stream needs to be heard. */
  hear(fact: SocketFact): boolean {
    const { row, source } = fact;
    if (row.action !== 'event') {
      this.#polls ??= new PollTimes();
      if (this.#polls.add(fact)) this.#news.ofHost(this.#host);
      return false;
    }
    if (source !== 'close' && source !== 'listen' && !fact.isDatagram) return false;
    this.#streams ??= new Set();
    if (!this.#streams.has(row.stream)) {
      this.#streams.add(row.stream);
      this.#news.ofHost(this.#host);
    }
    return true;
  }

  closeOf({ inode, pid, fd }: SocketRecord, from: Micros): Close | undefined {
    return this.#closes.find(this.#host, inode, pid, fd, from);
  }

  tellsCloses(stream: string): boolean {
    return this.#streams?.has(stream) === true;
  }

  openUntil(stream: string, isEvent: boolean, openLo: Micros, openHi: Micros): Micros {
    if (isEvent ? !this.tellsCloses(stream) : this.hasForgottenPolls) return openHi;
    return this.#progress.knownUntil(openHi, isEvent ? 0 : this.#progress.pauseOf(stream), openLo);
  }

  toldUntil(stream: string): Micros {
    return this.#progress.toldUntil(stream);
  }

  goneBy(seen: SocketRecord): Micros {
    if (this.#progress.watch.isOneRun) return Infinity;
    const { stream, lo, boot, isEvent, protocol } = seen;
    if (!isEvent) return this.#progress.goneBy(stream, lo, boot);
    // Polls do not show all sockets of other protocols.
    return hasPorts(protocol) ? this.#progress.callGoneBy(lo, boot, 'process_open_sockets') : this.bootOver(seen);
  }

  isToldAnew(before: SocketRecord, seen: SocketRecord): boolean {
    return this.#progress.watch.isLaterRun(before.lo, seen.hi);
  }

  absentUntil({ stream, hi, protocol, remotePort }: SocketRecord, isNew: boolean): Micros {
    if (this.#progress.watch.isOneRun) return -Infinity;
    // Of a UDP socket without a peer its datagrams alone may have told.
    const isCalled = protocol === TCP || (protocol === UDP && remotePort !== undefined);
    return this.#progress.absentUntil(stream, hi, isNew && isCalled && this.#streams !== undefined);
  }

  bootOver(seen: SocketRecord): Micros {
    const { watch } = this.#progress;
    return watch.isOneRun ? Infinity : watch.bootOver(seen.boot, seen.hi);
  }

  overBy(call: SocketRecord): Micros {
    if (this.#polls === undefined || this.hasForgottenPolls || !isBind(call) || this.tellsCloses(call.stream)) {
      return Infinity;
    }
    const polled = this.#polls.after(call.protocol, call.hi);
    return polled < this.#progress.knownUntil(call.hi, 0, call.lo) ? polled : Infinity;
  }

  /** A moment by which a poll would have shown a socket that had been opened before this one and still stood; Infinity: none is known to have been. */
  polledAfter(moment: Micros): Micros {
    return this.#progress.socketsPolledAfter(moment);
  }

  prune(horizon: Micros): void {
    this.#polls?.prune(horizon);
  }
}
