import { createServer, connect as dial, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Warning } from '../../src/core/warnings.js';
import type { AnyTableRow, HostRow } from '../../src/records/host-row.js';
import { heldSockets } from '../../src/sensor/netlink/held-socket.js';
import { SocketDumps } from '../../src/sensor/netlink/socket-dump.js';
import { loadNetlinkAddon, netlinkAddonBuilt } from '../../src/sensor/netlink-addon.js';
import { NetlinkSensor } from '../../src/sensor/netlink-sensor.js';
import { ProcFiles } from '../../src/sensor/proc-files.js';
import { parseSocketTable, socketFiles } from '../../src/sensor/socket-table.js';
import { python, runToEnd, tcp } from './sensor-watch.js';

const reason =
  process.getuid?.() !== 0 ? 'needs root' : netlinkAddonBuilt() ? undefined : 'build/netlink.node is missing';

describe.skipIf(reason !== undefined)(
  `the netlink sensor${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const cleanups: (() => unknown)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    const watch = async () => {
      const rows: HostRow[] = [];
      const warnings: Warning[] = [];
      const emit = (more: HostRow[]): void => {
        rows.push(...more);
      };
      const sensor = NetlinkSensor.open({ host: 'here', emit, warn: (warning) => warnings.push(warning) });
      await sensor.start();
      let isStopped = false;
      const stop = async () => {
        if (!isStopped) await sensor.stop();
        isStopped = true;
      };
      cleanups.push(stop);
      const of = (pid: number) =>
        rows.filter((row): row is AnyTableRow => row.kind === 'row' && (row.columns as { pid?: number }).pid === pid);
      return { rows, warnings, stop, of };
    };

    it('tells of processes that are gone before a poll: fork, program, arguments, user and exit', async () => {
      const { of, rows, stop } = await watch();
      const { pid: launcher, told } = await runToEnd(
        python(`
import json, subprocess
children = [subprocess.Popen(['sleep', '0.4%d5' % (5 + i % 3)], user=1000 + i, group=1000) for i in range(20)]
for child in children: child.wait()
print(json.dumps({str(i): child.pid for i, child in enumerate(children)}))`),
      );
      await stop();
      for (let i = 0; i < 20; i++) {
        const events = of(told[i]!).filter(({ table }) => table === 'process_events');
        const [fork, exec, exit] = ['fork', 'execve', 'exit'].map((call) =>
          events.find(({ columns }) => (columns as { syscall?: string }).syscall === call),
        );
        expect(fork?.columns).toMatchObject({ parent: launcher });
        expect(exec?.columns).toMatchObject({
          uid: 1000 + i,
          gid: 1000,
          path: expect.stringMatching(/sleep$/) as string,
        });
        expect(exec?.columns).toMatchObject({ cmdline: `sleep 0.4${5 + (i % 3)}5` });
        expect(exit!.time).toBeGreaterThanOrEqual(exec!.time);
      }
      const until = rows.findLast((row) => row.kind === 'complete' && row.stream === 'process_events');
      expect(until).toBeDefined();
      expect(rows.at(-1)).toMatchObject({ kind: 'host_timeout' });
    });

    it('sees the sockets of a process that has just begun, and that they are gone when it ends', async () => {
      const { of, stop } = await watch();
      const code = `${tcp('socket.AF_INET', '127.0.0.1').replace('print(json', 'import time; time.sleep(0.9); print(json')}`;
      const { pid, told } = await runToEnd(python(code));
      await stop();
      const sockets = of(pid).filter(({ stream }) => stream === 'process_open_sockets_quick');
      const client = sockets.filter(({ columns }) => (columns as { local_port?: number }).local_port === told.client);
      expect(client.map(({ action }) => action)).toEqual(['added', 'removed']);
      expect(client[0]!.columns).toMatchObject({ remote_port: told.server, remote_address: '127.0.0.1', protocol: 6 });
      // Absent where the process took so long to begin that it was left to the polls.
      expect(client[0]!.since ?? 0).toBeLessThanOrEqual(client[0]!.time);
    });
  },
);

describe.skipIf(!netlinkAddonBuilt())('sock_diag (skipped without build/netlink.node)', () => {
  it('tells of the sockets that /proc/net lists, and a descriptor of its socket', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const client = dial(port, '127.0.0.1');
    const other = await accepted;
    try {
      const addon = loadNetlinkAddon();
      const isOurs = ({ local_port, remote_port }: { local_port: number; remote_port: number }) =>
        local_port === port || remote_port === port;
      const file = socketFiles[0];
      const dumped = new SocketDumps(addon).read(0, file, 100_000)!.sockets.filter(isOurs);
      const text = new ProcFiles().text('/proc/self/net/tcp')!;
      const listed = parseSocketTable(text, file, 100_000).sockets.filter(isOurs);
      const inOrder = (sockets: typeof dumped) => [...sockets].sort((a, b) => a.inode - b.inode);
      expect(inOrder(dumped)).toEqual(inOrder([...listed]));
      expect(dumped).toHaveLength(3);
      if (process.getuid?.() !== 0) return;
      const held = heldSockets(addon, process.pid)!.filter(isOurs);
      expect(inOrder(held.map(({ fd: _, ...socket }) => socket))).toEqual(inOrder(dumped));
    } finally {
      client.destroy();
      other.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
