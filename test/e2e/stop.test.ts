import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { bin, correlate, jsonLines, Running, root } from './program.js';

const sample = (name: string, file: string) => join(root, 'samples', name, file);

const folder = mkdtempSync(join(tmpdir(), 'correlate-stop-'));
const pipe = join(folder, 'pipe');
spawnSync('mkfifo', [pipe]);
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether a process has functions of its own for signals: for SIGHUP, the first one, which Node.js leaves alone. */
function takesSignals(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (BigInt(`0x${caught ?? '0'}`) & 1n) !== 0n;
}

describe('the end of a run', () => {
  const traffic = ['-r', sample('desktop', 'traffic.pcap')];
  it.each([
    ['a host log goes no further', [...traffic, '--host-log', '-'], readFileSync(sample('desktop', 'host.log'))],
    ['a host log has no line yet', [...traffic, '--host-log', '-'], Buffer.alloc(0)],
    ['nobody writes to the pipe that is a host log', [...traffic, '--host-log', pipe], Buffer.alloc(0)],
    ['a capture has not begun', ['-r', '-'], Buffer.alloc(0)],
    ['nobody writes to the pipe that is a capture', ['-r', pipe], Buffer.alloc(0)],
    ['a second capture has not begun', [...traffic, '-r', pipe, '--threads', '2'], Buffer.alloc(0)],
  ])('comes with SIGINT while %s', async (_, options, input) => {
    const program = new Running([process.execPath, bin, ...options, '--alerts', '/dev/null'], input);
    onTestFinished(() => program.stop());
    await program.until('its hold of signals', () => (takesSignals(program.child.pid!) ? true : undefined));
    program.signal('SIGINT');
    expect([await program.ended, program.child.signalCode]).toEqual([0, null]);
  });

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
