import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bin, correlate, jsonLines, Running, root } from './program.js';

const sample = (name: string, file: string) => join(root, 'samples', name, file);

describe('the end of a run', () => {
  it('by SIGINT while a capture is still being read reports what is open and exits with 0', async () => {
    const traffic = readFileSync(sample('desktop', 'traffic.pcap'));
    // Half of the file, from a pipe that stays open: the reader waits for more, and connections are open.
    const program = new Running(
      [process.execPath, bin, '-r', '-', '--connections', '-', '--alerts', '/dev/null'],
      traffic.subarray(0, traffic.length / 2),
    );
    // It is more than what waits between two programs, so that some of it was read once all is written.
    await program.until('the reader', () => (program.child.stdin!.writableLength === 0 ? true : undefined));
    program.signal('SIGINT');
    expect(await program.ended).toBe(0);
    const lines = program.lines.map(({ text }) => JSON.parse(text) as { orig_pkts: number });
    expect(lines.length).toBeGreaterThan(10);
    expect(jsonLines(program.stderr).at(-1)).toMatchObject({ msg: expect.stringContaining('connections') as string });
  });

  it.each([
    ['intrusion', 'high', 3],
    ['intrusion', 'critical', 0],
    ['desktop', 'medium', 0],
  ])('%s with --fail-on-alert %s exits with %d', (name, level, code) => {
    const files = ['-r', sample(name, 'traffic.pcap'), '--host-log', sample(name, 'host.log')];
    const { status } = correlate([...files, '--rules', 'rules/', '--alerts', '/dev/null', '--fail-on-alert', level]);
    expect(status).toBe(code);
  });
});
