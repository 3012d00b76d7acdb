import type { AttributedConnection, AttributedEnd, End } from '../../src/records/attributed-connection.js';
import type { Connection } from '../../src/records/connection.js';

/** An owner in short form. */
export interface OwnerSketch {
  readonly path?: string;
  readonly cmdline?: string;
  readonly parent?: string;
  readonly user?: string;
  readonly host?: string;
  readonly pid?: number;
}

/** An end in short form; absent means unattributed. */
export type EndSketch = OwnerSketch | { readonly candidates: readonly OwnerSketch[] } | undefined;

export interface ConnectionSketch {
  readonly connection?: Partial<Connection>;
  readonly orig?: EndSketch;
  readonly resp?: EndSketch;
  readonly rev?: number;
}

/** An attributed connection made from what a test cares about; the addresses are those of documentation. */
export function attributed(sketch: ConnectionSketch): AttributedConnection {
  return {
    connection: {
      ts: 1_700_000_000_000_123,
      uid: 'CuidOfTheTest',
      'id.orig_h': '192.0.2.10',
      'id.orig_p': 43_122,
      'id.resp_h': '198.51.100.7',
      'id.resp_p': 443,
      proto: 'tcp',
      conn_state: 'SF',
      missed_bytes: 0,
      orig_pkts: 5,
      orig_ip_bytes: 500,
      resp_pkts: 5,
      resp_ip_bytes: 500,
      ip_proto: 6,
      ...sketch.connection,
    },
    capture: 'test',
    cause: 'end',
    rev: sketch.rev ?? 0,
    orig: end(sketch.orig, 'client-1'),
    resp: end(sketch.resp, 'server-1'),
  };
}

function end(sketch: EndSketch, host: string): End {
  if (sketch === undefined) return { state: 'unattributed', reason: 'no_agent' };
  if (!('candidates' in sketch)) return { state: 'attributed', ...owner(sketch, host) };
  return {
    state: 'ambiguous',
    candidates: sketch.candidates.map((one) => ({ ...owner(one, host), tie: 'both hold the socket' })),
  };
}

function owner(sketch: OwnerSketch, host: string): Omit<AttributedEnd, 'state'> {
  const { path, cmdline, parent, user, pid } = sketch;
  return {
    method: 'socket_event',
    host: { id: sketch.host ?? host },
    process: {
      pid: pid ?? 4_242,
      ...(path === undefined ? {} : { path, name: path.slice(path.lastIndexOf('/') + 1) }),
      ...(cmdline === undefined ? {} : { cmdline }),
      ...(parent === undefined ? {} : { ancestors: [{ pid: 99, path: parent }] }),
    },
    ...(user === undefined ? {} : { user: { uid: 1_000, name: user } }),
  };
}
