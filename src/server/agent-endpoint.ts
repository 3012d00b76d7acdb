import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { CorrelateError, listenProblem } from '../core/errors.js';
import { limits } from '../core/limits.js';
import type { Warn } from '../core/warnings.js';
import { agentPath, chooseSubprotocol, versionsIn, wireVersions } from '../wire/protocol.js';
import type { AgentHub } from './agent-hub.js';
import { ArrivalQueue } from './arrival-queue.js';
import { onFirstBytes } from './first-bytes.js';
import { answerFigures, type RunFigures } from './metrics-pages.js';
import { readTlsFiles, type TlsFiles, textOf } from './tls-files.js';
import { tlsInPieces } from './tls-in-pieces.js';
import { ServerWebSocket } from './websocket/server-web-socket.js';
import { upgradeAnswer, upgradeProblem } from './websocket/upgrade.js';

/** Where agents connect and what they have to show. */
export interface AgentEndpointOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles;
  readonly secretFile?: string;
}

/** How long a connection may take to become a WebSocket. */
const UPGRADE_MS = 60_000;

/**
 * The address on which agents connect: HTTPS, or plain HTTP with a warning. An agent is let in as a WebSocket when it shows the secret,
 * a certificate where one is wanted, and a version of the protocol that this engine speaks. Whoever reaches the address may also ask for
 * the figures of the run (metrics-pages.ts), without the secret.
 */
export class AgentEndpoint {
  readonly #server: Server;
  readonly #secret: Buffer | undefined;
  readonly #open = new Set<Duplex>();

  private constructor(
    private readonly options: AgentEndpointOptions,
    private readonly hub: AgentHub,
    figures: RunFigures | undefined,
  ) {
    const { tls, secretFile } = options;
    this.#secret = secretFile === undefined ? undefined : digest(textOf(secretFile).trim());
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      if (figures !== undefined && answerFigures(request, response, figures)) return;
      response.writeHead(404).end('agents connect here as WebSockets\n');
    };
    this.#server =
      tls === undefined
        ? createHttpServer(answer)
        : createHttpsServer(
            {
              ...readTlsFiles(tls),
              minVersion: 'TLSv1.2',
              ...(tls.clientCaFile !== undefined && { requestCert: true, rejectUnauthorized: true }),
              handshakeTimeout: UPGRADE_MS,
              pauseOnConnect: true,
            },
            answer,
          );
    this.#server.headersTimeout = UPGRADE_MS;
    this.#server.maxConnections = limits.agentHosts + 1_024;
    if (tls !== undefined) paceHandshakes(this.#server);
    this.#server.on('connection', (socket: Duplex) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
    this.#server.on('upgrade', (request, _socket, head) => this.#upgrade(request, head));
  }

  /** Resolves when agents can connect. Rejects with LISTEN_FAILED. Warns of what is not protected. */
  static async open(
    options: AgentEndpointOptions,
    hub: AgentHub,
    warn: Warn,
    figures?: RunFigures,
  ): Promise<AgentEndpoint> {
    const endpoint = new AgentEndpoint(options, hub, figures);
    const insecure = (message: string) => warn({ code: 'AGENT_INSECURE', message });
    if (options.tls === undefined) insecure('no --tls-cert: what agents tell can be read and changed on the way');
    if (options.secretFile === undefined && options.tls?.clientCaFile === undefined) {
      insecure('no --secret-file and no --client-ca: any agent is taken');
    }
    await new Promise<void>((resolve, reject) => {
      const server = endpoint.#server;
      server.once('error', (error) => {
        const where = `${options.host}:${options.port}`;
        reject(new CorrelateError('LISTEN_FAILED', `${where}: ${listenProblem(error)}`, { cause: error }));
      });
      server.listen({ host: options.host, port: options.port, backlog: 4_096 }, resolve);
    });
    return endpoint;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.options.port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // Close frames are on their way; who does not take them is not waited for.
    const timer = setTimeout(() => {
      for (const socket of this.#open) socket.destroy();
    }, 500);
    await closed;
    clearTimeout(timer);
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    const name = this.#wantsCertificate ? certificateName(socket) : undefined;
    const answer = this.#answer(request, name);
    if (typeof answer !== 'string') {
      socket.on('error', () => socket.destroy());
      refuse(socket, ...answer);
      return;
    }
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const { remoteAddress = '', remotePort = 0 } = socket;
    socket.write(answer);
    const peer = { address: `${remoteAddress} ${remotePort}`, ...(name !== undefined && { name }) };
    this.hub.accept(new ServerWebSocket(socket, limits.wireFrameBytes), head, peer);
  }

  get #wantsCertificate(): boolean {
    return this.options.tls?.clientCaFile !== undefined;
  }

  /** What lets the agent in, or the HTTP status and the reason why it is not. */
  #answer(request: IncomingMessage, name: string | undefined): string | [number, string] {
    const { url = '', headers } = request;
    if (url.split('?')[0] !== agentPath) return [404, `agents connect to ${agentPath}`];
    if (!this.#isSecretRight(headers.authorization)) return [401, 'the secret is not that of this engine'];
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const protocol = chooseSubprotocol(offered);
    if (protocol === undefined) {
      const spoken = `this engine speaks version ${wireVersions.join(', ')} of the agent protocol`;
      return [426, `${spoken}, the agent ${versionsIn(offered)}: upgrade the older of the two`];
    }
    if (this.#wantsCertificate && name === undefined) return [403, 'the certificate of the agent names no host'];
    const problem = upgradeProblem(request);
    return problem === undefined ? upgradeAnswer(request, protocol) : [400, problem];
  }

  #isSecretRight(authorization: string | undefined): boolean {
    if (this.#secret === undefined) return true;
    const shown = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    return shown !== undefined && timingSafeEqual(digest(shown), this.#secret);
  }
}

/** Node.js begins the handshake of every connection as it comes; here they take turns, once their first bytes are there. */
function paceHandshakes(server: Server): void {
  const [begin] = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  if (begin === undefined) return;
  const queue = new ArrivalQueue<Socket>((socket) => {
    if (!socket.destroyed) begin.call(server, tlsInPieces(socket));
  });
  server.removeListener('connection', begin);
  server.on('connection', (socket: Socket) => onFirstBytes(socket, UPGRADE_MS, () => queue.add(socket)));
}

const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  426: 'Upgrade Required',
};

function refuse(socket: Duplex, status: number, reason: string): void {
  const body = `${reason}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${statusTexts[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** The host that a verified certificate is for: its common name. */
function certificateName(socket: unknown): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
