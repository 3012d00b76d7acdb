import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Warning } from '../../src/core/warnings.js';
import type { HostRow } from '../../src/records/host-row.js';
import { EbpfSensor } from '../../src/sensor/ebpf-sensor.js';
import { startHostSensor } from '../../src/sensor/host-sensor.js';
import { netlinkAddonBuilt } from '../../src/sensor/netlink-addon.js';
import { obstacle, python, runToEnd, SensorWatch, tcp } from './sensor-watch.js';

const reason = obstacle();

/** How many of these BPF links there are. */
async function linksAmong(ids: readonly string[]): Promise<number> {
  const { told } = await runToEnd([
    ...python(`
import ctypes, json, platform, struct, sys
syscall = ctypes.CDLL(None).syscall; LINK_GET_FD_BY_ID = 30
BPF = {'x86_64': 321, 'aarch64': 280}[platform.machine()]
print(json.dumps({'count': sum(syscall(BPF, LINK_GET_FD_BY_ID, struct.pack('=I124x', int(i)), 128) >= 0 for i in sys.argv[1:])}))`),
    ...ids,
  ]);
  return told.count!;
}

describe.skipIf(reason !== undefined)(
  `the eBPF sensor, from its start to its end${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    const watches: SensorWatch[] = [];
    const start = async () => {
      const watch = await SensorWatch.start();
      watches.push(watch);
      return watch;
    };

    afterEach(async () => {
      for (const watch of watches.splice(0)) await watch.stop();
    });

    it('announces its streams, completes them, and ends with a host_timeout', async () => {
      const watch = await start();
      await runToEnd(python("print('{}')"));
      await watch.stop();
      const [first] = watch.rows;
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      expect(first).toMatchObject({ kind: 'host', host: 'here', boot });
      expect(first?.kind === 'host' && first.streams.map(({ stream }) => stream)).toEqual(
        expect.arrayContaining(['socket_events', 'process_events', 'processes', 'listening_ports']),
      );
      const last = watch.rows.at(-1);
      expect(last).toMatchObject({ kind: 'host_timeout' });
      const at = last?.kind === 'host_timeout' ? last.at : 0;
      for (const stream of ['socket_events', 'process_events']) {
        const complete = watch.rows.filter((row) => row.kind === 'complete' && row.stream === stream);
        const untils = complete.map((row) => (row.kind === 'complete' ? row.until : 0));
        expect(untils).toEqual([...untils].sort((a, b) => a - b));
        expect(untils.at(-1)).toBeGreaterThanOrEqual(at);
      }
      expect(watch.rows.some((row) => row.kind === 'lost')).toBe(false);
      expect(watch.warnings).toEqual([]);
    });

    it('hands over no event that is older than what it had declared complete', async () => {
      const watch = await start();
      for (let i = 0; i < 3; i++) await runToEnd(python(tcp('socket.AF_INET', '127.0.0.1')));
      await watch.stop();
      const late: HostRow[] = [];
      const until = new Map<string, number>();
      for (const row of watch.rows) {
        if (row.kind === 'complete') until.set(row.stream, row.until);
        if (row.kind === 'row' && row.action === 'event' && row.time <= (until.get(row.stream) ?? 0)) late.push(row);
      }
      expect(late).toEqual([]);
    });

    it('leaves nothing in the kernel when it is killed', async () => {
      const addon = process.env.CORRELATE_SENSOR_ADDON ?? new URL('../../build/sensor.node', import.meta.url).pathname;
      const code = `require('${addon}').open(0, 1 << 20); console.log('open'); setInterval(() => {}, 1e6)`;
      const child = spawn(process.execPath, ['-e', code]);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const folder = `/proc/${child.pid}/fdinfo`;
      const links = readdirSync(folder).flatMap(
        (fd) => /^link_id:\s*(\d+)$/m.exec(readFileSync(`${folder}/${fd}`, 'utf8'))?.[1] ?? [],
      );
      expect(links.length).toBeGreaterThan(10);
      expect(await linksAmong(links)).toBe(links.length);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      // The kernel takes them away soon after.
      while ((await linksAmong(links)) > 0);
    });

    it('counts what found the ring full and tells of which time it was', async () => {
      const rows: HostRow[] = [];
      const sensor = EbpfSensor.open({ host: 'here', emit: (more) => rows.push(...more), warn: () => {} }, 4096);
      await sensor.start();
      const before = Date.now() * 1000;
      // While it runs nobody reads the ring.
      spawnSync('sh', ['-c', 'for i in $(seq 100); do /bin/true; done']);
      await sensor.stop();
      const lost = rows.filter((row) => row.kind === 'lost' && row.stream === 'process_events');
      expect(lost).toHaveLength(1);
      const [span] = lost as [HostRow & { kind: 'lost' }];
      expect(span.from).toBeLessThanOrEqual(before);
      expect(span.to).toBeGreaterThan(before);
    });
  },
);

describe('choosing how to watch this host', () => {
  const options = (warnings: Warning[]) => ({
    host: 'here',
    emit: () => {},
    warn: (each: Warning) => warnings.push(each),
  });

  const without = ['CORRELATE_SENSOR_ADDON', 'CORRELATE_NETLINK_ADDON'] as const;
  const given = without.map((name) => process.env[name]);
  afterEach(() => {
    for (const [i, name] of without.entries()) {
      const value = given[i];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  const isRoot = process.getuid?.() === 0;
  const best = isRoot && netlinkAddonBuilt() ? 'netlink' : 'poll';

  it('falls back and says why when eBPF cannot be had, unless eBPF was asked for', async () => {
    process.env.CORRELATE_SENSOR_ADDON = '/nonexistent/sensor.node';
    await expect(startHostSensor('ebpf', options([]))).rejects.toMatchObject({ code: 'SENSOR_NATIVE_MISSING' });
    const warnings: Warning[] = [];
    const sensor = await startHostSensor('auto', options(warnings));
    await sensor.stop();
    expect(sensor.method).toBe(best);
    expect(warnings[0]).toMatchObject({
      code: 'SENSOR_LIMITED',
      message: expect.stringMatching(/^without eBPF .*not built/) as string,
    });
    expect(sensor.degradation).toContain(warnings[0]?.message);
  });

  it('polls /proc and says both reasons when process events cannot be had either', async () => {
    for (const name of without) process.env[name] = '/nonexistent/addon.node';
    const warnings: Warning[] = [];
    const sensor = await startHostSensor('auto', options(warnings));
    await sensor.stop();
    expect(sensor.method).toBe('poll');
    expect(warnings.slice(0, 2).map(({ message }) => message.slice(0, 22))).toEqual([
      'without eBPF (the eBPF',
      'without process events',
    ]);
  });

  it('leaves eBPF alone where polling was asked for', async () => {
    const warnings: Warning[] = [];
    const sensor = await startHostSensor('poll', options(warnings));
    await sensor.stop();
    expect(sensor.method).toBe(best);
    expect(warnings.filter(({ message }) => message.includes('eBPF'))).toEqual([]);
  });
});
