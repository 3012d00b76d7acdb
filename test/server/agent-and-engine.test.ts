import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent/agent.js';
import { engineDialer } from '../../src/agent/engine-address.js';
import { hostToken } from '../../src/agent/host-token.js';
import { Journal } from '../../src/agent/journal.js';
import { Redaction } from '../../src/agent/redaction.js';
import type { Warning } from '../../src/core/warnings.js';
import type { HostEvent } from '../../src/hosts/registry/host-registry.js';
import type { HostDatabase } from '../../src/records/host-database.js';
import type { HostRow } from '../../src/records/host-row.js';
import { AgentEndpoint } from '../../src/server/agent-endpoint.js';
import { AgentHub } from '../../src/server/agent-hub.js';
import type { QueryAnswer, SubscriptionUpdate } from '../../src/server/api-messages.js';
import { Enrolments } from '../../src/server/enrolments.js';
import { QueryLog } from '../../src/server/query-log.js';
import { ScriptedSensor, tableRows } from './simulated-host.js';

const SECOND = 1_000_000;
const silent = (): void => {};

let folder: string;
const cleanups: (() => Promise<void>)[] = [];

async function until(what: string, holds: () => boolean, ms = 120_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`did not see ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface EngineSettings {
  readonly port?: number;
  readonly latenessUs?: number;
  readonly enrolments?: Enrolments;
  readonly secretFile?: string;
}

/** An engine on loopback that keeps the rows it hands on. */
async function startEngine(settings: EngineSettings = {}) {
  const rows: HostRow[] = [];
  const events: HostEvent[] = [];
  const warnings: Warning[] = [];
  const hub = new AgentHub({
    version: 'test',
    captures: ['eth0'],
    latenessUs: settings.latenessUs ?? 600 * SECOND,
    subnets: [],
    enrolments: settings.enrolments ?? new Enrolments(),
    queryLog: new QueryLog(join(folder, 'queries.jsonl')),
    emit: (more) => rows.push(...more),
    onEvent: (event) => events.push(event),
    warn: (warning) => warnings.push(warning),
  });
  const { port = 0, secretFile } = settings;
  const endpoint = await AgentEndpoint.open(
    { host: '127.0.0.1', port, ...(secretFile !== undefined && { secretFile }) },
    hub,
    silent,
  );
  let isStopped = false;
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    hub.close();
    await endpoint.close();
  };
  cleanups.push(stop);
  return { hub, rows, events, warnings, port: endpoint.port, stop };
}

interface AgentSettings {
  readonly host?: string;
  readonly spool?: string;
  readonly maxBytes?: number;
  readonly secretFile?: string;
  readonly database?: HostDatabase;
}

async function startAgent(port: number, settings: AgentSettings = {}) {
  const { host = 'web-1', spool, maxBytes = 1 << 24, secretFile, database } = settings;
  const warnings: Warning[] = [];
  const warn = (warning: Warning) => warnings.push(warning);
  const journal = Journal.open({ host, ...(spool !== undefined && { folder: spool }), maxBytes, warn });
  let sensor!: ScriptedSensor;
  const agent = new Agent({
    host,
    groups: ['lab'],
    version: 'test',
    dial: engineDialer({ server: `ws://127.0.0.1:${port}`, ...(secretFile !== undefined && { secretFile }) }),
    journal,
    token: hostToken(host, spool),
    redaction: new Redaction(),
    sensor: async (emit) => {
      sensor = new ScriptedSensor(host, emit);
      sensor.start();
      return sensor;
    },
    ...(database !== undefined && { database, tables: ['time'] }),
    warn,
    info: silent,
  });
  await agent.start();
  let isStopped = false;
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    await agent.stop('test');
  };
  cleanups.push(stop);
  return { agent, sensor, journal, warnings, stop };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agents-'));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

describe('an agent and an engine', () => {
  it('bring every row into the pipeline once, measure the clock, and say goodbye', async () => {
    const engine = await startEngine();
    const { sensor, stop } = await startAgent(engine.port);
    for (let pid = 1; pid <= 100; pid++) sensor.process('added', pid);
    await until('the rows', () => tableRows(engine.rows).length >= 100);
    await until('the clock', () => engine.rows.some(({ kind }) => kind === 'clock'));
    await stop();
    await until('the goodbye', () => engine.events.some(({ kind }) => kind === 'left'));
    expect(tableRows(engine.rows)).toEqual(tableRows(sensor.told));
    const last = engine.rows.filter(({ kind }) => kind === 'complete').at(-1);
    expect(last).toEqual(sensor.told.filter(({ kind }) => kind === 'complete').at(-1));
    expect(engine.rows.filter(({ kind }) => kind === 'host' || kind === 'host_timeout')).toEqual(
      sensor.told.filter(({ kind }) => kind === 'host' || kind === 'host_timeout'),
    );
    const clock = engine.rows.find((row) => row.kind === 'clock')!;
    expect(Math.abs(clock.offset)).toBeLessThanOrEqual(clock.err);
    expect(engine.hub.registry.get('web-1')).toMatchObject({ presence: 'left', groups: ['lab'], duplicates: 0 });
  });

  it('go on where they were when the connection is cut, with rows of the meantime', async () => {
    const engine = await startEngine();
    const { sensor } = await startAgent(engine.port);
    let pid = 0;
    for (let cut = 0; cut < 4; cut++) {
      for (let i = 0; i < 50; i++) sensor.process('added', ++pid);
      await until('a connection', () => engine.hub.connectionOf('web-1') !== undefined);
      for (let i = 0; i < 50; i++) sensor.process('added', ++pid);
      engine.hub.connectionOf('web-1')!.close('SILENT', 'the test cuts');
    }
    await until('all rows', () => tableRows(engine.rows).length >= pid);
    expect(tableRows(engine.rows)).toEqual(tableRows(sensor.told));
    expect(engine.events.filter(({ kind }) => kind === 'reconnected').length).toBeGreaterThanOrEqual(4);
  });

  it('give an engine that has forgotten everything what stands and what is new, each row once, however old it is', async () => {
    const first = await startEngine({ latenessUs: SECOND / 10 });
    const { sensor, journal } = await startAgent(first.port, { spool: join(folder, 'spool') });
    for (let pid = 1; pid <= 300; pid++) sensor.process('added', pid);
    for (let pid = 1; pid <= 290; pid++) sensor.process('removed', pid);
    await until('the rows', () => tableRows(first.rows).length === 590);
    // Long acknowledged and released, so that the journal does not hold it any more.
    await new Promise((resolve) => setTimeout(resolve, 300));
    journal.release(500);
    await first.stop();
    for (let pid = 301; pid <= 350; pid++) sensor.process('added', pid);

    const second = await startEngine({ port: first.port });
    await until('the rows', () => tableRows(second.rows).some((row) => row.endsWith(' 639 added')));
    const got = tableRows(second.rows);
    expect(new Set(got).size).toBe(got.length);
    const standing = new Set<number>();
    for (const row of second.rows) {
      if (row.kind !== 'row' || row.table !== 'processes') continue;
      if (row.action === 'added') standing.add(row.columns.pid!);
      else standing.delete(row.columns.pid!);
    }
    expect([...standing].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => 291 + i));
    const told = second.rows.filter(({ kind }) => kind !== 'clock');
    expect(told[0]).toMatchObject({ kind: 'host', boot: 'boot-1' });
  });

  it('take up the spool of an agent that was killed, and say from when to when nobody watched', async () => {
    const spool = join(folder, 'spool');
    const first = Journal.open({ host: 'web-1', folder: spool, maxBytes: 1 << 24, warn: silent });
    const time = Date.now() * 1000 - 60 * SECOND;
    const streams = [{ stream: 'processes', table: 'processes' }] as const;
    first.append([{ kind: 'host', host: 'web-1', boot: 'boot-1', streams, from: time }], 'boot-1', 1);
    first.append([{ kind: 'complete', host: 'web-1', stream: 'processes', until: time + 5 }], 'boot-1', 2);
    writeFileSync(join(spool, '0000000000000000.rows'), '2 1 {"type":"rows","torn', { flag: 'a' });

    const engine = await startEngine();
    await startAgent(engine.port, { spool });
    await until('the new run', () => engine.rows.filter(({ kind }) => kind === 'host').length === 2);
    expect(engine.rows.map((row) => row.kind).filter((kind) => kind !== 'clock')).toEqual([
      'host',
      'complete',
      'host_timeout',
      'host',
    ]);
    expect(engine.rows.find(({ kind }) => kind === 'host_timeout')).toMatchObject({ at: time + 5 });
  });

  it('tell of what had to be dropped while the engine was away for too long', async () => {
    const engine = await startEngine();
    const { port } = engine;
    await engine.stop();
    const { sensor, journal, warnings } = await startAgent(port, { maxBytes: 1 << 21 });
    const long = 'x'.repeat(10_000);
    for (let pid = 1; pid <= 500; pid++) sensor.process('added', pid, `${long} ${pid}`);
    expect(journal.dropped).toBeGreaterThan(0);
    expect(journal.bytes).toBeLessThan((1 << 21) + (1 << 18));
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'SPOOL_FULL' }));

    const again = await startEngine({ port });
    await until('the newest row', () => tableRows(again.rows).some((row) => row.endsWith(' 499 added')));
    const lost = again.rows.filter((row) => row.kind === 'lost');
    const dropped = sensor.told.filter((row) => row.kind === 'row' && row.seq === 0);
    const from = Math.min(...lost.map((row) => row.from));
    expect(from).toBe((dropped[0] as { time: number }).time);
    // What stands is told although its rows were dropped.
    expect(tableRows(again.rows)).toHaveLength(500);
  });
});

describe('who may speak for a host', () => {
  it('is who enrolled first, also for an engine that was started anew, until the enrolment is forgotten', async () => {
    const path = join(folder, 'enrolments');
    const engine = await startEngine({ enrolments: new Enrolments(path) });
    const owner = await startAgent(engine.port, { spool: join(folder, 'owner') });
    await until('the owner', () => engine.hub.connectionOf('web-1') !== undefined);
    await owner.stop();
    await engine.stop();

    const enrolments = new Enrolments(path);
    const again = await startEngine({ enrolments });
    const thief = await startAgent(again.port, { spool: join(folder, 'thief') });
    await until('the refusal', () => thief.warnings.some(({ message }) => message.startsWith('NOT_ENROLLED')));
    expect(again.hub.registry.size).toBe(0);
    await thief.stop();
    await startAgent(again.port, { spool: join(folder, 'owner') });
    await until('the owner', () => again.hub.connectionOf('web-1') !== undefined);
    expect(enrolments.forget('web-1')).toBe(true);
    expect(new Enrolments(path).size).toBe(0);
  });

  it('is the agent that answers when two come with the same proof', async () => {
    const engine = await startEngine();
    const first = await startAgent(engine.port, { spool: join(folder, 'a') });
    await until('the first', () => engine.hub.connectionOf('web-1') !== undefined);
    const other = join(folder, 'b');
    cpSync(join(folder, 'a', 'token'), join(other, 'token'));
    const second = await startAgent(engine.port, { spool: other });
    await until('the refusal', () => second.warnings.some(({ message }) => message.startsWith('HOST_IN_USE')));
    first.sensor.process('added', 1);
    await until('a row of the first', () => tableRows(engine.rows).length === 1);
  });

  it('needs the secret of the engine', async () => {
    const [right, wrong] = [join(folder, 'right'), join(folder, 'wrong')];
    writeFileSync(right, 'open sesame\n');
    writeFileSync(wrong, 'open barley\n');
    const engine = await startEngine({ secretFile: right });
    const refused = await startAgent(engine.port, { host: 'wrong', secretFile: wrong });
    await startAgent(engine.port, { host: 'right', secretFile: right });
    await until('the right one', () => engine.hub.connectionOf('right') !== undefined);
    await until('the refusal', () => refused.warnings.length > 0);
    expect(refused.warnings[0]).toMatchObject({
      code: 'ENGINE_REFUSED',
      message: expect.stringMatching(/^the secret is not that of this engine/) as string,
    });
    expect(engine.hub.registry.get('wrong')).toBeUndefined();
  });
});

describe('queries to hosts', () => {
  const database: HostDatabase = {
    query: async (sql) => {
      if (sql === 'slow') await new Promise((resolve) => setTimeout(resolve, 5_000).unref());
      if (sql === 'bad') throw new Error('near "bad": syntax error');
      const rows = Array.from({ length: sql === 'many' ? 1_200 : 2 }, (_, i) => [i, `row ${i}`, 2n ** 60n, null]);
      return { columns: ['a', 'b', 'c', 'd'], rows };
    },
  };

  it('come back with a result, SQLite’s own error, or a time-out, and are put on record', async () => {
    const engine = await startEngine();
    await startAgent(engine.port, { database });
    await startAgent(engine.port, { host: 'mute' });
    await until(
      'both',
      () => engine.hub.connectionOf('web-1') !== undefined && engine.hub.connectionOf('mute') !== undefined,
    );
    const connections = ['web-1', 'mute'].map((id) => engine.hub.connectionOf(id)!);
    const ask = async (sql: string, timeoutMs = 2_000, rows = 10_000) => {
      const answers: QueryAnswer[] = [];
      await engine.hub.queries.ask(sql, connections, ['gone'], { rows, timeoutMs }, (answer) => answers.push(answer));
      return new Map(answers.map((answer) => [answer.host, answer]));
    };
    const good = await ask('good');
    expect(good.get('web-1')).toEqual({
      host: 'web-1',
      columns: ['a', 'b', 'c', 'd'],
      rows: [0, 1].map((i) => [i, `row ${i}`, { integer: (2n ** 60n).toString() }, null]),
    });
    expect(good.get('mute')).toMatchObject({ error: { code: 'QUERY_FAILED' } });
    expect(good.get('gone')).toMatchObject({ error: { code: 'HOST_ABSENT' } });
    const many = (await ask('many')).get('web-1');
    expect(many !== undefined && 'rows' in many && many.rows.length).toBe(1_200);
    expect((await ask('bad')).get('web-1')).toMatchObject({ error: { message: 'near "bad": syntax error' } });
    expect((await ask('slow', 100)).get('web-1')).toMatchObject({ error: { code: 'QUERY_TIMEOUT' } });
    const record = readFileSync(join(folder, 'queries.jsonl'), 'utf8').trim().split('\n');
    expect(
      record.map((line) => (JSON.parse(line) as { event: string }).event).filter((event) => event === 'asked'),
    ).toHaveLength(4);
    expect(record.some((line) => line.includes('syntax error'))).toBe(true);
  });
});

describe('subscriptions', () => {
  /** A database whose one table the test fills. */
  const changing = () => {
    const rows: number[][] = [];
    const database: HostDatabase = { query: async () => ({ columns: ['port'], rows: rows.map((row) => [...row]) }) };
    return { rows, database };
  };
  const asText = ({ host, added = [], removed = [] }: SubscriptionUpdate): string[] => [
    ...added.map(([port]) => `${host} +${String(port)}`),
    ...removed.map(([port]) => `${host} -${String(port)}`),
  ];

  it('tell what changes on every host of a group, also on one that joins later, and nothing twice after a reconnect', async () => {
    const engine = await startEngine();
    const [a, b] = [changing(), changing()];
    a.rows.push([22]);
    await startAgent(engine.port, { host: 'a', database: a.database });
    await until('a', () => engine.hub.connectionOf('a') !== undefined);
    const updates: SubscriptionUpdate[] = [];
    const told = () => updates.flatMap(asText);
    const options = { sql: 'SELECT port', intervalMs: 100, kind: 'both', target: { groups: ['lab'] } } as const;
    const end = engine.hub.subscriptions.subscribe(options, engine.hub.welcomed(), (update) => updates.push(update))!;
    await until('the first result', () => told().includes('a +22'));
    a.rows.push([80], [80]);
    await until('both rows', () => told().filter((text) => text === 'a +80').length === 2);
    engine.hub.connectionOf('a')!.close('SILENT', 'the test cuts');
    a.rows.splice(0, 1);
    await until('the change of the meantime', () => told().includes('a -22'));
    b.rows.push([443]);
    await startAgent(engine.port, { host: 'b', database: b.database });
    await until('the later host', () => told().includes('b +443'));
    a.rows.pop();
    await until('one row of two', () => told().includes('a -80'));
    expect(told()).toEqual(['a +22', 'a +80', 'a +80', 'a -22', 'b +443', 'a -80']);

    end();
    a.rows.push([1]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(told()).toHaveLength(6);
    expect(engine.hub.subscriptions.size).toBe(0);
  });

  it('of one text are told apart, and tell of additions alone where no more is wanted', async () => {
    const engine = await startEngine();
    const { rows, database } = changing();
    rows.push([22], [80]);
    await startAgent(engine.port, { host: 'a', database });
    await until('a', () => engine.hub.connectionOf('a') !== undefined);
    const [added, removed, whole] = [[], [], []] as [SubscriptionUpdate[], SubscriptionUpdate[], SubscriptionUpdate[]];
    for (const [kind, into] of [
      ['added', added],
      ['removed', removed],
      ['snapshot', whole],
    ] as const) {
      const options = { sql: 'SELECT port', intervalMs: 100, kind, target: { all: true }, cookie: kind } as const;
      engine.hub.subscriptions.subscribe(options, engine.hub.welcomed(), (update) => into.push(update));
    }
    await until('the whole result', () => whole.length > 0);
    rows.splice(0, 1, [443]);
    await until('what went', () => removed.length > 0 && added.length > 1);
    expect(added.flatMap(asText)).toEqual(['a +22', 'a +80', 'a +443']);
    expect(removed.flatMap(asText)).toEqual(['a -22']);
    expect(whole[0]).toMatchObject({ cookie: 'snapshot', columns: ['port'], snapshot: [[22], [80]] });
  });
});
