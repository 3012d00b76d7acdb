import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onFirstBytes } from '../../src/server/first-bytes.js';

let server: Server;
let client: Socket;
let socket: Socket;

beforeEach(async () => {
  server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connection = once(server, 'connection');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  [socket] = (await connection) as [Socket];
});

afterEach(() => {
  client.destroy();
  socket.destroy();
  server.close();
});

describe('a paused connection', () => {
  it('goes on with its first bytes, which stay to be read', async () => {
    const first = new Promise<void>((resolve) => onFirstBytes(socket, 60_000, resolve));
    client.write('hello');
    await first;
    expect(String(socket.read())).toBe('hello');
    expect(socket.listenerCount('readable') + socket.listenerCount('timeout')).toBe(0);
    expect(socket.timeout).toBe(0);
  });

  it('goes on once, however much comes', async () => {
    let times = 0;
    onFirstBytes(socket, 60_000, () => times++);
    client.write('one');
    await once(socket, 'readable');
    client.end('two');
    await once(client, 'finish');
    socket.resume();
    await once(socket, 'end');
    expect(times).toBe(1);
  });

  it.each([
    ['that ends', () => client.end()],
    ['that is reset', () => client.resetAndDestroy()],
    ['that says nothing for too long', () => {}],
  ])('%s is destroyed', async (_, act) => {
    let times = 0;
    onFirstBytes(socket, 50, () => times++);
    const closed = new Promise((resolve) => socket.on('close', resolve));
    act();
    await closed;
    expect(times).toBe(0);
  });

  it('that is reset after its first bytes is destroyed', async () => {
    const first = new Promise<void>((resolve) => onFirstBytes(socket, 60_000, resolve));
    client.write('hello');
    await first;
    const closed = new Promise((resolve) => socket.on('close', resolve));
    client.resetAndDestroy();
    await closed;
  });
});
