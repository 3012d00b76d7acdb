import { describe, expect, it } from 'vitest';
import { limits } from '../../src/core/limits.js';
import { EventRows } from '../../src/sensor/event-rows.js';
import { ProcessImages } from '../../src/sensor/process-images.js';
import type { ProcessRecord, SocketRecord } from '../../src/sensor/ring-record.js';

const process = (kind: ProcessRecord['kind'], pid: number, changes: Partial<ProcessRecord> = {}): ProcessRecord => ({
  kind,
  pid,
  time: 5_500_000,
  uid: 0,
  euid: 0,
  gid: 0,
  egid: 0,
  exitCode: 0,
  ...changes,
});

const connect = (pid: number): SocketRecord => ({
  kind: 'connect',
  pid,
  time: 5_700_000,
  uid: 1000,
  family: 2,
  protocol: 6,
  local: { address: '192.0.2.1', port: 40000 },
  remote: { address: '192.0.2.2', port: 443 },
});

const sh = { path: '/bin/sh', args: 'sh -c curl', cwd: '/', cgroup: '/lxc/a' };
const curl = { path: '/usr/bin/curl', args: 'curl x', cwd: '/tmp' };

describe('rows of events', () => {
  it('show the image of each moment: a child has its parent’s until it executes another', () => {
    const rows = new EventRows('h', 'b', new ProcessImages());
    const told = [
      process('exec', 1, sh),
      process('fork', 2, { parent: 1 }),
      connect(2),
      process('exec', 2, { parent: 1, ...curl }),
      connect(2),
      process('exit', 2, { parent: 1, exitCode: 256 }),
      connect(2),
    ].map((record) => rows.row(record).columns as { path?: string; cmdline?: string; status?: number | string });
    expect(told.map(({ path }) => path)).toEqual([
      sh.path,
      sh.path,
      sh.path,
      curl.path,
      curl.path,
      curl.path,
      undefined,
    ]);
    expect(told[1]).toMatchObject({ cmdline: sh.args, cgroup_path: sh.cgroup, syscall: 'fork', parent: 1 });
    expect(told[5]).toMatchObject({ cmdline: curl.args, syscall: 'exit', status: 256 });
  });

  it('are events of their table’s stream, numbered one by one, and good to a microsecond', () => {
    const rows = new EventRows('h', 'b', new ProcessImages());
    const made = [connect(1), process('fork', 2), connect(1)].map((record) => rows.row(record));
    expect(made.map(({ stream, seq }) => [stream, seq])).toEqual([
      ['socket_events', 0],
      ['process_events', 0],
      ['socket_events', 1],
    ]);
    expect(made[0]).toMatchObject({
      host: 'h',
      boot: 'b',
      action: 'event',
      time: 5_700_000,
      resolution: 1,
      columns: { action: 'connect', status: 'in_progress', uid: 1000, remote_address: '192.0.2.2', time: 5 },
    });
    expect(made[0]?.columns).not.toHaveProperty('socket');
  });

  it('tell since when a datagram may have been taken, at least a microsecond before, where that is in doubt', () => {
    const rows = new EventRows('h', 'b', new ProcessImages());
    const receive: SocketRecord = { ...connect(1), kind: 'receive', protocol: 17 };
    const told = [{ since: 5_600_000 }, { since: receive.time }, {}].map((changes) =>
      rows.row({ ...receive, ...changes }),
    );
    expect(told.map(({ since }) => since)).toEqual([5_600_000, receive.time - 1, undefined]);
  });

  it('forget the process that is known for longest when there are too many', () => {
    const images = new ProcessImages();
    for (let pid = 1; pid <= limits.sensorProcesses + 1; pid++) images.set(pid, sh);
    expect([images.get(1), images.get(2)]).toEqual([undefined, sh]);
  });
});
