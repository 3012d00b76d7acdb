import { ConnectionView } from '../conn/connection-view.js';
import { type AddressKind, addressKind } from '../core/address.js';
import type { AttributedConnection, End } from '../records/attributed-connection.js';
import type { Connection, ConnectionUpdate } from '../records/connection.js';
import { group, noAgent, notLocal } from './end-record.js';

/** The kind of the originator's (0) or the responder's address. */
function kindOf(connection: Connection, dir: 0 | 1): AddressKind {
  // One that was never made an object tells it without making a text.
  if (connection instanceof ConnectionView) return connection.addressKind(dir);
  return addressKind(connection[dir === 0 ? 'id.orig_h' : 'id.resp_h']);
}

/** What ends are where no host is watched, by the kinds of their addresses. */
export function unwatchedEnds(orig: AddressKind, resp: AddressKind): { readonly orig: End; readonly resp: End } {
  return {
    orig: orig === 'unspecified' ? notLocal : noAgent,
    resp: resp === 'group' ? group : resp === 'unspecified' ? notLocal : noAgent,
  };
}

/**
 * The join of a run in which no host is watched and none can appear: nothing is waited for and nothing is kept of an ended
 * connection. Gives the lines that `Join` gives without host rows.
 */
export class Unwatched {
  /** Lines told of connections that go on. */
  readonly #told = new Map<string, number>();

  constructor(
    private readonly emit: (attributed: AttributedConnection) => void,
    private readonly finalOnly: boolean,
  ) {}

  connection({ cause, capture, connection }: ConnectionUpdate): void {
    if (this.finalOnly && cause !== 'end') return;
    // Most runs over files tell of connections that ended alone, and then no uid is needed.
    const rev = this.#told.size === 0 ? 0 : (this.#told.get(connection.uid) ?? 0);
    if (cause !== 'end') this.#told.set(connection.uid, rev + 1);
    else if (rev > 0) this.#told.delete(connection.uid);
    const ends = unwatchedEnds(kindOf(connection, 0), kindOf(connection, 1));
    this.emit({ connection, capture, cause, rev, ...ends });
  }

  /** Nothing is kept that could be lost. */
  readonly losses = {};

  /** Nothing is known any more of what was told. */
  explain(): readonly [] {
    return [];
  }

  row(): void {}

  together(take: () => void): void {
    take();
  }

  advance(): void {}

  end(): void {}
}
