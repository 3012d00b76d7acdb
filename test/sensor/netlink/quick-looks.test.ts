import { describe, expect, it } from 'vitest';
import type { HeldSocket } from '../../../src/sensor/netlink/held-socket.js';
import { QuickLooks } from '../../../src/sensor/netlink/quick-looks.js';

const socket: HeldSocket = {
  inode: 70,
  fd: 3,
  family: 2,
  protocol: 6,
  local_address: '192.0.2.10',
  local_port: 40_000,
  remote_address: '192.0.2.20',
  remote_port: 443,
  state: 'ESTABLISHED',
};
const connecting: HeldSocket = { ...socket, state: 'SYN_SENT' };
const peerless: HeldSocket = { ...connecting, remote_address: '0.0.0.0', remote_port: 0 };

/** What is told of a process whose sockets are these, one look after the other, a second apart. */
function told(looks: readonly (readonly HeldSocket[])[]): string[] {
  let look = 0;
  const quick = new QuickLooks({
    host: 'web',
    boot: undefined,
    socketsOf: () => looks[look],
    namespaceOf: () => '1',
    cpuShare: 1,
  });
  const out: string[] = [];
  quick.begin(30, undefined, 0);
  for (; look < looks.length; look++) {
    for (const row of quick.look(1_000 * (look + 1))) {
      if (row.kind !== 'row' || row.table !== 'process_open_sockets') continue;
      out.push(`${look} ${row.action} ${row.columns.state} ${row.columns.remote_port}`);
    }
  }
  return out;
}

describe('quick looks at the sockets of a process', () => {
  it('tell when a socket that waited for an answer has it', () => {
    expect(told([[connecting], [connecting], [socket], []])).toEqual([
      '0 added SYN_SENT 443',
      '2 removed SYN_SENT 443',
      '2 added ESTABLISHED 443',
      '3 removed ESTABLISHED 443',
    ]);
  });

  it('tell of no other change of state', () => {
    expect(told([[socket], [{ ...socket, state: 'CLOSE_WAIT' }], []])).toEqual([
      '0 added ESTABLISHED 443',
      '2 removed ESTABLISHED 443',
    ]);
  });

  it('take a socket that waits for an answer for the same where a look does not show its peer', () => {
    expect(told([[peerless], [connecting], [peerless], [connecting], [peerless], [socket]])).toEqual([
      '1 added SYN_SENT 443',
      '5 removed SYN_SENT 443',
      '5 added ESTABLISHED 443',
    ]);
  });

  it('tell of another peer that it asks after the first', () => {
    expect(told([[connecting], [peerless], [{ ...connecting, remote_port: 444 }], [peerless]])).toEqual([
      '0 added SYN_SENT 443',
      '2 removed SYN_SENT 443',
      '2 added SYN_SENT 444',
    ]);
  });

  it('tell of the namespace that the process is in when its socket is seen', () => {
    let [netns, sockets] = ['1', [] as HeldSocket[]];
    const quick = new QuickLooks({
      ...{ host: 'web', boot: undefined, cpuShare: 1 },
      socketsOf: () => sockets,
      namespaceOf: () => netns,
    });
    quick.begin(30, undefined, 0);
    expect(quick.look(1_000)).toEqual([]);
    [netns, sockets] = ['2', [socket]];
    expect(quick.look(2_000)).toMatchObject([{ columns: { pid: 30, net_namespace: '2' } }]);
  });
});
