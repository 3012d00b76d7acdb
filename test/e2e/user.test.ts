import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, correlate, jsonLines, Running } from './program.js';

describe.skipIf(!mayMakeNamespaces)('--user (needs root)', () => {
  const nobody = 65_534;
  let folder = '';
  let network: TestNetwork;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'user-'));
    network = new TestNetwork({ one: [`${lan}.10/24`], two: [`${lan}.20/24`] });
  });
  afterAll(() => {
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives root up in every thread, and goes on capturing and writing', async () => {
    const file = join(folder, 'connections.jsonl');
    const program = new Running([
      ...network.on('one'),
      ...[process.execPath, bin, '-i', 'eth0', '--no-local-host', '--user', 'nobody', '--json-log'],
      ...['--connections', file, '--alerts', '/dev/null'],
    ]);
    try {
      await program.until('the start', () => program.stderr.includes('capturing on') || undefined);
      const tasks = `/proc/${program.child.pid}/task`;
      const ids = readdirSync(tasks).map((task) => {
        const status = readFileSync(join(tasks, task, 'status'), 'utf8');
        return [
          /^Uid:\s+(.*)$/m.exec(status)?.[1],
          /^Groups:\s*(.*?)\s*$/m.exec(status)?.[1],
          /^CapEff:\s+(.*)$/m.exec(status)?.[1],
        ];
      });
      const all = `${nobody}\t${nobody}\t${nobody}\t${nobody}`;
      expect(new Set(ids.map((one) => one.join(' ')))).toEqual(new Set([`${all} ${nobody} 0000000000000000`]));
      expect(ids.length).toBeGreaterThan(4);
      expect(statSync(file).uid).toBe(nobody);
      expect(program.stderr).toContain('cannot open it anew after a rotation');
      const script = `require('dgram').createSocket('udp4').send('x', 4000, '${lan}.10', () => process.exit())`;
      await new Running([...network.on('two'), process.execPath, '-e', script]).ended;
      await program.until('the datagram', () => readFileSync(file, 'utf8').includes(`${lan}.10`) || undefined);
      program.signal('SIGINT');
      expect(await program.ended).toBe(0);
    } finally {
      await program.stop();
    }
    const lines = jsonLines(readFileSync(file, 'utf8')) as { 'id.resp_p': number }[];
    expect(lines.findLast((line) => line['id.resp_p'] === 4000)).toMatchObject({ proto: 'udp', orig_pkts: 1 });
  });

  it('goes on enrolling agents and recording queries in files of a folder that only root may write', async () => {
    const [enrolments, queries, socket] = ['enrolments', 'queries', 'socket'].map((name) => join(folder, name));
    const start = async () => {
      const engine = new Running([
        ...[...network.on('one'), process.execPath, bin, '--no-local-host', '--user', 'nobody', '--json-log'],
        ...['--listen', '127.0.0.1:9441', '--enrolments', enrolments!, '--query-log', queries!],
        ...['--engine-socket', socket!],
      ]);
      // The files have their new owner before the process is that user, and agents are let in before that.
      await engine.until('the user', () => (idOf(engine.child.pid!) === String(nobody) ? true : undefined));
      return engine;
    };
    const idOf = (pid: number) => /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const enrolled = () => (jsonLines(readFileSync(enrolments!, 'utf8')) as { host: string }[]).map(({ host }) => host);
    for (const host of ['web-1', 'web-2']) {
      const engine = await start();
      const agent = new Running([
        ...[...network.on('one'), process.execPath, bin, 'agent', '--server', 'ws://127.0.0.1:9441'],
        ...['--host-id', host, '--sensor', 'poll', '--json-log'],
      ]);
      try {
        await agent.until('the enrolment', () => (enrolled().includes(host) ? true : undefined));
        correlate(['query', 'SELECT 1', '--all', '--engine', socket!]);
        expect(readFileSync(queries!, 'utf8')).toContain(host);
      } finally {
        await agent.stop();
        engine.signal('SIGINT');
        expect(await engine.ended).toBe(0);
      }
    }
    expect(enrolled()).toEqual(['web-1', 'web-2']);
    expect([statSync(enrolments!).mode & 0o777, statSync(enrolments!).uid]).toEqual([0o600, nobody]);
  });

  it('is refused for a name without a user, and over files', () => {
    const none = correlate(['-i', 'lo', '--user', 'no-such-user', '--json-log']);
    expect([none.status, none.log[0]?.code]).toEqual([2, 'USAGE']);
    const file = join(folder, 'empty.pcap');
    writeFileSync(file, '');
    expect(correlate(['-r', file, '--user', 'nobody']).status).toBe(2);
  });
});
