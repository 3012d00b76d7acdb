import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SECOND } from '../../src/core/time.js';
import { pcapFile } from '../capture/capture-bytes.js';
import { START, TcpScript } from '../conn/traffic.js';
import { correlate, root } from './program.js';

const corpus = join(root, '../shared/corpus/zeek/traces');
const reason = existsSync(corpus) ? '' : ' (skipped: no ../shared/corpus)';
const traffic = (sample: string) => join(root, 'samples', sample, 'traffic.pcap');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'threads-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Everything a run gives with so many threads: lines, logs, codes of warnings. */
function results(threads: '1' | '2', files: readonly string[]) {
  const logs = join(folder, `logs-${threads}`);
  const reads = files.flatMap((file) => ['-r', file]);
  const { status, stdout, log } = correlate([
    ...['--threads', threads, '--connections', '-', '--alerts', join(folder, 'alerts'), '--zeek-logs', logs],
    ...reads,
  ]);
  const zeek = readdirSync(logs).map((name) =>
    readFileSync(join(logs, name), 'utf8').replaceAll(/^#(open|close).*$/gm, ''),
  );
  rmSync(logs, { recursive: true });
  return { status, stdout, zeek, codes: log.map((line) => line.code) };
}

describe('a thread that decodes', () => {
  it('changes nothing in the output', () => {
    const one = results('1', [traffic('desktop')]);
    expect(one.stdout.length).toBeGreaterThan(10_000);
    expect(results('2', [traffic('desktop')])).toEqual(one);
  });

  // The second thread had let go of packets that are all TCP, and the first one looked for the window scale in them.
  it('changes nothing where a SYN has a window scale out of its range', () => {
    const [frame] = new TcpScript().client('S', 0, undefined, 0, 4096, [3, 3, 15, 0]).frames;
    const path = join(folder, 'scale.pcap');
    const { length } = frame!.bytes;
    const headers = Uint32Array.of(0xa1b2c3d4, 0x40002, 0, 0, 65_535, 1, START / SECOND, 0, length, length);
    writeFileSync(path, Buffer.concat([new Uint8Array(headers.buffer), frame!.bytes]));
    const one = results('1', [path]);
    expect(one.status).toBe(0);
    expect(one.zeek.join()).toContain('TCP_scale_range');
    expect(results('2', [path])).toEqual(one);
  });

  it('merges files as one thread does', () => {
    const files = [traffic('desktop'), traffic('intrusion')];
    expect(results('2', files)).toEqual(results('1', files));
  });

  it('merges files of more packets than the thread has memory for at once', () => {
    const large = join(folder, 'large.pcap');
    const made = spawnSync(process.execPath, [join(root, 'test/bench/tcp-traffic.mjs'), '60000', large]);
    expect(made.status).toBe(0);
    const two = results('2', [large, large]);
    expect(two.status).toBe(0);
    expect(two).toEqual(results('1', [large, large]));
  });

  it('changes nothing where it helps with the lines of many connections that are open at the end', () => {
    const packets = Array.from({ length: 40_000 }, (_, i) => {
      const ends = [`192.0.${i >>> 8}.${i & 255}`, '198.51.100.20'] as const;
      const script = new TcpScript([40_000, 80], [1_000, 9_000], ends);
      script.timeUs += i;
      script.client('S', 0);
      // What is missing is told by other code.
      if (i % 999 === 5) script.server('SA', 0, 1).client('A', 1, 1).client('A', 1001, 1, 10).server('A', 1, 1011);
      return script.frames;
    }).flat();
    packets.sort((a, b) => a.timeUs - b.timeUs);
    const path = join(folder, 'open.pcap');
    writeFileSync(
      path,
      pcapFile(packets.map(({ timeUs, bytes }) => ({ timeUs, bytes, wireLen: bytes.length, link: 1 }))),
    );
    const lines = (threads: '1' | '2') => {
      const out = join(folder, 'lines');
      const { status, log } = correlate(['-q', '--threads', threads, '-r', path, '--connections', out]);
      expect([status, log]).toEqual([0, []]);
      return readFileSync(out, 'utf8').split('\n');
    };
    const one = lines('1');
    expect(one.length).toBe(40_001);
    expect(one.filter((line) => line.includes('"missed_bytes":1000,')).length).toBe(41);
    expect(lines('2')).toEqual(one);
  });

  it('tells a torn file, and uses what comes before', () => {
    const bytes = readFileSync(traffic('desktop'));
    const torn = join(folder, 'torn.pcap');
    writeFileSync(torn, bytes.subarray(0, bytes.length - 7));
    const two = results('2', [torn]);
    expect(two.codes).toContain('CAPTURE_TRUNCATED');
    expect(two).toEqual(results('1', [torn]));
  });

  it.each([
    ['a missing file', join(root, 'missing.pcap'), 'CAPTURE_OPEN_FAILED'],
    ['a file of another kind', join(root, 'README.md'), 'CAPTURE_WRONG_MAGIC'],
  ])('ends with the code of %s', (_name, path, code) => {
    const { status, log } = correlate(['--threads', '2', '-r', path]);
    expect(status).toBe(1);
    expect(log.map((line) => line.code)).toContain(code);
  });

  // Tunnels and fragments: what a row has no room for. One run reads them all.
  it.skipIf(reason !== '')(`gives the same for the tunnels and fragments of the corpus${reason}`, () => {
    const names = readdirSync(corpus, { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => /(tunnel|fragment|teredo|vxlan|gre|weird|icmp).*\.pcap(ng)?$/.test(name));
    expect(files.length).toBeGreaterThan(20);
    const paths = files.sort().map((name) => join(corpus, name));
    expect(results('2', paths)).toEqual(results('1', paths));
  });
});
