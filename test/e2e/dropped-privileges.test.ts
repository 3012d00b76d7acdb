import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { netlinkAddonBuilt } from '../../src/sensor/netlink-addon.js';
import { sensorAddonBuilt } from '../../src/sensor/sensor-addon.js';
import { lan, mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, jsonLines, Running } from './program.js';

/** What a process of dropped-privileges.py did, and as whom. */
interface Told {
  readonly pid: number;
  readonly uid: number;
  readonly kind?: string;
  readonly end?: 'orig' | 'resp';
  readonly port?: number;
  readonly peer: number;
}

interface End {
  readonly state: string;
  readonly process?: { readonly pid: number; readonly path?: string; readonly ancestors?: readonly object[] };
  readonly user?: { readonly uid: number };
}

interface Line {
  readonly uid: string;
  readonly 'id.orig_p': number;
  readonly orig: End;
  readonly resp: End;
}

const SERVER = `${lan}.20`;
const CONNECTIONS = 4;
/** From one poll of all sockets to the next. */
const POLL_MS = 2000;
const program = fileURLToPath(new URL('./dropped-privileges.py', import.meta.url));
const reason = !mayMakeNamespaces
  ? 'needs root'
  : sensorAddonBuilt() && netlinkAddonBuilt()
    ? undefined
    : 'the sensors are not built';

/** The lines so far; the last one may not be whole. */
function written(file: string): Line[] {
  const text = readFileSync(file, 'utf8');
  return jsonLines(text.slice(0, text.lastIndexOf('\n') + 1)) as Line[];
}

function ownerOf({ end, peer }: Told, lines: readonly Line[]): End | undefined {
  const found = lines.find((line) => line['id.orig_p'] === peer)?.[end!];
  return found?.state === 'attributed' ? found : undefined;
}

async function observe(sensor: string): Promise<{ told: Told[]; lines: Line[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'dropped-'));
  const network = new TestNetwork({ client: [`${lan}.10/24`], server: [`${SERVER}/24`] });
  const running: Running[] = [];
  const start = (command: readonly string[], input?: Buffer): Running => {
    running.push(new Running(command, input));
    return running.at(-1)!;
  };
  const saidBy = ({ lines }: Running) => jsonLines(lines.map(({ text }) => text).join('\n')) as Told[];
  try {
    const serving = start([...network.on('server'), 'python3', program, 'server', SERVER], Buffer.alloc(0));
    const { port } = await serving.until('the server', () => saidBy(serving)[0]);
    const output = join(folder, 'connections.jsonl');
    const flags = ['-i', 'br0', '--sensor', sensor, '--connections', output, '--alerts', '/dev/null'];
    const watcher = start([...network.onBridge, process.execPath, bin, ...flags]);
    await watcher.until('the capture', () => (/capturing on br0/.test(watcher.stderr) ? true : undefined));
    const asking = start(
      [...network.on('client'), 'python3', program, 'client', SERVER, String(port)],
      Buffer.alloc(0),
    );
    const last = (): Line[] => [...new Map(written(output).map((line) => [line.uid, line])).values()];
    const told = (): Told[] => [...saidBy(serving).slice(1), ...saidBy(asking)];
    // How soon polls see a socket depends on how busy the machine is. The server holds its own until all is told.
    const areNamed = () => {
      const calls = told().filter(({ end }) => end === 'orig');
      return calls.length === CONNECTIONS && calls.every((one) => ownerOf(one, last())) ? true : undefined;
    };
    await watcher.until('the owners of who connects', areNamed);
    asking.child.stdin!.end();
    expect(await asking.ended, asking.stderr).toBe(0);
    // Whoever accepted is named at the end, by the polls until then: without one that is complete, a host is late.
    await new Promise((resolve) => setTimeout(resolve, 2 * POLL_MS));
    watcher.signal('SIGINT');
    expect(await watcher.ended, watcher.stderr).toBe(0);
    return { told: told(), lines: last() };
  } finally {
    await Promise.all(running.map((each) => each.stop()));
    network.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(reason !== undefined)(
  `owners that gave root up without an exec${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it.each(['ebpf', 'poll'])(
      'have the user that they were at the call, with --sensor %s',
      async (sensor) => {
        const { told, lines } = await observe(sensor);
        const python = expect.stringMatching(/python3/) as string;
        const shown = told.map((one) => {
          const { kind, end } = one;
          const owner = ownerOf(one, lines);
          return { kind, end, user: owner?.user?.uid, pid: owner?.process?.pid, path: owner?.process?.path };
        });
        expect(shown).toEqual(told.map(({ kind, end, uid, pid }) => ({ kind, end, user: uid, pid, path: python })));
        expect(told.map(({ uid }) => uid).sort()).toEqual([0, ...Array<number>(7).fill(65_534)]);
      },
      120_000,
    );
  },
);
