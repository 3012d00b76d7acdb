import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { engineDialer } from '../../src/agent/engine-address.js';
import { makeIdentity } from '../../src/server/x509/certificate.js';
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
