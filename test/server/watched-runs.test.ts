import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { HostRow } from '../../src/records/host-row.js';
import { AgentEndpoint } from '../../src/server/agent-endpoint.js';
import { AgentHub } from '../../src/server/agent-hub.js';
import { Enrolments } from '../../src/server/enrolments.js';
import { QueryLog } from '../../src/server/query-log.js';
import { subprotocols } from '../../src/wire/protocol.js';
import { encodeRows } from '../../src/wire/row-message.js';

const SECOND = 1_000_000;
const silent = (): void => {};
const streams = [{ stream: 'processes', table: 'processes' }] as const;

let rows: HostRow[];
let hub: AgentHub;
let endpoint: AgentEndpoint;
let start: number;

/** A moment of the host's clock, in the last minute. */
const at = (us: number): number => start + us;
const host = (us: number): HostRow => ({ kind: 'host', host: '', boot: 'b', streams, from: at(us) });
const complete = (us: number): HostRow => ({ kind: 'complete', host: '', stream: 'processes', until: at(us) });
const timeout = (us: number): HostRow => ({ kind: 'host_timeout', host: '', at: at(us) });

/** What was told of when the host was watched, times since `start`. */
const told = (): string[] =>
  rows.flatMap((row) => {
    if (row.kind === 'host') return [`host ${row.from - start}`];
    if (row.kind === 'complete') return [`complete ${row.until - start}`];
    return row.kind === 'host_timeout' ? [`timeout ${row.at - start}`] : [];
  });

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !holds(); ) {
    if (Date.now() > deadline) throw new Error(`did not see ${what}; told: ${told().join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const givenUp = (): Promise<void> => until('that the host is given up', () => told().at(-1)!.startsWith('timeout'));

async function startEngine(latenessUs: number): Promise<void> {
  rows = [];
  hub = new AgentHub({
    version: 'test',
    captures: [],
    latenessUs,
    subnets: [],
    enrolments: new Enrolments(),
    queryLog: new QueryLog(undefined),
    emit: (more) => rows.push(...more),
    onEvent: silent,
    warn: silent,
  });
  endpoint = await AgentEndpoint.open({ host: '127.0.0.1', port: 0 }, hub, silent);
}

/** An agent tells these rows of its journal on one connection, which then is cut. */
async function tell(journal: string, first: number, more: readonly HostRow[]): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}/agent`, [...subprotocols]);
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      const about = { host: 'h', run: `run of ${journal}`, version: 'test', groups: [], tables: [], limited: [] };
      const where = { time: Date.now() * 1000, journal: { id: journal, next: first + more.length } };
      socket.send(JSON.stringify({ type: 'hello', ...about, ...where, token: 't' }));
    });
    socket.on('message', (data) => {
      if ((JSON.parse(String(data)) as { type: string }).type === 'welcome') resolve();
    });
  });
  const before = told().length;
  if (more.length > 0) socket.send(encodeRows(more, first, 'b').text);
  await until('the rows', () => told().length >= before + more.length);
  socket.terminate();
  await until('the end of the connection', () => hub.registry.get('h')?.isConnected === false);
}

beforeEach(() => {
  start = Date.now() * 1000 - 60 * SECOND;
});

afterEach(async () => {
  hub.close();
  await endpoint.close();
});

describe('a host whose agent keeps nothing of the run before', () => {
  it('was not watched from that run’s last watermark on, which is told once and before the new run', async () => {
    await startEngine(600 * SECOND);
    await tell('j1', 0, [host(0), complete(10)]);
    await tell('j1', 2, [complete(20), complete(15)]);
    await tell('j2', 0, [host(50), complete(60)]);
    await tell('j3', 0, [host(80)]);
    await tell('j4', 0, [host(90), complete(95)]);
    expect(told()).toEqual([
      ...['host 0', 'complete 10', 'complete 20', 'complete 15', 'timeout 20'],
      ...['host 50', 'complete 60', 'timeout 60'],
      // Nothing is told to be complete of the third run, which began all the same.
      ...['host 80', 'timeout 80'],
      ...['host 90', 'complete 95'],
    ]);
  });

  it('is not told of again where the run ended by itself', async () => {
    await startEngine(600 * SECOND);
    await tell('j1', 0, [host(0), complete(20), timeout(18)]);
    await tell('j2', 0, [host(50), complete(60)]);
    expect(told()).toEqual(['host 0', 'complete 20', 'timeout 18', 'host 50', 'complete 60']);
  });

  it('stays given up for the time between', async () => {
    await startEngine(SECOND / 10);
    await tell('j1', 0, [host(0), complete(10)]);
    await givenUp();
    // Cut off before it has told anything.
    await tell('j2', 0, []);
    await tell('j2', 0, [host(50), complete(60)]);
    await givenUp();
    expect(told()).toEqual(['host 0', 'complete 10', 'timeout 10', 'host 50', 'complete 60', 'timeout 60']);
  });
});

describe('a host whose agent has kept all', () => {
  it('was watched all the time, which is told as it tells of what was after its timeout', async () => {
    await startEngine(SECOND / 10);
    await tell('j1', 0, [host(0), complete(10)]);
    await givenUp();
    await tell('j1', 0, [host(0), complete(10), complete(20)]);
    await givenUp();
    await tell('j1', 0, [host(0), complete(10), complete(20), complete(30), complete(40)]);
    expect(told()).toEqual([
      ...['host 0', 'complete 10', 'timeout 10'],
      ...['host 0', 'complete 10', 'host 11', 'complete 20', 'timeout 20'],
      ...['host 0', 'complete 10', 'complete 20', 'host 21', 'complete 30', 'complete 40'],
    ]);
  });

  it('but was killed meanwhile was watched as long as it tells', async () => {
    await startEngine(SECOND / 10);
    await tell('j1', 0, [host(0), complete(10)]);
    await givenUp();
    // What it had told was all: the timeout is true.
    await tell('j1', 0, [host(0), complete(10), timeout(10), host(50), complete(60)]);
    await givenUp();
    // It had gone on for a while.
    await tell('j1', 0, [host(50), complete(60), complete(70), timeout(70), host(90), complete(95)]);
    expect(told()).toEqual([
      ...['host 0', 'complete 10', 'timeout 10'],
      ...['host 0', 'complete 10', 'timeout 10', 'host 50', 'complete 60', 'timeout 60'],
      ...['host 50', 'complete 60', 'host 61', 'complete 70', 'timeout 70', 'host 90', 'complete 95'],
    ]);
  });
});
