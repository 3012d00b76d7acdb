import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { HostRow } from '../../src/records/host-row.js';
import { AgentEndpoint } from '../../src/server/agent-endpoint.js';
import { AgentHub } from '../../src/server/agent-hub.js';
import { Enrolments } from '../../src/server/enrolments.js';
import { QueryLog } from '../../src/server/query-log.js';
import { subprotocols } from '../../src/wire/protocol.js';
import { encodeRows } from '../../src/wire/row-message.js';

const silent = (): void => {};

const row = (seq: number): HostRow => ({
  kind: 'row',
  host: '',
  stream: 'processes',
  table: 'processes',
  action: 'added',
  time: Date.now() * 1000,
  resolution: 1,
  seq,
  columns: { pid: seq },
});

it('rows are acknowledged one message after the other where the agent’s window is small', async () => {
  const hub = new AgentHub({
    version: 'test',
    captures: [],
    latenessUs: 600_000_000,
    subnets: [],
    enrolments: new Enrolments(),
    queryLog: new QueryLog(undefined),
    emit: silent,
    onEvent: silent,
    warn: silent,
  });
  const endpoint = await AgentEndpoint.open({ host: '127.0.0.1', port: 0 }, hub, silent);
  const socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}/agent`, [...subprotocols]);
  try {
    const acknowledged: number[] = [];
    const done = new Promise<void>((resolve, reject) => {
      socket.on('error', reject).on('close', () => reject(new Error('cut off')));
      socket.on('open', () => {
        const about = { host: 'h', run: 'r', version: 'test', groups: [], tables: [], limited: [], token: 't' };
        const journal = { id: 'j', next: 0 };
        socket.send(JSON.stringify({ type: 'hello', ...about, time: Date.now() * 1000, journal }));
      });
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as { type: string; received?: number };
        if (message.type === 'welcome') {
          for (let first = 0; first < 400; first += 40) {
            const rows = Array.from({ length: 40 }, (_, i) => row(first + i));
            socket.send(encodeRows(rows, first, undefined).text);
          }
        }
        if (message.type !== 'ack') return;
        acknowledged.push(message.received!);
        if (message.received === 399) resolve();
      });
    });
    await done;
    // At half of the window, which has grown to 81 rows by then.
    expect(acknowledged).toEqual(expect.arrayContaining([39, 79, 119, 159, 199, 239, 279, 359, 399]));
  } finally {
    socket.removeAllListeners('close').terminate();
    hub.close();
    await endpoint.close();
  }
});
