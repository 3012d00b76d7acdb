import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { engineDialer } from '../../src/agent/engine-address.js';
import { EngineLink } from '../../src/agent/engine-link.js';
import { EngineClient } from '../../src/cli/engine-client.js';
import { makeIdentity } from '../../src/server/x509/certificate.js';
import { connectProblem } from '../../src/wire/connect-problem.js';
import type { Hello } from '../../src/wire/message.js';
import { subprotocols } from '../../src/wire/protocol.js';

const folder = mkdtempSync(join(tmpdir(), 'engine-address-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const now = new Date();
const authority = makeIdentity('the authority', { kind: 'authority' }, 2, now);
const server = makeIdentity('127.0.0.1', { kind: 'server', names: ['127.0.0.1'] }, 2, now, authority);
const agent = makeIdentity('web-1', { kind: 'agent' }, 2, now, authority);
const ca = file('ca.pem', authority.certificate);

describe('the way to the engine', () => {
  it('goes on with the TLS session of the connection before, and still says who the agent is', async () => {
    const identity = { cert: server.certificate, key: server.key };
    const https = createServer({ ...identity, ca: authority.certificate, requestCert: true, rejectUnauthorized: true });
    const sockets = new WebSocketServer({ server: https, handleProtocols: () => subprotocols[0]! });
    const seen: { isReused: boolean; name: unknown; isAuthorized: boolean }[] = [];
    sockets.on('connection', (socket, request) => {
      const tls = request.socket as TLSSocket;
      const name = tls.getPeerCertificate().subject?.CN;
      seen.push({ isReused: tls.isSessionReused(), name, isAuthorized: tls.authorized });
      socket.send('welcome');
    });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = https.address() as AddressInfo;
      const own = { cert: file('agent.pem', agent.certificate), key: file('agent.key', agent.key) };
      const dial = engineDialer({ server: `wss://127.0.0.1:${port}`, ca, ...own });
      for (let time = 0; time < 2; time++) {
        const socket = dial();
        await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
        await new Promise((resolve) => {
          socket.once('close', resolve);
          socket.close();
        });
      }
      const known = { name: 'web-1', isAuthorized: true };
      expect(seen).toEqual([
        { isReused: false, ...known },
        { isReused: true, ...known },
      ]);
    } finally {
      https.close();
    }
  });

  it('is refused at once where a file is no certificate or key', () => {
    const nonsense = file('nonsense.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(() => engineDialer({ server: 'wss://127.0.0.1:1', cert: nonsense, key: nonsense })).toThrow(
      expect.objectContaining({ code: 'CONFIG_MALFORMED' }),
    );
    expect(() => engineDialer({ server: 'https://127.0.0.1', ca })).toThrow(
      expect.objectContaining({ code: 'CONFIG_MALFORMED' }),
    );
  });
});

describe('a file of the agent that cannot be used is told with its path', () => {
  const text = file('text', 'no certificate\n');
  const cert = file('own.pem', agent.certificate);
  const key = file('own.key', agent.key);
  const problem = (files: { ca?: string; cert?: string; key?: string }): string => {
    try {
      engineDialer({ server: 'wss://127.0.0.1:9443', ...files });
      return 'none';
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return `${code} ${message}`;
    }
  };

  it.each([
    [{ ca, cert, key }, 'none'],
    [{ ca: text }, `CONFIG_MALFORMED ${text}: it holds no certificate in PEM form`],
    [{ cert: text, key }, `CONFIG_MALFORMED ${text}: it holds no certificate in PEM form`],
    [{ cert, key: text }, `CONFIG_MALFORMED ${text}: it holds no private key in PEM form that needs no passphrase`],
    [{ key: text }, `CONFIG_MALFORMED ${text}: unsupported`],
    [{ cert: ca, key }, `CONFIG_MALFORMED ${key}: it is not the key of ${ca}`],
  ])('%j', (files, told) => {
    expect(problem(files)).toBe(told);
  });
});

describe('an engine that cannot be reached', () => {
  const expired = makeIdentity('localhost', { kind: 'server', names: ['127.0.0.1'] }, -1, now, authority);
  const elsewhere = makeIdentity('engine', { kind: 'server', names: ['engine.example'] }, 2, now, authority);

  /** What the agent is told of an engine on a free port that has this for a server. */
  async function told(
    listener: TcpServer | TlsServer | undefined,
    scheme: 'ws' | 'wss',
    own: object = {},
  ): Promise<string> {
    const listening = listener ?? createTcpServer();
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    if (listener === undefined) await new Promise((resolve) => listening.close(resolve));
    const origin = `${scheme}://127.0.0.1:${port}`;
    const dial = engineDialer({ server: origin, ...own });
    const reason = await new Promise<string>((resolve) => {
      const link = new EngineLink(dial, {
        hello: () => ({ type: 'hello' }) as Hello,
        welcomed: () => true,
        next: () => undefined,
        acknowledged: () => {},
        asked: () => {},
        closed: (why) => {
          void link.end('told');
          resolve(why);
        },
      });
      link.connect();
    });
    listening.close();
    expect(reason.startsWith(`${origin}: `), reason).toBe(true);
    return reason.slice(origin.length + 2);
  }

  const withTls = (identity: { certificate: string; key: string }, more: object = {}): TlsServer =>
    createServer({ cert: identity.certificate, key: identity.key, ...more });
  const closing = (): TcpServer => createTcpServer((socket) => socket.destroy());
  const plain = (): TcpServer =>
    createTcpServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 no\r\n\r\n')));
  const mutual = { ca: authority.certificate, requestCert: true, rejectUnauthorized: true };

  it.each([
    ['does not run', undefined, 'ws', {}, 'the connection was refused'],
    ['closes at once', closing, 'ws', {}, 'the connection was closed before it stood'],
    ['has no TLS', plain, 'wss', { ca }, 'TLS was not understood'],
    ['has an unknown authority', () => withTls(server), 'wss', {}, 'an authority that is not trusted here'],
    ['has an old certificate', () => withTls(expired), 'wss', { ca }, "the engine's certificate has expired"],
    [
      'has another name',
      () => withTls(elsewhere),
      'wss',
      { ca },
      "the engine's certificate is not for this name, but for DNS:engine.example",
    ],
    [
      'wants a certificate',
      () => withTls(server, mutual),
      'wss',
      { ca },
      'the engine wants a certificate of this agent',
    ],
  ] as const)('is told of with what to do: one that %s', async (_, listener, scheme, own, problem) => {
    expect(await told(listener?.(), scheme, own)).toContain(problem);
  });

  it.each([
    ['ENOTFOUND', 'no address of the host name was found'],
    ['EAI_AGAIN', 'the host name could not be looked up'],
    ['ETIMEDOUT', 'nothing answered in time'],
    ['EHOSTUNREACH', 'the host cannot be reached'],
    ['ENETUNREACH', 'there is no way to that network'],
  ])('is told of with what to do: %s', (code, problem) => {
    expect(connectProblem(Object.assign(new Error('connect'), { code }))).toContain(problem);
  });

  it.each([
    ['missing', 'there is no such socket'],
    ['left', 'no engine listens there'],
  ])('is told of with what to do: by a socket that is %s', async (name, problem) => {
    file('left', '');
    const path = join(folder, name);
    const asked = new EngineClient(path).json('GET', '/hosts');
    await expect(asked).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining(`${path}: ${problem}`) as string,
    });
  });
});
