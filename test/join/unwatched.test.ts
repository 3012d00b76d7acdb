import { expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { Unwatched } from '../../src/join/unwatched.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { Connection, ConnectionCause } from '../../src/records/connection.js';

const connection = (uid: string, resp: string): Connection => ({
  ts: 1_700_000_000_000_000,
  uid,
  'id.orig_h': '192.0.2.1',
  'id.orig_p': 40000,
  'id.resp_h': resp,
  'id.resp_p': 5353,
  proto: 'udp',
  conn_state: 'S0',
  missed_bytes: 0,
  orig_pkts: 1,
  orig_ip_bytes: 60,
  resp_pkts: 0,
  resp_ip_bytes: 0,
  ip_proto: 17,
});

it.each([true, false])('gives the lines of a join without hosts (final only: %s)', (finalOnly) => {
  const joined: AttributedConnection[] = [];
  const plain: AttributedConnection[] = [];
  const join = new Join({ latenessUs: 0, attrWaitUs: 0, finalOnly, emit: (line) => joined.push(line) });
  const unwatched = new Unwatched((line) => plain.push(line), finalOnly);
  const updates: [string, string, ConnectionCause][] = [
    ['C1', '192.0.2.2', 'start'],
    ['C2', '224.0.0.251', 'start'],
    ['C1', '192.0.2.2', 'interim'],
    ['C1', '192.0.2.2', 'end'],
    ['C2', '224.0.0.251', 'end'],
    ['C3', 'ff02::fb', 'end'],
  ];
  for (const [uid, resp, cause] of updates) {
    const update = { cause, capture: 'file', connection: connection(uid, resp) };
    join.connection(update);
    unwatched.connection(update);
  }
  join.end();
  const byUid = (a: AttributedConnection, b: AttributedConnection) =>
    a.connection.uid < b.connection.uid ? -1 : a.connection.uid > b.connection.uid ? 1 : a.rev - b.rev;
  expect(plain.sort(byUid)).toEqual(joined.sort(byUid));
  expect(plain.length).toBe(finalOnly ? 3 : 6);
});
