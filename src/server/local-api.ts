import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { CorrelateError, listenProblem } from '../core/errors.js';
import { makeFolder } from '../core/folder.js';
import { limits } from '../core/limits.js';
import type { RegisteredHost } from '../hosts/registry/registered-host.js';
import { subscriptionKind } from '../wire/message.js';
import type { AgentConnection } from './agent-connection.js';
import type { AgentHub } from './agent-hub.js';
import {
  type ApiError,
  apiPaths,
  type HostSummary,
  type PastApi,
  type QueryRequest,
  type SubscribeRequest,
} from './api-messages.js';
import type { Enrolments } from './enrolments.js';
import { apiFailure } from './host-queries.js';
import { answerPast } from './past-routes.js';
import { BODY_BYTES, readJson } from './request-body.js';

const names = Type.Array(Type.String({ maxLength: limits.hostNameChars }), {
  minItems: 1,
  maxItems: limits.agentHosts,
});
const queryRequest = TypeCompiler.Compile(
  Type.Object(
    {
      sql: Type.String({ minLength: 1, maxLength: limits.queryChars }),
      hosts: Type.Optional(names),
      groups: Type.Optional(names),
      all: Type.Optional(Type.Literal(true)),
      timeout: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 600 })),
      rows: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.queryRowsMost })),
    },
    { additionalProperties: false },
  ),
);

const subscribeRequest = TypeCompiler.Compile(
  Type.Object(
    {
      sql: Type.String({ minLength: 1, maxLength: limits.queryChars }),
      hosts: Type.Optional(names),
      groups: Type.Optional(names),
      all: Type.Optional(Type.Literal(true)),
      interval: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400 })),
      kind: Type.Optional(subscriptionKind),
      cookie: Type.Optional(Type.String({ maxLength: 256 })),
    },
    { additionalProperties: false },
  ),
);

/** Answers what other commands ask of a running engine; see api-messages.ts. The socket's file mode is its protection. */
export class LocalApi {
  private constructor(private readonly server: Server) {}

  /** Resolves when requests are answered. Rejects with LISTEN_FAILED, also when another engine answers there. */
  static async open(path: string, hub: AgentHub, enrolments: Enrolments, past?: PastApi): Promise<LocalApi> {
    const server = createServer((request, response) => {
      answer(request, response, hub, enrolments, past).catch((error: unknown) =>
        fail(response, 500, apiFailure(error)),
      );
    });
    try {
      if (await isAnswered(path)) throw new Error('another engine answers there');
      rmSync(path, { force: true });
      makeFolder(dirname(path), 0o700);
      const umask = process.umask(0o177);
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject).listen(path, resolve);
        });
      } finally {
        process.umask(umask);
      }
      chmodSync(path, 0o600);
    } catch (error) {
      throw new CorrelateError('LISTEN_FAILED', `${path}: ${listenProblem(error)}`, { cause: error });
    }
    return new LocalApi(server);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    // Node removes the socket's file, where the rights that are left let it.
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  hub: AgentHub,
  enrolments: Enrolments,
  past: PastApi | undefined,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0]!;
  const answered = past && answerPast(path, request, past);
  if (path === apiPaths.hosts && request.method === 'GET') {
    const hosts = [...hub.registry.all()].map((host) => summary(host, hub.connectionOf(host.id)));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ hosts, cut_off: hub.cutOff }));
  } else if (path.startsWith(`${apiPaths.hosts}/`) && request.method === 'DELETE') {
    const id = decodeURIComponent(path.slice(apiPaths.hosts.length + 1));
    const isKnown = enrolments.forget(id);
    hub.registry.forget(id);
    if (isKnown) response.writeHead(204).end();
    else fail(response, 404, { code: 'HOST_ABSENT', message: `${id} is not enrolled` });
  } else if (path === apiPaths.query && request.method === 'POST') {
    await query(request, response, hub);
  } else if (path === apiPaths.subscribe && request.method === 'POST') {
    await subscribe(request, response, hub);
  } else if (answered !== undefined) {
    const answer = await answered;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  } else {
    fail(response, 404, { code: 'ENGINE_REFUSED', message: `there is no ${request.method} ${path}` });
  }
}

async function query(request: IncomingMessage, response: ServerResponse, hub: AgentHub): Promise<void> {
  const wanted = await readBody<QueryRequest>(request, queryRequest);
  if (wanted === undefined) {
    fail(response, 400, { code: 'ENGINE_REFUSED', message: 'the request is no query' });
    return;
  }
  const { connections, absent } = targets(wanted, hub);
  if (connections.length + absent.length === 0) {
    fail(response, 404, { code: 'HOST_ABSENT', message: 'no host is meant: none is connected, or the group has none' });
    return;
  }
  const bounds = { rows: wanted.rows ?? limits.queryResultRows, timeoutMs: Math.ceil((wanted.timeout ?? 10) * 1000) };
  response.setHeader('content-type', 'application/x-ndjson');
  await hub.queries.ask(wanted.sql, connections, absent, bounds, (each) => {
    response.write(`${JSON.stringify(each)}\n`);
  });
  response.end();
}

/** Updates go on until the asker goes away. One that does not read them is cut off. */
async function subscribe(request: IncomingMessage, response: ServerResponse, hub: AgentHub): Promise<void> {
  const wanted = await readBody<SubscribeRequest>(request, subscribeRequest);
  if (wanted === undefined) {
    fail(response, 400, { code: 'ENGINE_REFUSED', message: 'the request is no subscription' });
    return;
  }
  const { sql, interval = 10, kind = 'both', cookie, hosts, groups, all } = wanted;
  const target = { ...(hosts && { hosts }), ...(groups && { groups }), ...(all && { all }) };
  const options = {
    sql,
    kind,
    target,
    intervalMs: Math.ceil(interval * 1000),
    ...(cookie !== undefined && { cookie }),
  };
  hub.queries.log.write({ event: 'subscribed', sql, target }, Date.now() * 1000);
  const end = hub.subscriptions.subscribe(options, hub.welcomed(), (update) => {
    if (response.writableLength > BODY_BYTES) response.destroy();
    else response.write(`${JSON.stringify(update)}\n`);
  });
  if (end === undefined) {
    fail(response, 503, { code: 'QUERY_LIMIT', message: `there are ${limits.agentSubscriptions} subscriptions` });
    return;
  }
  response.on('close', end);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
}

interface Targeted {
  readonly hosts?: readonly string[];
  readonly groups?: readonly string[];
  readonly all?: true;
}

/** The body of a request that says whom it means; undefined when it is not what `check` wants. */
async function readBody<T extends Targeted>(
  request: IncomingMessage,
  check: { Check(value: unknown): boolean },
): Promise<T | undefined> {
  const value = await readJson<T>(request, check);
  const { hosts, groups, all } = value ?? ({} as Targeted);
  return [hosts, groups, all].filter((each) => each !== undefined).length === 1 ? value : undefined;
}

/** The connections of the hosts that are meant, and the named ones that are not connected. */
function targets({ hosts, groups, all }: QueryRequest, hub: AgentHub) {
  const connections: AgentConnection[] = [];
  const absent: string[] = [];
  const ids = new Set(hosts);
  for (const group of groups ?? []) for (const { id } of hub.registry.inGroup(group)) ids.add(id);
  if (all) for (const { id, isConnected } of hub.registry.all()) if (isConnected) ids.add(id);
  for (const id of ids) {
    const connection = hub.connectionOf(id);
    if (connection === undefined) absent.push(id);
    else connections.push(connection);
  }
  return { connections, absent };
}

function summary(host: RegisteredHost, connection: AgentConnection | undefined): HostSummary {
  const { id, presence, reason, boot, version, peer, addresses, groups, tables, limited, joins, clock } = host;
  const heard = Math.max(host.heard, connection?.heard ?? 0);
  return {
    id,
    presence,
    ...(reason !== undefined && { reason }),
    ...(boot !== undefined && { boot }),
    ...(version !== undefined && { version }),
    ...(peer !== undefined && { peer }),
    addresses,
    groups,
    tables,
    limited,
    joins,
    since: host.since / 1e6,
    heard: heard / 1e6,
    rows: host.rows,
    duplicates: host.duplicates,
    dropped: host.dropped,
    ...(clock !== undefined && { clock: { offset: clock.offset / 1e6, err: clock.err / 1e6 } }),
  };
}

function fail(response: ServerResponse, status: number, error: ApiError): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
}
