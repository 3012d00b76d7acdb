import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ServerWebSocket, type WebSocketOwner } from '../../../src/server/websocket/server-web-socket.js';
import { upgradeAnswer } from '../../../src/server/websocket/upgrade.js';
import { makeIdentity } from '../../../src/server/x509/certificate.js';
import { clientFrame } from './client-frame.js';

const MOST = 1 << 20;
const identity = makeIdentity('localhost', { kind: 'server', names: ['127.0.0.1'] }, 30, new Date());

/** What a test does to the server's sockets before they become WebSockets. */
type Prepare = (socket: Socket) => void;
const kinds: [string, 'ws' | 'wss', Prepare][] = [
  ['without encryption', 'ws', () => {}],
  ['over TLS', 'wss', () => {}],
  ['whose reads cannot be shared', 'wss', forbidSharing],
];

/** As with a Node.js that keeps its option for it otherwise. */
function forbidSharing(socket: Socket): void {
  Reflect.set(Reflect.get(socket, '_handle') as object, 'useUserBuffer', undefined);
}

/** The server's end, which notes what it is told. */
class Noted implements WebSocketOwner {
  readonly texts: string[] = [];
  readonly events: string[] = [];
  onText = (_text: string): void => {};
  readonly gone$: Promise<string>;
  #gone!: (how: string) => void;
  constructor(
    readonly end: ServerWebSocket,
    readonly socket: Socket,
  ) {
    this.gone$ = new Promise((resolve) => {
      this.#gone = resolve;
    });
  }
  text(text: string, bytes: number): void {
    expect(bytes).toBe(Buffer.byteLength(text));
    this.texts.push(text);
    this.onText(text);
  }
  binary(): void {
    this.events.push('binary');
  }
  pong(): void {
    this.events.push('pong');
  }
  gone(code: number, reason: string): void {
    this.events.push('gone');
    this.#gone(`${code} ${reason}`);
  }
}

let server: Server | undefined;
const clients: WebSocket[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

/** A server whose WebSockets go to `accepted`; `connect` opens one and gives both ends. */
async function serve(scheme: 'ws' | 'wss', prepare: Prepare) {
  const { certificate: cert, key } = identity;
  server = scheme === 'ws' ? createHttpServer() : createHttpsServer({ cert, key });
  const accepted: ((noted: Noted) => void)[] = [];
  server.on('upgrade', (request: IncomingMessage, _socket, head: Buffer) => {
    const { socket } = request;
    prepare(socket);
    socket.write(upgradeAnswer(request, 'test'));
    const noted = new Noted(new ServerWebSocket(socket, MOST), socket);
    noted.end.open(noted, head);
    accepted.shift()?.(noted);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async (): Promise<[WebSocket, Noted]> => {
    const noted = new Promise<Noted>((resolve) => accepted.push(resolve));
    const client = new WebSocket(`${scheme}://127.0.0.1:${port}`, ['test'], { rejectUnauthorized: false });
    client.on('error', () => {});
    clients.push(client);
    const [ours] = await Promise.all([noted, once(client, 'open')]);
    return [client, ours];
  };
}

const until = async (isSo: () => boolean): Promise<void> => {
  for (let i = 0; i < 5_000 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(isSo()).toBe(true);
};

const rawOf = (client: WebSocket) => (client as unknown as { _socket: Socket })._socket;

describe.each(kinds)('a WebSocket %s', (_, scheme, prepare) => {
  it('takes messages of any length and in any pieces, those of two clients apart', async () => {
    const connect = await serve(scheme, prepare);
    const ends = [await connect(), await connect()];
    const sent: string[][] = [[], []];
    for (let i = 0; i < 300; i++) {
      for (const [which, [client]] of ends.entries()) {
        const text = `${which} ${i} ${'é'.repeat((i * 97) % 30_000)}`;
        sent[which]!.push(text);
        client.send(text);
      }
    }
    for (const [which, [, noted]] of ends.entries()) {
      await until(() => noted.texts.length === 300);
      expect(noted.texts).toEqual(sent[which]);
    }
  });

  it('sends texts of any length and pings', async () => {
    const connect = await serve(scheme, prepare);
    const [client, { end, events }] = await connect();
    const texts = [0, 125, 126, 65_535, 65_536].map((length) => 'x'.repeat(length));
    const received: string[] = [];
    client.on('message', (data) => received.push(String(data)));
    for (const text of texts) end.send(text);
    end.sendPing();
    await until(() => received.length === texts.length && events.includes('pong'));
    expect(received).toEqual(texts);
  });

  it('answers pings', async () => {
    const connect = await serve(scheme, prepare);
    const [client] = await connect();
    client.ping('are you there');
    const [data] = (await once(client, 'pong')) as [Buffer];
    expect(String(data)).toBe('are you there');
  });

  it('takes nothing while it is paused, and all of it then', async () => {
    const connect = await serve(scheme, prepare);
    const [client, noted] = await connect();
    noted.onText = () => noted.end.pause();
    const text = 'x'.repeat(100_000);
    for (let i = 0; i < 100; i++) client.send(text);
    await until(() => noted.texts.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    // What had been read goes on.
    expect(noted.texts.length).toBeLessThan(20);
    noted.onText = () => {};
    noted.end.resume();
    await until(() => noted.texts.length === 100);
  });

  it('is told how the client closes, and closes too', async () => {
    const connect = await serve(scheme, prepare);
    const [client, noted] = await connect();
    client.send('last');
    client.close(4000, 'enough');
    const [code] = (await once(client, 'close')) as [number];
    expect([code, await noted.gone$, noted.texts]).toEqual([4000, '4000 enough', ['last']]);
  });

  it('tells the client why it closes, in whole characters, and sends nothing more', async () => {
    const connect = await serve(scheme, prepare);
    const [client, { end, gone$ }] = await connect();
    const texts: string[] = [];
    client.on('message', (data) => texts.push(String(data)));
    end.close(4001, 'é'.repeat(200));
    end.close(4002, 'again');
    end.send('more');
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    expect([code, String(reason), texts]).toEqual([4001, 'é'.repeat(61), []]);
    expect((await gone$).split(' ')[0]).toBe('4001');
  });

  it('cuts off a client that does not close in its turn', async () => {
    const connect = await serve(scheme, prepare);
    const [client, { end, gone$ }] = await connect();
    client.pause();
    end.close(4001, '');
    expect(await gone$).toBe('1006 ');
  });

  it('is lost when the connection is', async () => {
    const connect = await serve(scheme, prepare);
    const [client, { gone$, events }] = await connect();
    client.terminate();
    expect(await gone$).toBe('1006 ');
    expect(events).toEqual(['gone']);
  });

  it('is lost when the client ends the connection without a word', async () => {
    const connect = await serve(scheme, prepare);
    const [client, { gone$ }] = await connect();
    rawOf(client).end();
    expect(await gone$).toBe('1006 ');
  });

  it('ends with what breaks the protocol, and tells why', async () => {
    const connect = await serve(scheme, prepare);
    const [client, noted] = await connect();
    rawOf(client).write(clientFrame(0x81, Buffer.alloc(0), MOST + 1));
    const [code] = (await once(client, 'close')) as [number];
    expect([code, (await noted.gone$).split(' ')[0], noted.texts]).toEqual([1009, '1009', []]);
  });

  it('goes on after a message that it has no use for', async () => {
    const connect = await serve(scheme, prepare);
    const [client, noted] = await connect();
    client.send(Buffer.from('bytes'));
    client.send('text');
    await until(() => noted.texts.length === 1);
    expect(noted.events).toEqual(['binary']);
  });

  it('does not answer the pings of a client that reads nothing', async () => {
    const connect = await serve(scheme, prepare);
    const [client, noted] = await connect();
    rawOf(client).pause();
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => clientFrame(0x89, Buffer.alloc(125))));
    for (let i = 0; i < 100; i++) rawOf(client).write(pings);
    client.send('after');
    await until(() => noted.texts.length === 1);
    expect(noted.end.unsentBytes).toBeLessThan(1 << 18);
  });
});
