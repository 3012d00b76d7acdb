import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces } from './namespaces.js';
import { bin, correlate, jsonLines, type Running, root } from './program.js';
import { TestStage } from './stage.js';

interface Line {
  readonly 'id.orig_p': number;
  readonly conn_state: string;
  readonly cause: string;
  readonly orig: { readonly state: string; readonly reason?: string; readonly process?: { readonly pid: number } };
}

const [SHARED, CLIENT, SERVER, ENGINE] = [`${lan}.10`, `${lan}.11`, `${lan}.20`, `${lan}.254`];
const hasNft = spawnSync('nft', ['--version']).status === 0;
const reason = !mayMakeNamespaces ? 'needs root' : hasNft ? undefined : 'nft is missing';

describe.skipIf(reason !== undefined)(
  `a socket that connects, as polls see it${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let stage: TestStage;
    let engine: Running;

    const lines = (port: number): Line[] => {
      const text = readFileSync(stage.path('connections.jsonl'), 'utf8');
      const all = jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as Line[];
      return all.filter((line) => line['id.orig_p'] === port);
    };
    const nft = (host: string, rules: string): void => {
      const [command, ...words] = [...stage.network.on(host), 'nft', rules];
      expect(spawnSync(command!, words, { encoding: 'utf8' }).stderr).toBe('');
    };
    /** A program of the client that connects to the server from a port, once it calls. */
    const connect = async (from: string, port: number) => {
      const script = join(root, 'test/e2e/connecting.py');
      const words = ['python3', script, SERVER, '8000', from, String(port)];
      const program = stage.start([...stage.network.on('client'), ...words], Buffer.alloc(0));
      const isAt = (state: string) => () => program.lines.find(({ text }) => text.includes(`"${state}"`));
      const { pid } = JSON.parse((await program.until('the call', isAt('connecting'))).text) as { pid: number };
      return { program, pid, connected: () => program.until('the connection', isAt('connected')) };
    };

    beforeAll(async () => {
      // The twin has an address of the client too, as if packets of others left in the client's name.
      stage = new TestStage('connecting', {
        client: [`${CLIENT}/24`, `${SHARED}/24`],
        twin: [`${SHARED}/24`],
        server: [`${SERVER}/24`],
      });
      const { network } = stage;
      spawnSync('ip', ['-n', network.bridge, 'address', 'add', `${ENGINE}/24`, 'dev', 'br0']);
      await stage.serve('server', SERVER, 8000, 0.5);
      engine = stage.start([
        ...[...network.onBridge, process.execPath, bin, '-i', 'br0', '-f', 'port 8000', '--no-local-host'],
        ...['--connections', stage.path('connections.jsonl'), '--alerts', '/dev/null'],
        ...['--listen', `${ENGINE}:9443`, '--engine-socket', stage.path('engine.sock')],
      ]);
      await engine.until('the capture', () => (/capturing on br0/.test(engine.stderr) ? true : undefined));
      stage.start([
        ...[...network.on('client'), process.execPath, bin, 'agent', '--server', `ws://${ENGINE}:9443`],
        ...['--host-id', 'client', '--netns', 'self', '--sensor', 'poll'],
      ]);
      const hasJoined = () => {
        const { stdout } = correlate(['hosts', '--engine', stage.path('engine.sock')]);
        return (jsonLines(stdout) as { presence: string }[]).some(({ presence }) => presence === 'joined') || undefined;
      };
      await engine.until('the client', hasJoined);
    });

    afterAll(() => stage?.end());

    it('does not own the answered connection of another host with its endpoints, which its packets never left for', async () => {
      nft('client', `add table ip dark; add chain ip dark out { type filter hook output priority 0; }`);
      nft('client', `add rule ip dark out ip saddr ${SHARED} drop`);
      const { pid } = await connect(SHARED, 40_000);
      // By then the first packet of the call would long have come.
      await sleep(500);
      const url = `http://${SERVER}:8000/`;
      const words = ['curl', '-s', '-o', '/dev/null', '--max-time', '20', '--local-port', '40000', url];
      expect(await stage.start([...stage.network.on('twin'), ...words]).ended).toBe(0);
      const isDecided = ({ cause, orig }: Line) => cause !== 'start' && orig.state !== 'pending';
      const told = await engine.until('its end', () => lines(40_000).find(isDecided));
      expect(told).toMatchObject({ conn_state: 'SF', orig: { state: 'unattributed', reason: 'no_socket_seen' } });
      expect(lines(40_000).filter(({ orig }) => orig.process?.pid === pid)).toEqual([]);
    });

    it('owns its connection, which is answered only when it asks again', async () => {
      nft('server', 'add table ip dark; add chain ip dark in { type filter hook input priority 0; }');
      nft('server', 'add rule ip dark in tcp dport 8000 drop');
      const { pid, program, connected } = await connect(CLIENT, 40_001);
      await engine.until('its first packet', () => lines(40_001)[0]);
      nft('server', 'delete table ip dark');
      await connected();
      const isOwned = ({ orig }: Line) => orig.state === 'attributed';
      const told = await engine.until('its owner', () => lines(40_001).find(isOwned));
      expect(told).toMatchObject({ orig: { method: 'open_socket', process: { pid } } });
      program.child.stdin!.end();
      await program.ended;
    });
  },
);
