import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as dial, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bin, jsonLines, Running } from './program.js';

const reason = process.getuid?.() === 0 ? undefined : 'needs root';

const rule = (id: string, port: number) => `
title: ${id}
id: ${id}
level: low
logsource: { product: zeek, service: conn }
detection:
  selection: { id.resp_p: ${port} }
  condition: selection
`;

/** Tells how many connections to the port it has seen. */
const counting = (port: number) => `
import { defineRule } from 'correlate'
export default defineRule({ id: 'counting', level: 'low' }, ({ connections, alert }) => {
  let n = 0
  connections.attributed$.subscribe((connection) => {
    if (connection.cause === 'end' && connection.connection['id.resp_p'] === ${port}) alert({ connection, title: 'seen ' + ++n })
  })
})
`;

describe.skipIf(reason !== undefined)(
  `SIGHUP of a live run${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let folder: string;
    let server: Server;
    let port: number;
    let program: Running;

    const path = (name: string) => join(folder, name);
    const write = (name: string, text: string) => writeFileSync(path(name), text);
    const titlesIn = (name: string) =>
      (jsonLines(readFileSync(path(name), 'utf8')) as { rule: { name: string }; message?: string }[]).map(
        ({ rule: { name }, message }) => message ?? name,
      );
    const said = (text: RegExp) => program.until(`${text}`, () => (text.test(program.stderr) ? true : undefined));
    const hangUp = async (answer: RegExp) => {
      program.stderr = '';
      program.signal('SIGHUP');
      await said(answer);
    };
    /** Makes a connection and waits for an alert with the title. */
    const connectFor = async (title: string, file: string) => {
      const before = titlesIn(file).filter((each) => each === title).length;
      await new Promise<void>((resolve, reject) => {
        dial(port, '127.0.0.1', function (this: ReturnType<typeof dial>) {
          this.end();
        })
          .once('close', () => resolve())
          .once('error', reject);
      });
      const isTold = () => titlesIn(file).filter((each) => each === title).length > before;
      await program.until(`the alert ${title}`, () => (isTold() ? true : undefined));
    };

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'reload-'));
      server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      port = (server.address() as { port: number }).port;
      write('one.yml', rule('one', port));
      write('counting.ts', counting(port));
      const rules = ['--rules', path('one.yml'), '--rules', path('two.yml'), '--rules', path('counting.ts')];
      write('two.yml', rule('two', 1));
      const run = ['-i', 'lo', '-f', `tcp port ${port}`, '--no-local-host', ...rules, '--alerts', path('alerts.jsonl')];
      program = new Running([process.execPath, bin, ...run]);
      await said(/capturing on lo/);
    });

    afterAll(async () => {
      await program.stop();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    });

    it('loads rules anew, keeps the state of those that are the same, and reopens the outputs', async () => {
      await connectFor('seen 1', 'alerts.jsonl');
      expect(titlesIn('alerts.jsonl')).not.toContain('two');
      write('two.yml', rule('two', port));
      renameSync(path('alerts.jsonl'), path('rotated.jsonl'));
      await hangUp(/3 rules are loaded anew/);
      await connectFor('seen 2', 'alerts.jsonl');
      expect(titlesIn('alerts.jsonl')).toEqual(expect.arrayContaining(['one', 'two', 'seen 2']));
      expect(titlesIn('rotated.jsonl')).toEqual(expect.arrayContaining(['one', 'seen 1']));
    });

    it('keeps all rules as they were when one is broken, and says where', async () => {
      write('one.yml', rule('one', 1));
      write('two.yml', rule('two', port).replace('condition: selection', 'condition: selection and'));
      await hangUp(/RULES_KEPT/);
      expect(program.stderr).toMatch(/two\.yml:8:\d+/);
      await connectFor('seen 3', 'alerts.jsonl');
      expect(titlesIn('alerts.jsonl').slice(-3)).toEqual(expect.arrayContaining(['one', 'two']));
      rmSync(path('two.yml'));
      await hangUp(/RULES_KEPT/);
      expect(program.stderr).toMatch(/two\.yml/);
    });

    it('takes what is mended', async () => {
      write('two.yml', rule('three', port));
      await hangUp(/3 rules are loaded anew/);
      await connectFor('three', 'alerts.jsonl');
      await program.until('the last count', () => (titlesIn('alerts.jsonl').includes('seen 4') ? true : undefined));
      expect(titlesIn('alerts.jsonl').filter((title) => title === 'one')).toHaveLength(2);
      program.signal('SIGINT');
      expect(await program.ended).toBe(0);
    });
  },
);
