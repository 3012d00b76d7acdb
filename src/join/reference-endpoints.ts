import type { ConnectionUpdate } from '../records/connection.js';
import type { EndQuery, Role } from './end-query.js';
import type { Socket } from './reference-rows.js';
import type { Way } from './reference-translations.js';

/* What the reference makes of endpoints. */

/** The packets that are sent to an end, as they were captured. */
export function sentTo({ connection: c }: ConnectionUpdate, role: Role): Way {
  const [orig, resp] = [`${c['id.orig_h']} ${c['id.orig_p']}`, `${c['id.resp_h']} ${c['id.resp_p']}`];
  return role === 'orig' ? { source: resp, destination: orig } : { source: orig, destination: resp };
}

export interface EndPoints {
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
}

/** What packets come to and from: the endpoints that an end itself has. */
export function endpointsOf({ source, destination }: Way): EndPoints {
  const [local, localPort] = destination.split(' ') as [string, string];
  const [remote, remotePort] = source.split(' ') as [string, string];
  return { local, localPort: Number(localPort), remote, remotePort: Number(remotePort) };
}

export function hasTuple(socket: Socket, query: EndQuery): boolean {
  const { localAddress: local, localPort, remoteAddress: remote, remotePort } = query;
  return socket.protocol === query.protocol && isBetween(socket, { local, localPort, remote, remotePort });
}

export function isBetween(socket: Socket, { local, localPort, remote, remotePort }: EndPoints): boolean {
  const isLocal = socket.localAddress === local && socket.localPort === localPort;
  return isLocal && socket.remoteAddress === remote && socket.remotePort === remotePort;
}
