import { isLocal } from '../../core/local-address.js';
import { SECOND } from '../../core/time.js';
import type { AttributedEnd, Candidate, End } from '../../records/attributed-connection.js';
import { type Connection, connectionSchema } from '../../records/connection.js';
import type { FieldValue } from './expression.js';
import type { Accessor, ConnectionEvent } from './log-source.js';

/** Accessors by the field names of one vocabulary. */
export type FieldTable = ReadonlyMap<string, Accessor<ConnectionEvent>>;

type Owner = AttributedEnd | Candidate;
type Side = 'orig' | 'resp';

const conn =
  (read: (connection: Connection) => FieldValue): Accessor<ConnectionEvent> =>
  (event) =>
    read(event.attributed.connection);

/** Times and lengths of time are in seconds for rules, as in Zeek's log. */
const timeFields: readonly string[] = ['ts', 'duration'];

function zeekAccessor(field: string): Accessor<ConnectionEvent> {
  const read = (connection: Connection): FieldValue => (connection as Readonly<Record<string, FieldValue>>)[field];
  if (!timeFields.includes(field)) return conn(read);
  return conn((connection) => {
    const value = read(connection);
    return typeof value === 'number' ? value / SECOND : undefined;
  });
}

function ownerOf(end: End): AttributedEnd | undefined {
  return end.state === 'attributed' ? end : undefined;
}

/** The fields of the ends as they stand in a flat log. */
function flatEnd(side: Side): [string, Accessor<ConnectionEvent>][] {
  const of =
    (read: (owner: AttributedEnd) => FieldValue): Accessor<ConnectionEvent> =>
    (event) => {
      const owner = ownerOf(event.attributed[side]);
      return owner === undefined ? undefined : read(owner);
    };
  return [
    [`${side}_state`, (event) => event.attributed[side].state],
    [`${side}_reason`, ({ attributed }) => ('reason' in attributed[side] ? attributed[side].reason : undefined)],
    [`${side}_method`, of((owner) => owner.method)],
    [`${side}_host`, (event) => hostOf(event.attributed[side])],
    [`${side}_pid`, of((owner) => owner.process.pid)],
    [`${side}_process`, of((owner) => owner.process.name)],
    [`${side}_path`, of((owner) => owner.process.path)],
    [`${side}_cmdline`, of((owner) => owner.process.cmdline)],
    [`${side}_cwd`, of((owner) => owner.process.cwd)],
    [`${side}_sha256`, of((owner) => owner.process.sha256)],
    [`${side}_parent_path`, of((owner) => owner.process.ancestors?.[0]?.path)],
    [`${side}_user`, of((owner) => owner.user?.name)],
    [`${side}_uid`, of((owner) => owner.user?.uid)],
    [`${side}_container`, of((owner) => owner.container?.id)],
  ];
}

/** The host that has an end, as far as it is known and one. */
function hostOf(end: End): string | undefined {
  switch (end.state) {
    case 'attributed':
      return end.host.id;
    case 'ambiguous': {
      const host = end.candidates[0]?.host.id;
      return end.candidates.every((candidate) => candidate.host.id === host) ? host : undefined;
    }
    case 'unattributed':
      return end.host?.id;
    case 'pending':
      return undefined;
  }
}

/** Fields of the record that nothing tells: a rule that asks for one would wait in vain. */
const untold: readonly string[] = ['service'];

/** Zeek's conn.log and, flat, what is known of the two ends. */
export const zeekFields: FieldTable = new Map([
  ...Object.keys(connectionSchema.properties)
    .filter((field) => !untold.includes(field))
    .map((field) => [field, zeekAccessor(field)] as const),
  ['local_orig', conn((c) => isLocal(c['id.orig_h']))],
  ['local_resp', conn((c) => isLocal(c['id.resp_h']))],
  ...flatEnd('orig'),
  ...flatEnd('resp'),
]);

/** The specification's names for category network, service connection. */
export const networkFields: FieldTable = new Map<string, Accessor<ConnectionEvent>>([
  ['event.duration', zeekAccessor('duration')],
  ['network.type', conn((c) => (isIpv6(c['id.orig_h']) ? 'ipv6' : 'ipv4'))],
  ['network.transport', conn((c) => c.proto)],
  ['network.community_id', conn((c) => c.community_id)],
  ['network.state', conn((c) => c.conn_state)],
  ['network.history', conn((c) => c.history)],
  ['source.ip', conn((c) => c['id.orig_h'])],
  ['source.port', conn((c) => c['id.orig_p'])],
  ['source.bytes', conn((c) => c.orig_bytes)],
  ['source.packets', conn((c) => c.orig_pkts)],
  ['destination.ip', conn((c) => c['id.resp_h'])],
  ['destination.port', conn((c) => c['id.resp_p'])],
  ['destination.bytes', conn((c) => c.resp_bytes)],
  ['destination.packets', conn((c) => c.resp_pkts)],
]);

const owner =
  (read: (owner: Owner) => FieldValue): Accessor<ConnectionEvent> =>
  (event) =>
    event.owner === undefined ? undefined : read(event.owner);

/**
 * Sysmon's names for a network connection, seen from the process that owns one end. Source is who opened the connection,
 * whichever end the process owns; `Initiated` tells which.
 */
export const ownedConnectionFields: FieldTable = new Map<string, Accessor<ConnectionEvent>>([
  ['Image', owner(({ process }) => process.path)],
  ['CommandLine', owner(({ process }) => process.cmdline)],
  ['CurrentDirectory', owner(({ process }) => process.cwd)],
  ['ProcessId', owner(({ process }) => process.pid)],
  [
    'Hashes',
    owner(({ process }) => (process.sha256 === undefined ? undefined : `SHA256=${process.sha256.toUpperCase()}`)),
  ],
  ['sha256', owner(({ process }) => process.sha256)],
  ['User', owner(({ user }) => user?.name)],
  ['ContainerId', owner(({ container }) => container?.id)],
  ['ParentImage', owner(({ process }) => process.ancestors?.[0]?.path)],
  ['ParentCommandLine', owner(({ process }) => process.ancestors?.[0]?.cmdline)],
  ['ParentProcessId', owner(({ process }) => process.ancestors?.[0]?.pid)],
  ['Computer', owner(({ host }) => host.id)],
  ['Initiated', (event) => String(event.side === 'orig')],
  ['Protocol', conn((c) => c.proto)],
  ['SourceIp', conn((c) => c['id.orig_h'])],
  ['SourcePort', conn((c) => c['id.orig_p'])],
  ['SourceHostname', (event) => hostOf(event.attributed.orig)],
  ['SourceIsIpv6', conn((c) => String(isIpv6(c['id.orig_h'])))],
  ['DestinationIp', conn((c) => c['id.resp_h'])],
  ['DestinationPort', conn((c) => c['id.resp_p'])],
  ['DestinationHostname', (event) => hostOf(event.attributed.resp)],
  ['DestinationIsIpv6', conn((c) => String(isIpv6(c['id.resp_h'])))],
]);

function isIpv6(address: string): boolean {
  return address.includes(':');
}
