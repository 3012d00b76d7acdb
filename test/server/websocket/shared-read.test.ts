import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { readShared } from '../../../src/server/websocket/shared-read.js';
import { makeIdentity } from '../../../src/server/x509/certificate.js';

const { certificate: cert, key } = makeIdentity('localhost', { kind: 'server', names: ['127.0.0.1'] }, 30, new Date());
let server: Server;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

async function pair(isTls: boolean): Promise<[Socket, Socket]> {
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, isTls ? 'secureConnection' : 'connection');
  const client = isTls ? connectTls({ port, rejectUnauthorized: false }) : connect(port, '127.0.0.1');
  const [socket] = (await accepted) as [Socket];
  sockets.push(client, socket);
  return [client, socket];
}

describe.each([
  ['TCP', false],
  ['TLS', true],
])('a server’s sockets over %s', (_, isTls) => {
  it('are read into one memory, and end as others do', async () => {
    server = isTls ? createTlsServer({ cert, key }) : createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const memory = new Set<Buffer>();
    const texts: string[] = [];
    const pairs = [await pair(isTls), await pair(isTls)];
    const ended = pairs.map(([client, socket], which) => {
      // With this it is of use to the Node.js that runs the tests.
      const isShared = readShared(socket, (bytes, length) => {
        memory.add(bytes);
        texts[which] = (texts[which] ?? '') + bytes.toString('latin1', 0, length);
      });
      expect(isShared).toBe(true);
      socket.on('data', () => expect.unreachable('nothing is read otherwise'));
      client.end(`${which}`.repeat(100_000));
      return once(socket, 'end');
    });
    await Promise.all(ended);
    expect(texts).toEqual(['0'.repeat(100_000), '1'.repeat(100_000)]);
    expect(memory.size).toBe(1);
  });
});

describe('a socket that has no connection', () => {
  it('is not read so', async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const [, socket] = await pair(false);
    socket.destroy();
    await once(socket, 'close');
    expect(readShared(socket, () => {})).toBe(false);
  });
});
