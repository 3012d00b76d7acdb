import type { AttributedConnection, AttributedEnd, End } from '../../src/records/attributed-connection.js';
import type { Connection } from '../../src/records/connection.js';

export const connection: Connection = {
  ts: 1_700_000_000_000_123,
  uid: 'CeXample00000001',
  'id.orig_h': '192.0.2.10',
  'id.orig_p': 43122,
  'id.resp_h': '192.0.2.20',
  'id.resp_p': 443,
  proto: 'tcp',
  duration: 200_000,
  orig_bytes: 512,
  resp_bytes: 4096,
  conn_state: 'SF',
  missed_bytes: 0,
  history: 'ShADadFf',
  orig_pkts: 8,
  orig_ip_bytes: 900,
  resp_pkts: 7,
  resp_ip_bytes: 4500,
  ip_proto: 6,
  community_id: '1:example',
};

export const curl: AttributedEnd = {
  state: 'attributed',
  method: 'socket_event',
  host: { id: 'desk-1', boot: 'b1' },
  clock: { offset: 12_000, err: 3_000 },
  process: {
    pid: 123,
    start: 1_699_999_999_900_000,
    name: 'curl',
    path: '/usr/bin/curl',
    cmdline: 'curl -H "X: \\" \u0007" https://192.0.2.20/',
    ancestors: [{ pid: 99, start: 1_699_999_990_000_001, name: 'bash', path: '/usr/bin/bash' }],
  },
  user: { uid: 1000, name: 'alice' },
  sharers: [{ pid: 124, start: 1_699_999_999_950_000 }],
};

export const noAgent: End = { state: 'unattributed', reason: 'no_agent' };

export function attributed(ends: { orig?: End; resp?: End } = {}): AttributedConnection {
  return {
    connection,
    capture: 'traffic.pcap',
    cause: 'end',
    rev: 3,
    orig: ends.orig ?? curl,
    resp: ends.resp ?? noAgent,
  };
}
