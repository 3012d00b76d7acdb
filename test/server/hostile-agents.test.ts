import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { HostRow } from '../../src/records/host-row.js';
import { AgentEndpoint } from '../../src/server/agent-endpoint.js';
import { AgentHub } from '../../src/server/agent-hub.js';
import { Enrolments } from '../../src/server/enrolments.js';
import { QueryLog } from '../../src/server/query-log.js';
import { closeName } from '../../src/wire/close-code.js';
import { subprotocols, wireVersions } from '../../src/wire/protocol.js';
import { encodeRows } from '../../src/wire/row-message.js';

const SECOND = 1_000_000;
const silent = (): void => {};
const now = (): number => Date.now() * 1000;

let rows: HostRow[];
let hub: AgentHub;
let endpoint: AgentEndpoint;
const sockets: WebSocket[] = [];

beforeEach(async () => {
  rows = [];
  hub = new AgentHub({
    version: 'test',
    captures: [],
    latenessUs: 600 * SECOND,
    subnets: [],
    enrolments: new Enrolments(),
    queryLog: new QueryLog(undefined),
    emit: (more) => rows.push(...more),
    onEvent: silent,
    warn: silent,
  });
  endpoint = await AgentEndpoint.open({ host: '127.0.0.1', port: 0 }, hub, silent);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  hub.close();
  await endpoint.close();
});

const hello = (host: string, more: object = {}): string =>
  JSON.stringify({
    type: 'hello',
    host,
    run: `run of ${host}`,
    version: 'test',
    groups: [],
    tables: [],
    limited: [],
    time: now(),
    journal: { id: 'j', next: 0 },
    token: `token of ${host}`,
    ...more,
  });

const row = (seq: number, time = now()): HostRow => ({
  kind: 'row',
  host: '',
  stream: 'processes',
  table: 'processes',
  action: 'added',
  time,
  resolution: 1,
  seq,
  columns: { pid: seq },
});

/** A client that says what a test wants. `closed` is the name of the code with which it is cut off. */
class Client {
  readonly socket: WebSocket;
  readonly messages: { type: string; received?: number }[] = [];
  readonly closed: Promise<string>;

  constructor(protocols: readonly string[] = subprotocols) {
    this.socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}/agent`, [...protocols]);
    sockets.push(this.socket);
    this.closed = new Promise((resolve) => {
      this.socket.on('error', (error) => resolve(error.message));
      this.socket.on('close', (code) => resolve(closeName(code)));
    });
    this.socket.on('message', (data) => this.messages.push(JSON.parse(String(data)) as { type: string }));
  }

  async say(...frames: (string | Buffer)[]): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING)
      await new Promise((resolve) => this.socket.once('open', resolve));
    for (const frame of frames) this.socket.send(frame);
  }

  async until(type: string): Promise<void> {
    for (const deadline = Date.now() + 10_000; !this.messages.some((each) => each.type === type); ) {
      if (Date.now() > deadline) throw new Error(`no ${type}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async welcomed(host: string): Promise<void> {
    await this.say(hello(host));
    await this.until('welcome');
  }
}

/** An agent like others that tells a row every few milliseconds and says how long each took to be taken. */
async function honest(): Promise<{ end(): Promise<number[]> }> {
  const client = new Client();
  await client.welcomed('honest');
  const delays: number[] = [];
  const sentAt: number[] = [];
  let seq = 0;
  const timer = setInterval(() => {
    sentAt.push(performance.now());
    void client.say(encodeRows([row(seq)], seq++, undefined).text);
  }, 5);
  let seen = 0;
  const watch = setInterval(() => {
    const taken = rows.filter(({ host }) => host === 'honest').length;
    while (seen < taken) delays.push(performance.now() - sentAt[seen++]!);
  }, 1);
  return {
    async end() {
      const wait = async (isDone: () => boolean) => {
        for (const deadline = Date.now() + 10_000; !isDone() && Date.now() < deadline; ) {
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      await wait(() => seen > 5);
      clearInterval(timer);
      await wait(() => seen === seq);
      clearInterval(watch);
      expect(seen).toBe(seq);
      expect(client.socket.readyState).toBe(WebSocket.OPEN);
      return delays;
    },
  };
}

describe('a hostile agent is cut off with a code', () => {
  const frames: [string, string, () => string | Buffer][] = [
    ['that sends no JSON', 'BAD_MESSAGE', () => '{'],
    ['that sends a binary frame', 'BAD_MESSAGE', () => Buffer.from('{}')],
    ['that sends an unknown message', 'BAD_MESSAGE', () => '{"type":"shutdown"}'],
    ['that says hello twice', 'BAD_MESSAGE', () => hello('mallory')],
    [
      'that sends rows of wrong types',
      'BAD_MESSAGE',
      () => encodeRows([row(0)], 0, undefined).text.replace('"pid":[0]', '"pid":["0"]'),
    ],
    [
      'that speaks for another host',
      'BAD_MESSAGE',
      () => encodeRows([row(0)], 0, undefined).text.replace('{"type":"rows"', '{"type":"rows","host":"victim"'),
    ],
    ['that sends a frame of 2 MB', 'TOO_BIG', () => `{"type":"leave","reason":"${'x'.repeat(2 << 20)}"}`],
    [
      'whose rows are of the year 2099',
      'BAD_CLOCK',
      () => encodeRows([row(0, 4_070_908_800 * SECOND)], 0, undefined).text,
    ],
    [
      'whose watermark is of the year 2099',
      'BAD_CLOCK',
      () =>
        encodeRows([{ kind: 'complete', host: '', stream: 'processes', until: 4_070_908_800 * SECOND }], 0, undefined)
          .text,
    ],
  ];
  it.each(frames)('%s: %s', async (_, code, frame) => {
    const client = new Client();
    await client.welcomed('mallory');
    await client.say(frame());
    expect(await client.closed).toBe(code);
    expect(rows.filter(({ kind }) => kind === 'row')).toEqual([]);
  });

  it('whose clock is in 2099: BAD_CLOCK', async () => {
    const client = new Client();
    await client.say(hello('mallory', { time: 4_070_908_800 * SECOND }));
    expect(await client.closed).toBe('BAD_CLOCK');
  });

  it('that sends rows before it was welcomed: BAD_MESSAGE', async () => {
    const client = new Client();
    await client.say(encodeRows([row(0)], 0, undefined).text);
    expect(await client.closed).toBe('BAD_MESSAGE');
    expect(rows).toEqual([]);
  });

  it('that wants the host id of another: NOT_ENROLLED', async () => {
    const owner = new Client();
    await owner.welcomed('victim');
    const thief = new Client();
    await thief.say(hello('victim', { token: 'guess', run: 'other' }));
    expect(await thief.closed).toBe('NOT_ENROLLED');
    await owner.say(encodeRows([row(0)], 0, undefined).text);
    await owner.until('ack');
  });

  it('that speaks no version of ours is told which', async () => {
    const client = new Client(['correlate.agent.v9']);
    const answer = new Promise<string>((resolve) => {
      client.socket.on('unexpected-response', (_request, response) => {
        response.setEncoding('utf8').on('data', (text: string) => resolve(`${response.statusCode} ${text}`));
      });
    });
    expect(await answer).toContain(
      `426 this engine speaks version ${wireVersions.join(', ')} of the agent protocol, the agent 9`,
    );
  });

  it('that speaks ours and one to come is taken', async () => {
    const client = new Client(['correlate.agent.v9', ...subprotocols]);
    await client.welcomed('newer');
    expect(client.socket.protocol).toBe(subprotocols[0]);
  });
});

describe('other hosts', () => {
  it('are not held up by an agent that sends rows as fast as it can, which is cut off: TOO_MANY_ROWS', async () => {
    const other = await honest();
    const flood = new Client();
    await flood.welcomed('flood');
    const many = Array.from({ length: 2_000 }, (_, i) => row(i));
    let seq = 0;
    while (flood.socket.readyState === WebSocket.OPEN && seq < 5_000_000) {
      if (flood.socket.bufferedAmount < 4 << 20) {
        flood.socket.send(encodeRows(many, seq, undefined).text);
        seq += many.length;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await flood.closed).toBe('TOO_MANY_ROWS');
    const delays = await other.end();
    expect(delays.length).toBeGreaterThan(5);
    expect(rows.filter(({ host }) => host === 'flood').length).toBeLessThan(seq);
  });

  it('are not held up by connections that say nothing, or half a frame', async () => {
    const silentOnes = Array.from({ length: 50 }, () => connect(endpoint.port, '127.0.0.1').on('error', silent));
    const half = new Client();
    await half.welcomed('half');
    // The head of a frame that claims to be 1 GB long (RFC 6455 5.2), which is refused by its length.
    const raw = (half.socket as unknown as { _socket: { write(data: Buffer): void } })._socket;
    raw.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]));
    expect(await half.closed).toBe('TOO_BIG');
    const other = await honest();
    expect((await other.end()).length).toBeGreaterThan(5);
    for (const socket of silentOnes) socket.destroy();
  });
});
