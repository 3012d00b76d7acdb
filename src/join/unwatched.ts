import { isGroupAddress, isUnspecified } from '../core/address.js';
import type { AttributedConnection } from '../records/attributed-connection.js';
import type { ConnectionUpdate } from '../records/connection.js';
import { group, noAgent, notLocal } from './end-record.js';

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
    const { uid } = connection;
    const rev = this.#told.size === 0 ? 0 : (this.#told.get(uid) ?? 0);
    if (cause !== 'end') this.#told.set(uid, rev + 1);
    else if (rev > 0) this.#told.delete(uid);
    const { 'id.orig_h': from, 'id.resp_h': to } = connection;
    const orig = isUnspecified(from) ? notLocal : noAgent;
    const resp = isGroupAddress(to) ? group : isUnspecified(to) ? notLocal : noAgent;
    this.emit({ connection, capture, cause, rev, orig, resp });
  }

  /** Nothing is kept that could be lost. */
  readonly losses = {};

  /** Nothing is known any more of what was told. */
  explain(): readonly [] {
    return [];
  }

  row(): void {}

  advance(): void {}

  end(): void {}
}
