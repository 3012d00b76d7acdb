import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { connect, createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { onFirstBytes } from '../../src/server/first-bytes.js';
import { tlsInPieces } from '../../src/server/tls-in-pieces.js';
import { makeIdentity } from '../../src/server/x509/certificate.js';

const { certificate: cert, key } = makeIdentity('localhost', { kind: 'server', names: ['127.0.0.1'] }, 30, new Date());
/** A record has at most 16 KiB, a read 16 KiB too; this is many of both. */
const LONG = 1_000_000;

let server: Server;
let tls: TlsServer;
let client: TLSSocket;
let socket: TLSSocket;
let raw: Socket;
/** Lengths of what TLS was given. */
const pieces: number[] = [];

beforeEach(async () => {
  pieces.length = 0;
  tls = createTlsServer({ cert, key });
  server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted) => {
    raw = accepted;
    onFirstBytes(accepted, 60_000, () => tls.emit('connection', watched(tlsInPieces(accepted))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(tls, 'secureConnection');
  const { port } = server.address() as AddressInfo;
  client = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {});
  [socket] = (await accepted) as [TLSSocket];
  socket.on('error', () => {});
});

afterEach(() => {
  client.destroy();
  socket.destroy();
  server.close();
});

/** Notes the pieces that TLS gets. */
function watched(carrier: Socket): Socket {
  const handle = Reflect.get(carrier, '_handle') as { readBuffer(bytes: Buffer): void };
  const { readBuffer } = handle;
  handle.readBuffer = (bytes) => {
    pieces.push(bytes.length);
    readBuffer.call(handle, bytes);
  };
  const read = carrier.read.bind(carrier);
  carrier.read = () => {
    const bytes = read() as Buffer | null;
    if (bytes !== null) pieces.push(bytes.length);
    return bytes;
  };
  return carrier;
}

async function allOf(from: Socket): Promise<string> {
  let text = '';
  for await (const chunk of from) text += String(chunk);
  return text;
}

function textOf(letters: string): string {
  return Array.from({ length: LONG / 10 }, (_, i) => `${letters}${String(i).padStart(8, '0')}${letters}`).join('');
}

describe('TLS that is given what comes in pieces', () => {
  it('gets none that would fill the first buffer of Node.js', async () => {
    const received = allOf(socket);
    client.end(textOf('a'));
    expect((await received) === textOf('a')).toBe(true);
    expect(pieces.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(LONG);
    expect(Math.max(...pieces)).toBe(1_023);
  });

  it('takes and sends at the same time', async () => {
    const [received, sent] = [allOf(socket), allOf(client)];
    client.end(textOf('a'));
    socket.end(textOf('b'));
    expect((await sent) === textOf('b')).toBe(true);
    expect((await received) === textOf('a')).toBe(true);
  });

  it('tells whose connection it is', () => {
    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(socket.remotePort).toBe(client.localPort);
  });

  it('reads no more while it is paused', async () => {
    socket.once('data', () => socket.pause());
    client.end(textOf('a'));
    // Some more fits into its own buffer.
    await vi.waitFor(() => expect(raw.isPaused()).toBe(true));
    const before = raw.bytesRead;
    // What a turn reads, or several.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(raw.bytesRead).toBe(before);
    const ended = once(socket, 'end');
    socket.resume();
    await ended;
    expect(raw.bytesRead).toBeGreaterThan(LONG);
  });

  it.each([
    ['is reset', () => raw.resetAndDestroy()],
    ['is destroyed', () => socket.destroy()],
    ['loses its peer', () => client.destroy()],
  ])('is closed when it %s, and says so of what it had to write', async (_, act) => {
    const written = new Promise((resolve) => socket.write(Buffer.alloc(32 * LONG), resolve));
    const closed = [socket, raw].map((each) => new Promise((resolve) => each.on('close', resolve)));
    act();
    await Promise.all([...closed, written]);
    expect(socket.destroyed && raw.destroyed).toBe(true);
  });
});
