import { describe, expect, it } from 'vitest';
import { Baseline } from '../../src/join/baseline.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import type { Columns } from '../../src/records/host-tables.js';
import { s, t0 } from './scene.js';

const client = {
  pid: 7,
  family: 2,
  protocol: 6,
  local_address: '192.0.2.1',
  local_port: 40000,
  remote_address: '198.51.100.1',
  remote_port: 443,
};

/** Decides one connection from second 10 to `until` by the rules of the ancestor; gives its originating end. */
function owner(rows: readonly HostRow[], until = 12): AttributedConnection['orig'] {
  const lines: AttributedConnection[] = [];
  const baseline = new Baseline((line) => lines.push(line));
  for (const row of [address, poll('added', 0.5, { pid: 1 }), ...rows]) baseline.row(row);
  const connection = {
    ts: t0 + 10 * s,
    duration: (until - 10) * s,
    uid: 'C1',
    'id.orig_h': '192.0.2.1',
    'id.orig_p': 40000,
    'id.resp_h': '198.51.100.1',
    'id.resp_p': 443,
    proto: 'tcp',
    ip_proto: 6,
    conn_state: 'SF',
    missed_bytes: 0,
    orig_pkts: 5,
    orig_ip_bytes: 300,
    resp_pkts: 5,
    resp_ip_bytes: 300,
  } as const;
  baseline.connection({ cause: 'start', capture: 'eth0', connection });
  baseline.connection({ cause: 'end', capture: 'eth0', connection });
  baseline.end();
  expect(lines).toHaveLength(1);
  expect(lines[0]!.resp).toEqual({ state: 'unattributed', reason: 'no_agent' });
  return lines[0]!.orig;
}

let seq = 0;
const base = { kind: 'row', host: 'a', resolution: 1 } as const;
const address: HostRow = {
  ...base,
  stream: 'interface_addresses',
  table: 'interface_addresses',
  action: 'added',
  time: t0,
  seq: 0,
  columns: { address: '192.0.2.1' },
};

function poll(action: 'added' | 'removed', at: number, columns: Columns<'process_open_sockets'>): HostRow {
  const table = 'process_open_sockets';
  return { ...base, stream: table, table, action, time: t0 + at * s, seq: seq++, columns: { family: 2, ...columns } };
}

describe('the rules of the ancestor', () => {
  it('find a socket that a poll saw', () => {
    expect(owner([poll('added', 10, client)])).toMatchObject({ state: 'attributed', process: { pid: 7 } });
  });

  it('miss a socket that came and went between two polls', () => {
    const rows = [poll('added', 10.6, client), poll('removed', 11.9, client)];
    expect(owner(rows)).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });

  it('believe a socket for ten seconds after the poll that missed it, whether or not it was open then', () => {
    const rows = [poll('added', 3, client), poll('removed', 9, client)];
    expect(owner(rows, 10)).toMatchObject({ process: { pid: 7 } });
    expect(owner(rows, 12)).toMatchObject({ reason: 'no_socket_seen' });
  });

  it('take zero and unset for anything, and rank nothing', () => {
    const bound = { pid: 8, protocol: 6, local_address: '0.0.0.0', local_port: 0 };
    expect(owner([poll('added', 10, bound)])).toMatchObject({ process: { pid: 8 } });
    const both = owner([poll('added', 10, bound), poll('added', 10, client)]);
    expect(both).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 7 } }, { process: { pid: 8 } }] });
  });

  it('know no IPv6 socket, nor another protocol', () => {
    expect(owner([poll('added', 10, { ...client, family: 10 })])).toMatchObject({ reason: 'no_socket_seen' });
    expect(owner([poll('added', 10, { ...client, protocol: 17 })])).toMatchObject({ reason: 'no_socket_seen' });
  });
});
