import type { ConnectionUpdate } from '../../../src/records/connection.js';
import type { HostRow } from '../../../src/records/host-row.js';
import { connection, ends, Teller } from './story.js';

/** A few rows and connections whose owners anybody can tell. Ends in words, by uid. */
export interface Story {
  readonly name: string;
  readonly rows: readonly HostRow[];
  readonly updates: readonly ConnectionUpdate[];
  readonly expected: Readonly<Record<string, { readonly orig: string; readonly resp: string }>>;
}

const second = 1_000_000;
const tuple = '10.0.0.1:40000>10.0.0.2:443';
const reply = '10.0.0.2:443>10.0.0.1:40000';
const polledEnds = {
  local_address: '10.0.0.1',
  local_port: 40_000,
  remote_address: '10.0.0.2',
  remote_port: 443,
} as const;

const web = (options: Partial<ConstructorParameters<typeof Teller>[1]> = {}): Teller =>
  new Teller('web', { address: '10.0.0.1', ...options });
const db = (options: Partial<ConstructorParameters<typeof Teller>[1]> = {}): Teller =>
  new Teller('db', { address: '10.0.0.2', ...options });

/** A row about another socket that shows that the stream tells when sockets close. */
const otherClose = { ...ends('10.0.0.9:1>10.0.0.8:1'), socket: '99' };

function rowsOf(...tellers: readonly Teller[]): HostRow[] {
  return tellers.flatMap((teller) => teller.rows);
}

function one(name: string, tellers: readonly Teller[], update: ConnectionUpdate, orig: string, resp: string): Story {
  return { name, rows: rowsOf(...tellers), updates: [update], expected: { [update.connection.uid]: { orig, resp } } };
}

export const stories: readonly Story[] = [
  one(
    'both ends by full tuples',
    [
      web().socket(-0.1, 'connect', 100, ends(tuple)).socket(9, 'close', 100, ends(tuple)).complete(90_000),
      db().socket(1, 'accept', 200, ends(reply)).complete(90_000),
    ],
    connection(0, 10, tuple),
    'socket_event web:100',
    'accept_event db:200',
  ),
  one(
    'nobody watches the responder',
    [web().socket(-0.1, 'connect', 100, ends('10.0.0.1:40000>203.0.113.1:443')).complete(90_000)],
    connection(0, 10, '10.0.0.1:40000>203.0.113.1:443'),
    'socket_event web:100',
    'no_agent',
  ),
  {
    name: 'a port used again by another process within milliseconds',
    rows: rowsOf(
      web()
        .socket(-0.1, 'connect', 100, { ...ends(tuple), socket: '7' })
        .socket(4, 'close', 100, { ...ends(tuple), socket: '7' })
        .socket(5.9, 'connect', 101, { ...ends(tuple), socket: '8' })
        .complete(90_000),
    ),
    updates: [connection(0, 4, tuple, { uid: 'C1' }), connection(6, 4, tuple, { uid: 'C2' })],
    expected: {
      C1: { orig: 'socket_event web:100', resp: 'no_agent' },
      C2: { orig: 'socket_event web:101', resp: 'no_agent' },
    },
  },
  one(
    'a socket that was closed before is no owner',
    [
      db()
        .socket(-900, 'listen', 200, { ...ends('0.0.0.0:443'), socket: '5' })
        .socket(-500, 'close', 200, { ...ends('0.0.0.0:443'), socket: '5' })
        .complete(90_000),
    ],
    connection(0, 10, '203.0.113.1:50000>10.0.0.2:443'),
    'no_agent',
    'no_socket_seen',
  ),
  one(
    'a socket that was opened after is no owner',
    [db().socket(20, 'listen', 200, ends('0.0.0.0:443')).complete(90_000)],
    connection(0, 10, '203.0.113.1:50000>10.0.0.2:443'),
    'no_agent',
    'no_socket_seen',
  ),
  {
    name: 'a host whose clock is five seconds ahead',
    rows: rowsOf(
      web({ skew: 5_000 })
        .socket(-0.1, 'connect', 100, { ...ends(tuple), socket: '7' })
        .socket(9, 'close', 100, { ...ends(tuple), socket: '7' })
        .socket(4_999.9, 'connect', 101, { ...ends(tuple), socket: '8' })
        .complete(90_000),
    ),
    updates: [connection(0, 10, tuple, { uid: 'C1' }), connection(5_000, 10, tuple, { uid: 'C2' })],
    expected: {
      C1: { orig: 'socket_event web:100', resp: 'no_agent' },
      C2: { orig: 'socket_event web:101', resp: 'no_agent' },
    },
  },
  one(
    'a listener owns no originated connection, even one that was flipped',
    [db().socket(-5_000, 'listen', 200, ends('0.0.0.0:443')).complete(90_000)],
    connection(0, 10, '10.0.0.2:443>203.0.113.1:50000', { history: '^DadA' }),
    'no_socket_seen',
    'no_agent',
  ),
  one(
    'the listener on the exact address goes before the wildcard',
    [
      db()
        .socket(-5_000, 'listen', 200, ends('0.0.0.0:443'))
        .socket(-4_000, 'listen', 201, ends('10.0.0.2:443'))
        .complete(90_000),
    ],
    connection(0, 10, '203.0.113.1:50000>10.0.0.2:443'),
    'no_agent',
    'listening_port db:201',
  ),
  one(
    'accept goes before the listener',
    [
      db()
        .socket(-5_000, 'listen', 200, ends('10.0.0.2:443'))
        .socket(2, 'accept', 201, ends('10.0.0.2:443>203.0.113.1:50000'))
        .complete(90_000),
    ],
    connection(0, 10, '203.0.113.1:50000>10.0.0.2:443'),
    'no_agent',
    'accept_event db:201',
  ),
  one(
    'a listener on :: takes IPv4, and its accepted socket shows mapped addresses',
    [
      db()
        .socket(2, 'accept', 201, { ...ends('::ffff:10.0.0.2:443>::ffff:203.0.113.1:50000'), family: 10 })
        .complete(90_000),
    ],
    connection(0, 10, '203.0.113.1:50000>10.0.0.2:443'),
    'no_agent',
    'accept_event db:201',
  ),
  one(
    'the full tuple goes before a connect without local port',
    [
      web()
        .socket(-0.2, 'connect', 101, ends('>10.0.0.2:443'))
        .socket(-0.1, 'connect', 100, ends(tuple))
        .complete(90_000),
    ],
    connection(0, 10, tuple),
    'socket_event web:100',
    'no_agent',
  ),
  one(
    'one connect without local port near the first packet',
    [web().socket(-0.1, 'connect', 100, ends('>10.0.0.2:443')).complete(90_000)],
    connection(0, 10, tuple),
    'connect_event web:100',
    'no_agent',
  ),
  one(
    'two connects without local port near the first packet are a tie',
    [
      web()
        .socket(-0.2, 'connect', 100, ends('>10.0.0.2:443'))
        .socket(-0.1, 'connect', 101, ends('>10.0.0.2:443'))
        .complete(90_000),
    ],
    connection(0, 10, tuple),
    'ambiguous web:100 web:101',
    'no_agent',
  ),
  one(
    'whole seconds: a call later in the second of the first packet still matches',
    [web({ resolution: second }).socket(499.9, 'connect', 100, ends('>10.0.0.2:443')).complete(90_000)],
    connection(500, 10, tuple),
    'connect_event web:100',
    'no_agent',
  ),
  one(
    'whole seconds: a call late in its second, whose first packet was held back',
    [web({ resolution: second }).socket(999, 'connect', 100, ends('>10.0.0.2:443')).complete(90_000)],
    connection(1_500, 10, tuple),
    'connect_event web:100',
    'no_agent',
  ),
  {
    name: 'a refused connection is not what the next one was accepted for',
    rows: rowsOf(db().socket(0.05, 'accept', 200, ends(reply)).complete(90_000)),
    updates: [
      connection(0, 0.04, tuple, { uid: 'C1', state: 'REJ', history: 'Sr' }),
      connection(0.045, 10, tuple, { uid: 'C2' }),
    ],
    expected: {
      C1: { orig: 'no_agent', resp: 'no_socket_seen' },
      C2: { orig: 'no_agent', resp: 'accept_event db:200' },
    },
  },
  one(
    'rows of the time were lost, so the only connect that is left may be a stranger',
    [
      web({ streams: ['socket_events', 'interface_addresses'] })
        .socket(-0.1, 'connect', 100, ends('>10.0.0.2:443'))
        .lost('socket_events', -500, -50)
        .complete(90_000),
    ],
    connection(0, 10, tuple),
    'events_lost',
    'no_agent',
  ),
  one(
    'rows of the time were lost and nothing is left',
    [web().lost('socket_events', -500, 500).complete(90_000)],
    connection(0, 10, tuple),
    'events_lost',
    'no_agent',
  ),
  one(
    'the host fell silent before',
    [web().timeout(-2_000).complete(-2_000)],
    connection(0, 10, tuple),
    'agent_offline',
    'no_agent',
  ),
  one(
    'the host was watched only later',
    [web({ watchedFrom: 5_000 }).complete(90_000)],
    connection(0, 10, tuple),
    'agent_offline',
    'no_agent',
  ),
  {
    name: 'equal loopback tuples on two hosts',
    rows: rowsOf(
      web().socket(-0.1, 'connect', 100, ends('127.0.0.1:40000>127.0.0.1:80')).complete(90_000),
      db().socket(-0.1, 'connect', 200, ends('127.0.0.1:40000>127.0.0.1:80')).complete(90_000),
    ),
    updates: [
      connection(0, 10, '127.0.0.1:40000>127.0.0.1:80', { uid: 'C1', capture: 'lo@web', captureHost: 'web' }),
      connection(0, 10, '127.0.0.1:40000>127.0.0.1:80', { uid: 'C2', capture: 'lo@db', captureHost: 'db' }),
    ],
    expected: {
      C1: { orig: 'socket_event web:100', resp: 'no_socket_seen' },
      C2: { orig: 'socket_event db:200', resp: 'no_socket_seen' },
    },
  },
  one(
    'multicast is nobody',
    [
      web()
        .socket(-50_000, 'close', 9, otherClose)
        .socket(-0.1, 'connect', 100, { ...ends('10.0.0.1:5353>224.0.0.251:5353'), protocol: 17 })
        .complete(90_000),
    ],
    connection(0, 10, '10.0.0.1:5353>224.0.0.251:5353', { proto: 'udp', history: 'D' }),
    'socket_event web:100',
    'group',
  ),
  one(
    'no stream reports echo requests',
    [web().complete(90_000)],
    connection(0, 10, '10.0.0.1:8>10.0.0.2:0', { proto: 'icmp', history: 'Dd' }),
    'unsupported_proto',
    'no_agent',
  ),
  one(
    'an unconnected UDP socket by its bound port',
    [
      web()
        .socket(-50_000, 'close', 9, otherClose)
        .socket(-50, 'bind', 100, { ...ends('0.0.0.0:40000'), protocol: 17 })
        .complete(90_000),
    ],
    connection(0, 10, '10.0.0.1:40000>203.0.113.1:53', { proto: 'udp' }),
    'local_endpoint web:100',
    'no_agent',
  ),
  one(
    'bound before connect',
    [web().socket(-50_000, 'close', 9, otherClose).socket(-50, 'bind', 100, ends('10.0.0.1:40000')).complete(90_000)],
    connection(0, 10, tuple),
    'local_endpoint web:100',
    'no_agent',
  ),
  {
    name: 'a polled socket that was seen open during the connection',
    rows: rowsOf(
      web({ streams: ['process_open_sockets', 'processes', 'interface_addresses'] })
        .row(
          'process_open_sockets',
          'added',
          1_000,
          { pid: 100, fd: 3, socket: 9, family: 2, protocol: 6, ...polledEnds },
          -500,
        )
        .row(
          'process_open_sockets',
          'removed',
          5_000,
          { pid: 100, fd: 3, socket: 9, family: 2, protocol: 6, ...polledEnds },
          3_000,
        )
        .complete(90_000),
    ),
    updates: [connection(0, 4_000, tuple)],
    expected: { C1: { orig: 'open_socket web:100', resp: 'no_agent' } },
  },
  {
    name: 'an accept without its port while the originator is connected to two ports of the host',
    rows: rowsOf(
      db()
        .socket(-900, 'listen', 201, ends('0.0.0.0:80'))
        .socket(5, 'accept', 200, ends('>10.0.0.1:40000'))
        .complete(90_000),
    ),
    updates: [connection(0, 10, tuple, { uid: 'C1' }), connection(1, 10, '10.0.0.1:40000>10.0.0.2:80', { uid: 'C2' })],
    expected: {
      C1: { orig: 'no_agent', resp: 'ambiguous db:200' },
      C2: { orig: 'no_agent', resp: 'ambiguous db:200 db:201' },
    },
  },
  {
    name: 'an accept without its port after the other connection of the originator was over, or refused',
    rows: rowsOf(db().socket(5, 'accept', 200, ends('>10.0.0.1:40000')).complete(90_000)),
    updates: [
      connection(0, 10, tuple, { uid: 'C1' }),
      connection(1, 2, '10.0.0.1:40000>10.0.0.2:80', { uid: 'C2' }),
      connection(1, 10, '10.0.0.1:40000>10.0.0.2:81', { uid: 'C3', state: 'REJ', history: 'Sr' }),
    ],
    expected: {
      C1: { orig: 'no_agent', resp: 'accept_event db:200' },
      C2: { orig: 'no_agent', resp: 'no_socket_seen' },
      C3: { orig: 'no_agent', resp: 'no_socket_seen' },
    },
  },
  {
    name: 'an accept without its port while the originator is connected to an address that comes to the host only later',
    rows: rowsOf(
      db()
        .socket(5, 'accept', 200, ends('>10.0.0.1:40000'))
        .row('interface_addresses', 'added', 60_000, { interface: 'eth0', address: '10.0.0.3' }, 50_000)
        .complete(90_000),
    ),
    updates: [connection(0, 10, tuple, { uid: 'C1' }), connection(1, 10, '10.0.0.1:40000>10.0.0.3:80', { uid: 'C2' })],
    expected: {
      C1: { orig: 'no_agent', resp: 'accept_event db:200' },
      C2: { orig: 'no_agent', resp: 'no_agent' },
    },
  },
  {
    name: 'an accept without its port that a connection to an address may claim which may have come from another host by then',
    rows: rowsOf(
      new Teller('old', { address: '10.0.0.3' })
        .socket(-900, 'accept', 300, ends('>10.0.0.9:1'))
        .row('interface_addresses', 'removed', 60_000, { interface: 'eth0', address: '10.0.0.3' }, -5)
        .complete(90_000),
      db()
        .socket(5, 'accept', 200, ends('>10.0.0.1:40000'))
        .row('interface_addresses', 'added', 60_000, { interface: 'eth0', address: '10.0.0.3' }, -5)
        .complete(90_000),
    ),
    updates: [connection(0, 10, tuple, { uid: 'C1' }), connection(1, 10, '10.0.0.1:40000>10.0.0.3:80', { uid: 'C2' })],
    expected: {
      C1: { orig: 'no_agent', resp: 'ambiguous db:200' },
      C2: { orig: 'no_agent', resp: 'ambiguous db:200' },
    },
  },
  {
    name: 'an accept without its port that a connection the wrong way round may claim',
    rows: rowsOf(db().socket(5, 'accept', 200, ends('>10.0.0.1:40000')).complete(90_000)),
    updates: [
      connection(0, 10, tuple, { uid: 'C1' }),
      connection(1, 10, '10.0.0.2:80>10.0.0.1:40000', { uid: 'C2', history: '^DadA' }),
    ],
    expected: {
      C1: { orig: 'no_agent', resp: 'ambiguous db:200' },
      C2: { orig: 'no_socket_seen', resp: 'no_agent' },
    },
  },
];
