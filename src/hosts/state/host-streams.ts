import { appended } from '../../core/short-list.js';
import type { HostTable } from '../../records/host-tables.js';

/** Tables that tell of every single thing as it happens: what is not among them by then, did not happen. */
export const eventTables: readonly HostTable[] = ['socket_events', 'conntrack'];
export const socketTables: readonly HostTable[] = ['socket_events', 'process_open_sockets', 'listening_ports'];
export const processTables: readonly HostTable[] = ['processes', 'process_events'];
/** Tables that a weak answer needs besides those of sockets: an address may have moved to another host. */
const answerTables: readonly HostTable[] = [...socketTables, 'interface_addresses'];

/** A stream of rows: what hosts that have one of this name and table share. */
export class Stream {
  readonly isOfEvents: boolean;
  readonly isOfAnswers: boolean;
  readonly isOfProcesses: boolean;
  readonly isOfUsers: boolean;

  constructor(
    readonly name: string,
    readonly table: HostTable,
  ) {
    this.isOfEvents = eventTables.includes(table);
    this.isOfAnswers = answerTables.includes(table);
    this.isOfProcesses = processTables.includes(table);
    this.isOfUsers = table === 'users';
  }
}

/** The streams of all hosts, equal ones once. Grows with the streams that hosts have. */
export class StreamPool {
  readonly #byTable = new Map<HostTable, Map<string, Stream>>();

  open(name: string, table: HostTable): Stream {
    let byName = this.#byTable.get(table);
    if (byName === undefined) {
      byName = new Map();
      this.#byTable.set(table, byName);
    }
    let stream = byName.get(name);
    if (stream === undefined) {
      stream = new Stream(name, table);
      byName.set(name, stream);
    }
    return stream;
  }
}

/** So few are looked through. */
const FEW = 16;

/** The streams of one host, by the order in which they became known. */
export class HostStreams {
  all: Stream[] = [];
  #byName: Map<string, number> | undefined;
  /** Watermarks come for all streams in turn. */
  #next = 0;

  /** The place of the stream; -1: it is not known. */
  placeOf(name: string): number {
    const { all } = this;
    if (this.#next < all.length && all[this.#next]!.name === name) return this.#next++;
    const place = this.#byName === undefined ? this.#search(name) : (this.#byName.get(name) ?? -1);
    this.#next = place + 1;
    return place;
  }

  #search(name: string): number {
    for (let place = 0; place < this.all.length; place++) if (this.all[place]!.name === name) return place;
    return -1;
  }

  add(stream: Stream): void {
    const place = this.all.length;
    this.all = appended(this.all, stream);
    if (this.#byName === undefined && place === FEW) {
      this.#byName = new Map(this.all.map(({ name }, at) => [name, at]));
    } else this.#byName?.set(stream.name, place);
  }
}
