import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { captureAddonBuilt, openLive } from '../../src/capture/live-source.js';
import { bundleForNode } from './bundle.js';

/** Why no traffic can be captured here, or undefined. */
function reasonToSkip(): string | undefined {
  if (!captureAddonBuilt()) return 'build/capture.node is not built';
  if (process.getuid?.() !== 0) return 'not root';
  if (spawnSync('unshare', ['--net', 'ip', 'link']).status !== 0) return 'no network namespace can be made';
  return undefined;
}

const skipped = reasonToSkip();

describe.skipIf(skipped !== undefined)(`live capture${skipped === undefined ? '' : ` (skipped: ${skipped})`}`, () => {
  let script = '';
  beforeAll(() => {
    script = bundleForNode('live-scenarios');
  });

  /** Runs a scenario in a network namespace that ends with its process. */
  const run = (scenario: string, prefix: readonly string[] = []): Record<string, unknown> => {
    const child = spawnSync('unshare', ['--net', ...prefix, process.execPath, script, scenario], {
      encoding: 'utf8',
      timeout: 40_000,
    });
    expect({ status: child.status, signal: child.signal, stderr: child.stderr }).toEqual({
      status: 0,
      signal: null,
      stderr: '',
    });
    return JSON.parse(child.stdout) as Record<string, unknown>;
  };

  it.each([
    ['count-on-veth', { near: 0, far: expect.any(Number) }],
    ['in-memory-of-webassembly', { near: expect.any(Number), far: 0 }],
  ])('hands over every packet that came before it was closed, in order, with its bytes (%s)', (scenario, places) => {
    const result = run(scenario);
    expect(result).toMatchObject({ sent: 30_000, inOrder: true, timesRise: true, linkTypes: [1], ...places });
    const { packets, bytes, stats } = result as { packets: number; bytes: number; stats: Record<string, number> };
    expect(stats).toMatchObject({ packets, bytes, engineDrops: 0 });
    expect(packets + stats.kernelDrops!).toBe(30_000);
    expect(result.readBytes).toBe(bytes);
  });

  it('leaves packets to the kernel, which counts its drops, while no batch is free', () => {
    const { sent, packets, stats } = run('slow-consumer') as {
      sent: number;
      packets: number;
      stats: Record<string, number>;
    };
    expect(sent).toBe(100_000);
    expect(stats.kernelDrops).toBeGreaterThan(0);
    expect(packets + stats.kernelDrops! + stats.engineDrops!).toBe(sent);
  });

  it('gives only what the filter lets through, cut to the snap length', () => {
    expect(run('filter-on-loopback')).toMatchObject({ sent: 700, packets: 700, bytes: 700 * 60, cutTo: 60 });
  });

  it('captures on any interface in Linux cooked form', () => {
    expect(run('any-interface')).toMatchObject({ sent: 100, packets: 100, linkTypes: [113] });
  });

  it('ends a waiting read when it is closed', () => {
    expect(run('close-while-waiting')).toMatchObject({ after: true });
  });

  it('gives an empty batch with the time while nothing comes', () => {
    const { count, captureTimeUs, now } = run('idle-interface') as Record<string, number>;
    expect(count).toBe(0);
    expect(Math.abs(captureTimeUs! - now!)).toBeLessThan(60_000_000);
  });

  it('tells when the interface goes away', () => {
    expect(run('interface-lost')).toMatchObject({ code: 'CAPTURE_INTERFACE_LOST' });
  });

  it('goes on when the interface was down for a while', () => {
    expect(run('interface-down-and-up')).toMatchObject({ sent: 20, packets: 20 });
  });

  it('refuses an unknown interface, a bad filter and impossible sizes by code', () => {
    expect(run('refusals')).toMatchObject({
      unknown: { code: 'CAPTURE_NO_INTERFACE' },
      filter: { code: 'CAPTURE_BAD_FILTER', message: expect.stringContaining('syntax error') },
      snaplen: { code: 'USAGE' },
      ring: { code: 'USAGE' },
    });
  });

  it('keeps every packet in its place whatever sizes, settings and moments of closing', () => {
    const { captures, packets, sent } = run('random-settings') as Record<string, number>;
    expect(captures).toBeGreaterThanOrEqual(12);
    expect(packets).toBeGreaterThan(0);
    expect(sent).toBeGreaterThan(0);
  });

  it('answers to any filter', () => {
    const { compiled, refused } = run('random-filters') as Record<string, number>;
    expect(compiled).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(1_000);
  });

  it('names the capability that a user without it needs', () => {
    expect(run('refused', ['setpriv', '--bounding-set=-net_raw'])).toMatchObject({
      code: 'CAPTURE_PERMISSION',
      message: expect.stringContaining('cap_net_raw'),
    });
  });

  it('ends with a worker thread that is terminated', () => {
    expect(run('worker-terminated')).toEqual({ terminated: 10 });
  });

  it('ends with the process', () => {
    expect(run('exit-while-capturing')).toEqual({ open: true });
  });
});

describe('live capture without its addon', () => {
  it('says what to run', async () => {
    const before = process.env.CORRELATE_CAPTURE_ADDON;
    process.env.CORRELATE_CAPTURE_ADDON = '/nonexistent/capture.node';
    try {
      await expect(openLive({ interface: 'lo' })).rejects.toMatchObject({
        code: 'CAPTURE_NATIVE_MISSING',
        message: expect.stringContaining('node scripts/build-native.mjs'),
      });
    } finally {
      if (before === undefined) delete process.env.CORRELATE_CAPTURE_ADDON;
      else process.env.CORRELATE_CAPTURE_ADDON = before;
    }
  });
});
