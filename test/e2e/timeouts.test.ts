import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SECOND } from '../../src/core/time.js';
import { pcapFile } from '../capture/capture-bytes.js';
import { TcpScript } from '../conn/traffic.js';
import { correlate, jsonLines } from './program.js';

const folder = mkdtempSync(join(tmpdir(), 'correlate-timeouts-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('--timeouts', () => {
  const capture = join(folder, 'idle.pcap');
  const timeouts = join(folder, 'timeouts.yaml');
  const script = new TcpScript()
    .handshake()
    .wait(20 * SECOND)
    .client('PA', 1, 1, 5);
  writeFileSync(capture, pcapFile(script.frames));
  const arguments_ = ['-r', capture, '--connections', '-', '--alerts', '/dev/null', '--json-log'];

  it('changes when connections end', () => {
    const lines = (args: readonly string[]): number => jsonLines(correlate(args).stdout).length;
    writeFileSync(timeouts, 'tcp_inactivity_timeout: 10\n');
    expect(lines(arguments_)).toBe(1);
    expect(lines([...arguments_, '--timeouts', timeouts])).toBe(2);
  });

  it('ends with 2 and the place when the file is not right', () => {
    writeFileSync(timeouts, 'tcp_inactivity_timeout: 10\ntcp_inactivity: 5\n');
    const { status, log } = correlate([...arguments_, '--timeouts', timeouts]);
    expect([status, log[0]?.code]).toEqual([2, 'CONFIG_MALFORMED']);
    expect(log[0]?.msg).toContain(`${timeouts}:2:1: there is no timeout tcp_inactivity;`);
  });
});
