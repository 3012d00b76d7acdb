import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { EngineLink, type Outgoing } from '../../src/agent/engine-link.js';
import type { Hello } from '../../src/wire/message.js';
import { subprotocols } from '../../src/wire/protocol.js';

const FRAME_ROWS = 30;
const MOST = 20_000;

describe('the link to an engine', () => {
  let server: WebSocketServer;
  let link: EngineLink;

  beforeEach(async () => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => subprotocols[0]! });
    await new Promise((resolve) => server.once('listening', resolve));
  });
  afterEach(async () => {
    await link.end('test');
    await new Promise((resolve) => server.close(resolve));
  });

  it('has few rows under way at first, and more the more have come through', async () => {
    const hello = { type: 'hello' } as Hello;
    let [sent, acknowledged, most] = [0, 0, 0];
    const frames = 400;
    const next = (): Outgoing | undefined => {
      if (sent === frames * FRAME_ROWS) return undefined;
      sent += FRAME_ROWS;
      most = Math.max(most, sent - acknowledged);
      return { text: '{}', rows: FRAME_ROWS, last: sent - 1 };
    };
    const underWay: number[] = [];
    const done = new Promise<void>((resolve) => {
      server.on('connection', (socket) => {
        let received = 0;
        socket.on('message', (data) => {
          if (String(data).includes('hello')) {
            const paces = { rowsPerSecond: 1_000_000, window: MOST, completeEveryMs: 1000, silenceMs: 60_000 };
            socket.send(JSON.stringify({ type: 'welcome', version: 'test', ...paces }));
            return;
          }
          received += FRAME_ROWS;
          // All that is under way is here.
          if (received < sent) return;
          underWay.push(most);
          most = 0;
          acknowledged = received;
          socket.send(JSON.stringify({ type: 'ack', received: received - 1 }));
          if (received === frames * FRAME_ROWS) resolve();
        });
      });
    });
    const owner = {
      hello: () => hello,
      welcomed: () => true,
      next,
      acknowledged: () => {},
      asked: () => {},
      closed: () => {},
    };
    link = new EngineLink(
      () => new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, [...subprotocols]),
      owner,
    );
    link.connect();
    await done;
    expect(underWay[0]).toBeLessThan(64 + FRAME_ROWS);
    expect(underWay).toEqual([...underWay.slice(0, -1).sort((a, b) => a - b), underWay.at(-1)]);
    expect(Math.max(...underWay)).toBeGreaterThan(500);
    expect(Math.max(...underWay)).toBeLessThan(64 + (frames * FRAME_ROWS) / 16 + FRAME_ROWS);
  });
});
