import { type Micros, SECOND } from '../core/time.js';
import type { Connection } from './connection.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Which connections are meant: one by its uid, or those between two endpoints, in either direction. */
export type ConnectionQuestion =
  | { readonly uid: string }
  | {
      readonly ends: readonly [Endpoint, Endpoint];
      readonly proto?: string;
      /** When it was open. */
      readonly at?: Micros;
    };

/** A moment given to a whole second may lie this far outside the connection. */
export const AT_SLACK: Micros = SECOND;

export function isMeant(connection: Connection, question: ConnectionQuestion): boolean {
  if ('uid' in question) return connection.uid === question.uid;
  const { ends, proto, at } = question;
  const { ts, duration = 0 } = connection;
  if (proto !== undefined && connection.proto !== proto) return false;
  if (at !== undefined && (at < ts - AT_SLACK || at > ts + duration + AT_SLACK)) return false;
  const orig = { address: connection['id.orig_h'], port: connection['id.orig_p'] };
  const resp = { address: connection['id.resp_h'], port: connection['id.resp_p'] };
  const [a, b] = ends;
  return (isSame(a, orig) && isSame(b, resp)) || (isSame(a, resp) && isSame(b, orig));
}

function isSame(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}
