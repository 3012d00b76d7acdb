import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { reference } from '../../src/join/reference.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import type { Columns } from '../../src/records/host-tables.js';
import { referenceInWords } from './world/agreement.js';
import { type ConnectionOptions, connection, ends, inWords, Teller } from './world/story.js';

const SECOND = 1_000_000;
const text = '172.17.0.2:40000>192.0.2.11:443';
const over = (capture: string, uid: string): ConnectionOptions => ({ uid, capture, captureHost: 'a' });

/** A host that is polled: a process of a container behind the one or the other bridge had a socket with the endpoints. */
function polled(): Teller {
  const socket = { pid: 114, fd: 4, socket: 53, family: 2, protocol: 6, state: 'ESTABLISHED', ...ends(text) };
  const streams = ['process_open_sockets', 'interface_addresses'] as const;
  return new Teller('a', { address: '172.17.0.2', streams })
    .row('process_open_sockets', 'added', 1_500, socket as Columns<'process_open_sockets'>, -500)
    .row('process_open_sockets', 'removed', 3_500, socket as Columns<'process_open_sockets'>, 1_500);
}

/** Who began each connection, in whatever order it was told. */
function originators(teller: Teller, updates: readonly ConnectionUpdate[]): Record<string, string> {
  const { rows } = teller.complete(90_000);
  const expected = reference(updates, rows);
  const orders: (HostRow | ConnectionUpdate)[][] = [
    [...rows, ...updates],
    [...updates, ...rows],
    [...updates.toReversed(), ...rows],
    [updates[0]!, ...rows, ...updates.slice(1)],
  ];
  const told = orders.map((order) => {
    const last: Record<string, string> = {};
    const join = new Join({
      latenessUs: 30 * SECOND,
      attrWaitUs: 2 * SECOND,
      finalOnly: false,
      emit: ({ connection: { uid }, orig }) => {
        last[uid] = inWords(orig);
      },
    });
    for (const step of order) {
      if ('kind' in step) join.row(step);
      else join.connection(step);
    }
    join.end();
    return last;
  });
  for (const one of told) {
    for (const [uid, { orig }] of expected) expect(one[uid]).toBe(referenceInWords(orig));
  }
  return told[0]!;
}

describe('a connection with the endpoints of another one over another bridge of the host', () => {
  it('is not given the socket that a poll saw once the other one had begun', () => {
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(1_200, 900, text, over('br2@a', 'C2'))];
    expect(originators(polled(), updates)).toEqual({ C1: 'ambiguous a:114', C2: 'open_socket a:114' });
  });

  it('is given it where it was seen before the other one began', () => {
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(2_500, 900, text, over('br2@a', 'C2'))];
    expect(originators(polled(), updates).C1).toBe('open_socket a:114');
  });

  it('is given it where it may be one connection that was captured twice', () => {
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(0.5, 4, text, over('br2@a', 'C2'))];
    expect(originators(polled(), updates)).toEqual({ C1: 'open_socket a:114', C2: 'open_socket a:114' });
  });

  it('is given it where the other one was captured on another host', () => {
    const other = { uid: 'C2', capture: 'br1@b', captureHost: 'b' };
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(1_200, 900, text, other)];
    expect(originators(polled(), updates).C1).toBe('open_socket a:114');
  });
});
