import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lan, mayMakeNamespaces, TestNetwork } from './namespaces.js';
import { bin, jsonLines, Running } from './program.js';

describe.skipIf(!mayMakeNamespaces)('several interfaces (needs root)', () => {
  let folder = '';
  let network: TestNetwork;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'interfaces-'));
    network = new TestNetwork({ left: [`${lan}.10/24`], right: [`${lan}.20/24`] });
  });
  afterAll(() => {
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['a bridge and one of its ports', ['-i', 'br0', '-i', 'v-left'], 2],
    ['both ports of a bridge', ['-i', 'v-left', '-i', 'v-right'], 2],
    ['one port', ['-i', 'v-left'], 1],
    ['any, which has both ports', ['-i', 'any'], 2],
  ])('count a datagram as often as it is seen: %s', async (_, interfaces, times) => {
    const file = join(folder, `${interfaces.join('')}.jsonl`);
    const program = new Running([
      ...network.onBridge,
      ...[process.execPath, bin, ...interfaces, '--no-local-host', '--json-log', '--final-only'],
      ...['--connections', file, '--alerts', '/dev/null'],
    ]);
    try {
      await program.until('the start', () => program.stderr.includes('capturing on') || undefined);
      const script = `require('dgram').createSocket('udp4').send('x', 4000, '${lan}.20', () => process.exit())`;
      await new Running([...network.on('left'), process.execPath, '-e', script]).ended;
      await new Promise((resolve) => setTimeout(resolve, 300));
      program.signal('SIGINT');
      expect(await program.ended).toBe(0);
    } finally {
      await program.stop();
    }
    const lines = jsonLines(readFileSync(file, 'utf8')) as { 'id.resp_p': number; orig_pkts: number }[];
    const datagrams = lines.filter((line) => line['id.resp_p'] === 4000);
    expect(datagrams.map((line) => line.orig_pkts)).toEqual([times]);
  });
});
