import { describe, expect, test } from 'vitest';
import type { Connection } from '../../../src/records/connection.js';
import { connectionSchema } from '../../../src/records/connection.js';
import type { FieldValue } from '../../../src/rules/sigma/expression.js';
import type { LogSourceNames } from '../../../src/rules/sigma/log-source.js';
import { logSourceFor, logSources } from '../../../src/rules/sigma/log-sources.js';
import { attributed, type ConnectionSketch } from '../attributed.js';

const owned = logSourceFor({ category: 'network_connection' })!;
const plain = logSourceFor({ product: 'zeek', service: 'conn' })!;

const accepted: readonly (readonly [LogSourceNames, string | undefined])[] = [
  [{ category: 'network_connection' }, 'network_connection'],
  [{ category: 'network_connection', product: 'linux' }, 'network_connection'],
  [{ category: 'network_connection', product: 'windows' }, 'network_connection'],
  [{ category: 'network_connection', product: 'macos' }, 'network_connection'],
  [{ category: 'network_connection', product: 'aws' }, undefined],
  [{ category: 'network_connection', service: 'security' }, undefined],
  [{ product: 'zeek', service: 'conn' }, 'connection'],
  [{ category: 'network', service: 'connection' }, 'connection'],
  [{ category: 'network' }, undefined],
  [{ product: 'zeek', service: 'http' }, undefined],
  [{ product: 'zeek' }, undefined],
  [{ category: 'process_creation', product: 'linux' }, undefined],
  [{}, undefined],
];

test.each(accepted)('%j is evaluated on %s', (names, source) => {
  expect(logSourceFor(names)?.name).toBe(source);
});

/** The fields of every event of a connection that have a value. */
function eventsOf(
  source: typeof owned,
  sketch: ConnectionSketch,
  names: readonly string[],
): Record<string, FieldValue>[][] {
  return source
    .groups(attributed(sketch))
    .map((group) =>
      group.map((event) =>
        Object.fromEntries(
          names.map((name) => [name, source.accessor(name)?.(event)]).filter(([, value]) => value !== undefined),
        ),
      ),
    );
}

describe('network_connection', () => {
  const names = [
    ...['Image', 'CommandLine', 'CurrentDirectory', 'ProcessId', 'User', 'Hashes', 'Computer', 'Initiated', 'Protocol'],
    ...[
      'ParentImage',
      'ParentCommandLine',
      'ParentProcessId',
      'SourceIp',
      'SourcePort',
      'SourceHostname',
      'SourceIsIpv6',
    ],
    ...[
      'DestinationIp',
      'DestinationPort',
      'DestinationHostname',
      'DestinationIsIpv6',
      'id.resp_p',
      'OriginalFileName',
    ],
  ];

  test('gives one event for each end that has an owner, with source and destination as the connection was opened', () => {
    const sketch = {
      orig: { path: '/usr/bin/curl', cmdline: 'curl x', parent: '/usr/bin/bash', user: 'alice' },
      resp: { path: '/usr/sbin/nginx', pid: 7 },
    };
    const shared = {
      Protocol: 'tcp',
      SourceIp: '192.0.2.10',
      SourcePort: 43_122,
      SourceHostname: 'client-1',
      SourceIsIpv6: 'false',
      DestinationIp: '198.51.100.7',
      DestinationPort: 443,
      DestinationHostname: 'server-1',
      DestinationIsIpv6: 'false',
      'id.resp_p': 443,
    };
    expect(eventsOf(owned, sketch, names)).toEqual([
      [
        {
          ...shared,
          Image: '/usr/bin/curl',
          CommandLine: 'curl x',
          ProcessId: 4_242,
          User: 'alice',
          Computer: 'client-1',
          Initiated: 'true',
          ParentImage: '/usr/bin/bash',
          ParentProcessId: 99,
        },
      ],
      [{ ...shared, Image: '/usr/sbin/nginx', ProcessId: 7, Computer: 'server-1', Initiated: 'false' }],
    ]);
  });

  test('gives no event for an end without an owner', () => {
    expect(eventsOf(owned, {}, names)).toEqual([[], []]);
    const pending = { ...attributed({}), orig: { state: 'pending' as const } };
    expect(owned.groups(pending)).toEqual([[], []]);
  });

  test('gives an event for each candidate', () => {
    const sketch = { orig: { candidates: [{ path: '/a' }, { path: '/b' }] } };
    expect(eventsOf(owned, sketch, ['Image'])).toEqual([[{ Image: '/a' }, { Image: '/b' }], []]);
  });
});

describe('connection', () => {
  test('tells which ends are local, as the log does', () => {
    const of = (orig: string, resp: string) =>
      eventsOf(plain, { connection: { 'id.orig_h': orig, 'id.resp_h': resp } }, ['local_orig', 'local_resp'])[0]![0];
    expect(of('10.1.2.3', '8.8.8.8')).toEqual({ local_orig: true, local_resp: false });
    expect(of('2600::1', 'fe80::1')).toEqual({ local_orig: false, local_resp: true });
  });

  test('has every field of the record under its own name, times in seconds', () => {
    const connection: Partial<Connection> = { duration: 1_500_000, orig_bytes: 3, community_id: '1:x' };
    const names = Object.keys(connectionSchema.properties);
    const [[event]] = eventsOf(plain, { connection }, names) as [[Record<string, FieldValue>]];
    const { connection: record } = attributed({ connection });
    expect(event).toEqual({ ...record, ts: 1_700_000_000.000123, duration: 1.5 });
    // No parser tells it, so a rule that asks for it must be refused.
    expect(plain.accessor('service')).toBeUndefined();
  });

  test('has the names of the specification', () => {
    const connection: Partial<Connection> = {
      duration: 2_000_000,
      orig_bytes: 3,
      resp_bytes: 4,
      history: 'ShADad',
      'id.orig_h': '2001:db8::1',
    };
    const names = [
      'event.duration',
      'network.type',
      'network.transport',
      'network.state',
      'network.history',
      'source.ip',
      'source.bytes',
      'destination.port',
      'destination.bytes',
      'destination.packets',
      'network.protocol',
    ];
    expect(eventsOf(plain, { connection }, names)).toEqual([
      [
        {
          'event.duration': 2,
          'network.type': 'ipv6',
          'network.transport': 'tcp',
          'network.state': 'SF',
          'network.history': 'ShADad',
          'source.ip': '2001:db8::1',
          'source.bytes': 3,
          'destination.port': 443,
          'destination.bytes': 4,
          'destination.packets': 5,
        },
      ],
    ]);
  });

  test('has the ends as flat fields', () => {
    const names = [
      'orig_state',
      'orig_host',
      'orig_path',
      'orig_user',
      'orig_pid',
      'orig_process',
      'resp_state',
      'resp_reason',
      'resp_path',
    ];
    expect(eventsOf(plain, { orig: { path: '/bin/nc', user: 'bob' } }, names)).toEqual([
      [
        {
          orig_state: 'attributed',
          orig_host: 'client-1',
          orig_path: '/bin/nc',
          orig_user: 'bob',
          orig_pid: 4_242,
          orig_process: 'nc',
          resp_state: 'unattributed',
          resp_reason: 'no_agent',
        },
      ],
    ]);
  });
});

test.each(logSources)('$name indexes only fields that it has', ({ indexed, accessor }) => {
  for (const field of indexed) expect(accessor(field), field).toBeTypeOf('function');
});
