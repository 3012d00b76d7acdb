import { type Static, Type } from '@sinclair/typebox';
import { type Connection, connectionSchema } from './connection.js';
import type { AnyTableRow } from './host-row.js';
import { reasons } from './reason.js';

/** How an owner was found, best first for each end, each with its meaning. */
export const methodMeanings = {
  socket_event: 'Originator: the host told of a call with all four endpoints.',
  open_socket: 'Either end: a poll saw a socket with all four endpoints.',
  local_endpoint: 'Originator: a socket was bound to exactly the local address and port.',
  connect_event: 'Originator: a call to connect near the first packet, told without its local port.',
  accept_event: 'Responder: the host told of a call that accepted the connection, or took its first datagram.',
  listening_port: 'Responder: a socket listened at, or was bound to, the local port.',
  shared_socket: 'Either end: several processes held the socket, and none is known to have made it.',
} as const;
export type Method = keyof typeof methodMeanings;
const methods = Object.keys(methodMeanings) as Method[];

const literals = <T extends string>(values: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], description });

const ancestor = Type.Object({
  pid: Type.Integer({ description: 'Process id.' }),
  start: Type.Optional(Type.Number({ description: 'When the process started; absent when no row tells.' })),
  name: Type.Optional(Type.String({ description: 'Name of the process: the last part of its path.' })),
  path: Type.Optional(Type.String({ description: 'Path of the executable.' })),
  cmdline: Type.Optional(
    Type.String({
      description: 'Command line; in lines cut after 8,192 characters, of ancestors beyond the parent after 1,024.',
    }),
  ),
  cmdline_size: Type.Optional(
    Type.Integer({ description: 'Bytes of the whole command line; in lines, and only where it is cut.' }),
  ),
});

const processSchema = Type.Composite([
  ancestor,
  Type.Object({
    cwd: Type.Optional(Type.String({ description: 'Working directory.' })),
    sha256: Type.Optional(Type.String({ description: 'SHA-256 of the executable.' })),
    ancestors: Type.Optional(Type.Array(ancestor, { description: 'Parent first, as of the start of the connection.' })),
  }),
]);

const owner = {
  method: literals(methods, 'The evidence that decided.'),
  host: Type.Object({
    id: Type.String({ description: "The host's id." }),
    boot: Type.Optional(Type.String({ description: 'Boot id, where known.' })),
  }),
  clock: Type.Optional(
    Type.Object(
      {
        offset: Type.Number({ description: 'Host clock minus capture clock.' }),
        err: Type.Number({ description: 'Give or take.' }),
      },
      { description: 'Measured clock of the host; absent when none was measured.' },
    ),
  ),
  process: processSchema,
  user: Type.Optional(
    Type.Object({
      uid: Type.Integer({ description: 'User id.' }),
      name: Type.Optional(Type.String({ description: 'User name; absent when the host did not report its users.' })),
    }),
  ),
  container: Type.Optional(Type.Object({ id: Type.String({ description: 'Container id.' }) })),
  sharers: Type.Optional(
    Type.Array(Type.Object({ pid: Type.Integer(), start: Type.Optional(Type.Number()) }), {
      description: 'Other processes that hold the same socket.',
    }),
  ),
};

const candidateSchema = Type.Object({
  ...owner,
  from: Type.Optional(
    Type.Number({ description: "The socket's first possible moment, capture clock; absent: unknown." }),
  ),
  to: Type.Optional(
    Type.Number({ description: "The socket's last possible moment, capture clock; absent: still open." }),
  ),
  tie: Type.String({ description: 'Why this candidate is not better or worse than the others.' }),
});

const natSchema = Type.Object(
  {
    host: Type.Object({ id: Type.String({ description: 'The host that translates, the last one of several.' }) }),
    address: Type.String({ description: "The end's own address." }),
    port: Type.Integer({ description: 'Its own port.' }),
    peer_address: Type.String({ description: "The other end's address as this end has it." }),
    peer_port: Type.Integer({ description: 'Its port as this end has it.' }),
  },
  { description: 'The endpoints behind a translation of addresses (NAT), where one is known.' },
);
const nat = Type.Optional(natSchema);

export const endSchema = Type.Union([
  Type.Object({ state: Type.Literal('attributed'), ...owner, nat }),
  Type.Object({ state: Type.Literal('ambiguous'), candidates: Type.Array(candidateSchema), nat }),
  Type.Object({ state: Type.Literal('pending') }),
  Type.Object({
    state: Type.Literal('unattributed'),
    reason: literals(reasons, 'Why there is no owner.'),
    host: Type.Optional(Type.Object({ id: Type.String({ description: 'The host that has the address.' }) })),
    packet_sockets: Type.Optional(
      Type.Array(ancestor, {
        description:
          'Of no_socket_seen where packets were sent: processes of the host that then held packet sockets (AF_PACKET), which send past all other sockets. At most 16, least pid first.',
      }),
    ),
    nat,
  }),
]);

export type Nat = Static<typeof natSchema>;
export type Process = Static<typeof processSchema>;
/** What a process ran. */
export type Image = Static<typeof ancestor>;
export type Candidate = Static<typeof candidateSchema> & Evidence;

/** The rows that decided; shown in alerts and by `explain`, not in connection lines. */
export interface Evidence {
  readonly evidence?: readonly AnyTableRow[];
}

type EndShape = Static<typeof endSchema>;
export type AttributedEnd = Extract<EndShape, { state: 'attributed' }> & Evidence;
export type AmbiguousEnd = { state: 'ambiguous'; candidates: Candidate[]; nat?: Nat };
export type End = AttributedEnd | AmbiguousEnd | Extract<EndShape, { state: 'pending' | 'unattributed' }>;

/** What made this line: the connection began, lasts or ended, or host rows changed what is known of it. */
const causes = ['start', 'interim', 'end', 'evidence'] as const;
export type Cause = (typeof causes)[number];

export const attributedConnectionSchema = Type.Composite(
  [
    connectionSchema,
    Type.Object({
      cause: literals(causes, 'What made this line.'),
      rev: Type.Integer({ minimum: 0, description: 'Grows by one with every line of a uid; the last line holds.' }),
      orig: Type.Unsafe<Static<typeof endSchema>>({ ...endSchema, description: 'Who owns the end of the originator.' }),
      resp: Type.Unsafe<Static<typeof endSchema>>({ ...endSchema, description: 'Who owns the end of the responder.' }),
    }),
  ],
  { $id: 'attributed-connection', description: 'A connection and the owner of each end.' },
);

/** A connection with its ends. Times are integer microseconds here, epoch seconds at the outputs. */
export interface AttributedConnection {
  readonly connection: Connection;
  /** Name of the packet source; see ConnectionUpdate. */
  readonly capture: string;
  readonly cause: Cause;
  readonly rev: number;
  readonly orig: End;
  readonly resp: End;
}
