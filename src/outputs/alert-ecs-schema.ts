import { Type } from '@sinclair/typebox';
import { attributedConnectionSchema, endSchema } from '../records/attributed-connection.js';

const optional = Type.Optional;
const text = (description: string) => Type.String({ description });
const port = (description: string) => Type.Integer({ minimum: 0, maximum: 65535, description });

const process = Type.Object({
  pid: Type.Integer({ description: 'Process id.' }),
  start: optional(text('When the process started, ISO 8601; absent when no row tells.')),
  name: optional(text('Last part of the path.')),
  executable: optional(text('Path of the executable.')),
  command_line: optional(text('Command line.')),
  working_directory: optional(text('Working directory.')),
  hash: optional(Type.Object({ sha256: text('SHA-256 of the executable.') })),
  parent: optional(
    Type.Object({
      pid: Type.Integer({ description: 'Process id of the parent.' }),
      name: optional(text("Last part of the parent's path.")),
      executable: optional(text("Path of the parent's executable.")),
      command_line: optional(text("The parent's command line.")),
    }),
  ),
});

const endpoint = Type.Object({
  ip: text('Address.'),
  port: optional(port('Port; absent for ICMP.')),
  bytes: optional(Type.Number({ description: 'Payload bytes sent.' })),
});

/** One alert line of `--format ecs`: ECS names, and under `correlate` what ECS has no name for. */
export const ecsAlertSchema = Type.Object(
  {
    '@timestamp': text("Event time: the connection's start or the host row's time, ISO 8601 in UTC with microseconds."),
    message: text('What happened, for a person.'),
    event: Type.Object({
      kind: Type.Literal('alert'),
      id: text('Hash of rule, group and contributing uids: the same for every revision of one match.'),
      severity: Type.Integer({ description: '10 informational, 30 low, 50 medium, 70 high, 90 critical.' }),
    }),
    rule: Type.Object({
      id: text("The rule's id."),
      name: text("The rule's title."),
      description: optional(text("The rule's description.")),
      version: optional(text("The rule's version: when it was last modified.")),
      author: optional(text("The rule's author.")),
      reference: optional(text('First reference of the rule.')),
    }),
    threat: optional(
      Type.Object({
        framework: Type.Literal('MITRE ATT&CK'),
        technique: Type.Object({ id: Type.Array(Type.String(), { description: 'Technique ids of the rule.' }) }),
      }),
    ),
    host: optional(
      Type.Object({
        id: text('Host that the alert is about.'),
        name: text('Its name.'),
        ip: optional(Type.Array(Type.String(), { description: "The end's address." })),
      }),
    ),
    process: optional(process),
    user: optional(Type.Object({ id: text('User id.'), name: optional(text('User name.')) })),
    container: optional(Type.Object({ id: text('Container id.') })),
    source: optional(endpoint),
    destination: optional(endpoint),
    network: optional(
      Type.Object({
        community_id: optional(text('Community ID v1.')),
        transport: text('tcp, udp or icmp.'),
        protocol: optional(text('Application protocol.')),
        type: text('ipv4 or ipv6.'),
      }),
    ),
    correlate: Type.Object({
      status: Type.Union([Type.Literal('new'), Type.Literal('updated'), Type.Literal('withdrawn')]),
      rev: Type.Integer({ description: 'Grows with every line of one event.id.' }),
      level: text("Sigma's level."),
      side: optional(Type.Union([Type.Literal('orig'), Type.Literal('resp')])),
      peer: optional(endSchema),
      connection: optional(attributedConnectionSchema),
      evidence: Type.Array(
        Type.Object({
          stream: text('Query or sensor stream that the row came from.'),
          row: Type.Object({}, { additionalProperties: true, description: "The row's columns." }),
        }),
      ),
    }),
  },
  { $id: 'ecs-alert', description: 'An alert with ECS names.' },
);
