import { icmpCounterpart } from '../core/community-id.js';
import { isIcmp, isIcmpRequest } from '../hosts/state/portless-endpoints.js';
import type { Connection } from '../records/connection.js';
import type { Role } from './end-query.js';

const ICMP = 1;
const ESP = 50;
const AH = 51;

/**
 * Whether the kernel itself sends or takes what this end of a connection does, so that no socket need be there: all of ICMP but the
 * sending of requests (answers, errors, neighbour discovery, whatever arrives), and IPsec.
 */
export function isKernels({ ip_proto: protocol, 'id.orig_p': type }: Connection, role: Role): boolean {
  if (!isIcmp(protocol)) return protocol === ESP || protocol === AH;
  if (role === 'orig') return !isIcmpRequest(protocol, type);
  // A connection that was first seen by its answer has the asking end as responder.
  const counterpart = icmpCounterpart(protocol === ICMP ? 4 : 6, type);
  return counterpart === undefined || !isIcmpRequest(protocol, counterpart);
}
