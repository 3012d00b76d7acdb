import { isLocal } from '../core/local-address.js';
import type { AttributedConnection, Candidate, End } from '../records/attributed-connection.js';
import { type Connection, connectionSchema } from '../records/connection.js';
import type { ZeekField } from './zeek-fields.js';

type Field = ZeekField<AttributedConnection>;

/** What `connectionSchema` says of a field. */
const meaning = (name: keyof Connection): string => connectionSchema.properties[name].description ?? '';

/** Zeek's columns in Zeek's order: base/protocols/conn, then the policy scripts for VLANs and the Community ID. */
const connectionFields: readonly Field[] = [
  { name: 'ts', type: 'time', description: meaning('ts'), of: (c) => c.connection.ts },
  { name: 'uid', type: 'string', description: meaning('uid'), of: (c) => c.connection.uid },
  { name: 'id.orig_h', type: 'addr', description: meaning('id.orig_h'), of: (c) => c.connection['id.orig_h'] },
  { name: 'id.orig_p', type: 'port', description: meaning('id.orig_p'), of: (c) => c.connection['id.orig_p'] },
  { name: 'id.resp_h', type: 'addr', description: meaning('id.resp_h'), of: (c) => c.connection['id.resp_h'] },
  { name: 'id.resp_p', type: 'port', description: meaning('id.resp_p'), of: (c) => c.connection['id.resp_p'] },
  { name: 'proto', type: 'enum', description: meaning('proto'), of: (c) => c.connection.proto },
  { name: 'service', type: 'string', description: meaning('service'), of: (c) => c.connection.service },
  { name: 'duration', type: 'interval', description: meaning('duration'), of: (c) => c.connection.duration },
  { name: 'orig_bytes', type: 'count', description: meaning('orig_bytes'), of: (c) => c.connection.orig_bytes },
  { name: 'resp_bytes', type: 'count', description: meaning('resp_bytes'), of: (c) => c.connection.resp_bytes },
  { name: 'conn_state', type: 'string', description: meaning('conn_state'), of: (c) => c.connection.conn_state },
  {
    name: 'local_orig',
    type: 'bool',
    description: "Whether the originator's address is not routed on the internet.",
    of: (c) => isLocal(c.connection['id.orig_h']),
  },
  {
    name: 'local_resp',
    type: 'bool',
    description: "Whether the responder's address is not routed on the internet.",
    of: (c) => isLocal(c.connection['id.resp_h']),
  },
  { name: 'missed_bytes', type: 'count', description: meaning('missed_bytes'), of: (c) => c.connection.missed_bytes },
  { name: 'history', type: 'string', description: meaning('history'), of: (c) => c.connection.history },
  { name: 'orig_pkts', type: 'count', description: meaning('orig_pkts'), of: (c) => c.connection.orig_pkts },
  {
    name: 'orig_ip_bytes',
    type: 'count',
    description: meaning('orig_ip_bytes'),
    of: (c) => c.connection.orig_ip_bytes,
  },
  { name: 'resp_pkts', type: 'count', description: meaning('resp_pkts'), of: (c) => c.connection.resp_pkts },
  {
    name: 'resp_ip_bytes',
    type: 'count',
    description: meaning('resp_ip_bytes'),
    of: (c) => c.connection.resp_ip_bytes,
  },
  {
    name: 'tunnel_parents',
    type: 'set[string]',
    description: meaning('tunnel_parents'),
    of: (c) => c.connection.tunnel_parents,
  },
  { name: 'ip_proto', type: 'count', description: meaning('ip_proto'), of: (c) => c.connection.ip_proto },
  { name: 'vlan', type: 'int', description: meaning('vlan'), of: (c) => c.connection.vlan },
  { name: 'inner_vlan', type: 'int', description: meaning('inner_vlan'), of: (c) => c.connection.inner_vlan },
  { name: 'community_id', type: 'string', description: meaning('community_id'), of: (c) => c.connection.community_id },
];

const owner = (end: End) => (end.state === 'attributed' ? end : undefined);

const natOf = (end: End) => ('nat' in end ? end.nat : undefined);

function hostOf(end: End): string | undefined {
  if (end.state === 'attributed' || end.state === 'unattributed') return end.host?.id;
  return undefined;
}

const candidateText = ({ process, host }: Candidate) =>
  `${process.name ?? process.path ?? '?'}[${process.pid}]@${host.id}`;

/** The owner of one end as flat columns. */
function endFields(side: 'orig' | 'resp'): Field[] {
  return [
    {
      name: `${side}_state`,
      type: 'enum',
      description: 'attributed, ambiguous, pending or unattributed.',
      of: (c) => c[side].state,
    },
    {
      name: `${side}_reason`,
      type: 'enum',
      description: 'Why there is no owner.',
      of: ({ [side]: end }) => (end.state === 'unattributed' ? end.reason : undefined),
    },
    {
      name: `${side}_method`,
      type: 'enum',
      description: 'The evidence that decided.',
      of: (c) => owner(c[side])?.method,
    },
    { name: `${side}_host`, type: 'string', description: "The host's id.", of: (c) => hostOf(c[side]) },
    { name: `${side}_pid`, type: 'int', description: 'Process id.', of: (c) => owner(c[side])?.process.pid },
    {
      name: `${side}_start`,
      type: 'time',
      description: 'When the process started.',
      of: (c) => owner(c[side])?.process.start,
    },
    {
      name: `${side}_process`,
      type: 'string',
      description: 'Name of the process.',
      of: (c) => owner(c[side])?.process.name,
    },
    {
      name: `${side}_path`,
      type: 'string',
      description: 'Path of the executable.',
      of: (c) => owner(c[side])?.process.path,
    },
    {
      name: `${side}_cmdline`,
      type: 'string',
      description: 'Command line.',
      of: (c) => owner(c[side])?.process.cmdline,
    },
    {
      name: `${side}_sha256`,
      type: 'string',
      description: 'SHA-256 of the executable.',
      of: (c) => owner(c[side])?.process.sha256,
    },
    { name: `${side}_user_id`, type: 'int', description: 'User id.', of: (c) => owner(c[side])?.user?.uid },
    { name: `${side}_user`, type: 'string', description: 'User name.', of: (c) => owner(c[side])?.user?.name },
    {
      name: `${side}_container`,
      type: 'string',
      description: 'Container id.',
      of: (c) => owner(c[side])?.container?.id,
    },
    {
      name: `${side}_candidates`,
      type: 'set[string]',
      description: 'The possible owners of an ambiguous end, each as `name[pid]@host`.',
      of: ({ [side]: end }) => (end.state === 'ambiguous' ? end.candidates.map(candidateText) : undefined),
    },
    {
      name: `${side}_nat_host`,
      type: 'string',
      description: 'The host that translates the addresses (NAT), the last one of several.',
      of: (c) => natOf(c[side])?.host.id,
    },
    {
      name: `${side}_nat_address`,
      type: 'addr',
      description: "The end's own address behind the translation.",
      of: (c) => natOf(c[side])?.address,
    },
    {
      name: `${side}_nat_port`,
      type: 'port',
      description: 'Its own port.',
      of: (c) => natOf(c[side])?.port,
    },
    {
      name: `${side}_nat_peer_address`,
      type: 'addr',
      description: "The other end's address as this end has it.",
      of: (c) => natOf(c[side])?.peer_address,
    },
    {
      name: `${side}_nat_peer_port`,
      type: 'port',
      description: 'Its port as this end has it.',
      of: (c) => natOf(c[side])?.peer_port,
    },
  ];
}

/** The columns of conn.log: Zeek's, then the owners of both ends. */
export const connFields: readonly Field[] = [...connectionFields, ...endFields('orig'), ...endFields('resp')];
