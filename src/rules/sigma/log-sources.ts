import type { AttributedConnection, End } from '../../records/attributed-connection.js';
import { type FieldTable, networkFields, ownedConnectionFields, zeekFields } from './connection-fields.js';
import type { ConnectionEvent, LogSource, LogSourceNames } from './log-source.js';

/** Fields from the first table that has the name. */
function fieldsOf(...tables: readonly FieldTable[]): Pick<LogSource, 'accessor' | 'leaves'> {
  const all = new Map(tables.toReversed().flatMap((table) => [...table]));
  return {
    accessor: (field) => all.get(field),
    leaves: function* (event) {
      for (const read of all.values()) yield read(event);
    },
  };
}

function eventsOfEnd(attributed: AttributedConnection, side: 'orig' | 'resp'): ConnectionEvent[] {
  const end: End = attributed[side];
  if (end.state === 'attributed') return [{ attributed, side, owner: end }];
  if (end.state !== 'ambiguous') return [];
  return end.candidates.map((owner) => ({ attributed, side, owner }));
}

const systems: readonly (string | undefined)[] = [undefined, 'windows', 'linux', 'macos'];

/** One event for each end that has an owner: what a sensor on that host would have logged. */
const ownedConnection: LogSource = {
  name: 'network_connection',
  accepts: ({ category, product, service }) =>
    category === 'network_connection' && systems.includes(product) && (service === undefined || service === 'sysmon'),
  ...fieldsOf(ownedConnectionFields, zeekFields),
  groups: (attributed) => [eventsOfEnd(attributed, 'orig'), eventsOfEnd(attributed, 'resp')],
  indexed: ['Image', 'ParentImage', 'DestinationPort', 'SourcePort', 'DestinationIp', 'DestinationHostname', 'User'],
};

/** One event for each connection, whatever is known of its ends. */
const connection: LogSource = {
  name: 'connection',
  accepts: ({ category, product, service }) =>
    (product === 'zeek' && category === undefined && service === 'conn') ||
    (category === 'network' && service === 'connection' && (product === undefined || product === 'zeek')),
  ...fieldsOf(zeekFields, networkFields),
  groups: (attributed) => [[{ attributed }]],
  indexed: [
    ...['id.resp_p', 'id.resp_h', 'id.orig_h', 'conn_state', 'orig_path', 'resp_path'],
    ...['destination.port', 'destination.ip', 'source.ip', 'network.state'],
  ],
};

/** The kinds of log that rules are evaluated on. */
export const logSources: readonly LogSource[] = [ownedConnection, connection];

export function logSourceFor(names: LogSourceNames): LogSource | undefined {
  return logSources.find((source) => source.accepts(names));
}

/** `category: network_connection, product: linux`. */
export function formatLogSource(names: LogSourceNames): string {
  const parts = (['category', 'product', 'service'] as const)
    .filter((key) => names[key] !== undefined)
    .map((key) => `${key}: ${names[key]}`);
  return parts.length === 0 ? 'an empty logsource' : parts.join(', ');
}
