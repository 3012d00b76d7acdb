import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { correlate, jsonLines } from './program.js';

const files = ['-r', 'samples/intrusion/traffic.pcap', '--host-log', 'samples/intrusion/host.log'];

interface Line {
  readonly uid: string;
  readonly ts: number;
  readonly [name: string]: unknown;
}

describe('correlate explain', () => {
  const path = join(tmpdir(), `explain-${process.pid}.jsonl`);
  correlate(['-q', ...files, '--alerts', '/dev/null', '--connections', path]);
  const lines = jsonLines(readFileSync(path, 'utf8')) as Line[];
  rmSync(path);
  const ssh = lines.find((line) => line['id.resp_p'] === 22)!;
  const ends = ['orig', 'resp'].map((end) => `${ssh[`id.${end}_h`]}:${ssh[`id.${end}_p`]}`);

  it('finds a connection by its uid, or by its endpoints in either order and a time', () => {
    const uids = (...what: string[]) => {
      const { status, stdout } = correlate(['explain', ...what, ...files, '--json']);
      return status === 0 ? (jsonLines(stdout) as Line[]).map(({ uid }) => uid) : status;
    };
    expect(uids(ssh.uid)).toEqual([ssh.uid]);
    expect(uids(ends[1]!, ends[0]!, '--proto', 'tcp', '--at', String(ssh.ts))).toEqual([ssh.uid]);
    expect(uids(...ends, '--at', new Date(ssh.ts * 1000).toISOString())).toEqual([ssh.uid]);
    expect(uids(...ends, '--at', String(ssh.ts - 60))).toBe(1);
    expect(uids(...ends, '--proto', 'udp')).toBe(1);
  });

  it('tells a person who was considered', () => {
    const { stdout } = correlate(['explain', ssh.uid, ...files]);
    expect(stdout).toContain(`${ssh.uid}: tcp from ${ends[0]} to ${ends[1]} at `);
    expect(stdout).toMatch(/responder: sshd\[\d+\] root@web-1 by accept_event/);
  });

  it('ends with a code when there is no such connection, or not enough to read', () => {
    const { status, log } = correlate(['explain', 'Cnone', ...files]);
    expect([status, log.at(-1)?.code]).toEqual([1, 'CONNECTION_ABSENT']);
    expect(correlate(['explain', ssh.uid, ...files.slice(0, 2)]).status).toBe(2);
    const unasked = correlate(['explain', ssh.uid, '--engine', join(tmpdir(), 'no-engine')]);
    expect([unasked.status, unasked.log.at(-1)?.code]).toEqual([1, 'ENGINE_UNREACHABLE']);
    expect(correlate(['explain', 'nonsense', 'nonsense', ...files]).status).toBe(2);
  });
});
