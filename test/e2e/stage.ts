import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { TestNetwork } from './namespaces.js';
import { bin, Running, root } from './program.js';

const CLOCK_DOUBT_MS = 2500;

/** Hosts in namespaces, a folder, and the programs that a test starts; `end` takes all of it down. */
export class TestStage {
  readonly folder: string;
  readonly network: TestNetwork;
  readonly #programs: Running[] = [];

  /** `hosts`: as of TestNetwork. */
  constructor(name: string, hosts: Readonly<Record<string, readonly string[]>>) {
    this.folder = mkdtempSync(join(tmpdir(), `${name}-`));
    this.network = new TestNetwork(hosts);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file into the folder and gives its path. */
  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  /** `input`: as of Running. */
  start(command: readonly string[], input?: Buffer): Running {
    const program = new Running(command, input);
    this.#programs.push(program);
    return program;
  }

  /** A web server on a host whose pages of 5,000 bytes take this many seconds. Resolves when it listens. */
  async serve(host: string, address: string, port: number, seconds = 0): Promise<Running> {
    const script = join(root, 'test/e2e/web-server.py');
    const server = this.start([...this.network.on(host), 'python3', script, address, String(port), String(seconds)]);
    await server.until('the web server', () => server.lines.find(({ text }) => text === 'ready'));
    return server;
  }

  /**
   * What a host sees, or the whole machine without one, is recorded and the bridge captured while `traffic` runs. Resolves with both files.
   * Nothing tells how their clocks stand, so the recording is longer than the traffic by what clocks are trusted with.
   */
  async record(traffic: () => Promise<void>, host?: string): Promise<{ recording: string; capture: string }> {
    const [recording, capture] = [this.path('host.jsonl'), this.path('traffic.pcap')];
    const where = host === undefined ? [] : this.network.on(host);
    const recorder = this.start([...where, process.execPath, bin, 'record', recording]);
    await recorder.until('the recording', () => (/recording into/.test(recorder.stderr) ? true : undefined));
    const { onBridge } = this.network;
    const tcpdump = this.start([...onBridge, 'tcpdump', '--immediate-mode', '-i', 'br0', '-U', '-w', capture]);
    await tcpdump.until('the capture', () => (/listening on/.test(tcpdump.stderr) ? true : undefined));
    await setTimeout(CLOCK_DOUBT_MS);
    await traffic();
    await setTimeout(CLOCK_DOUBT_MS);
    tcpdump.signal('SIGINT');
    await tcpdump.ended;
    recorder.signal('SIGTERM');
    const code = await recorder.ended;
    if (code !== 0) throw new Error(`the recording ended with ${code}: ${recorder.stderr}`);
    return { recording, capture };
  }

  async end(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop()));
    this.network.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
