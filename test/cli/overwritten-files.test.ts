import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkOverwrittenFiles } from '../../src/cli/overwritten-files.js';

describe('outputs over other files of a run', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  const check = (input: string, ...outputs: string[]) =>
    checkOverwrittenFiles(
      [{ option: '--read', path: input }],
      outputs.map((path, i) => ({ option: `--output-${i}`, path })),
    );

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'overwritten-'));
    writeFileSync(at('traffic.pcap'), 'packets');
    symlinkSync('traffic.pcap', at('symbolic'));
    linkSync(at('traffic.pcap'), at('hard'));
    mkdirSync(at('logs'));
    symlinkSync('logs', at('same-logs'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['traffic.pcap', 'symbolic', 'hard', 'logs/../traffic.pcap'])('are refused over an input: %s', (name) => {
    expect(() => check(at('traffic.pcap'), at(name))).toThrow(
      /of --output-0 is the file of --read, which would be lost/,
    );
  });

  it('are refused over one another, also where that file is not there yet', () => {
    expect(() => check('-', at('out'), at('out'))).toThrow('--output-1 is the file of --output-0');
    expect(() => check('-', at('out'), relative(process.cwd(), at('out')))).toThrow('--output-0');
    expect(() => check('-', at('logs/conn.log'), at('same-logs/conn.log'))).toThrow('--output-0');
    expect(() => check('-', at('none/out'), at('none/out'))).toThrow('--output-0');
  });

  it('may be devices, pipes and standard output, which nobody overwrites', () => {
    expect(() => check('-', '/dev/null', '/dev/null', '-', '-')).not.toThrow();
    expect(() => check('/dev/null', '/dev/null', at('out'), at('other'))).not.toThrow();
  });

  it('may come from an input that cannot be read, of which its reader tells', () => {
    expect(() => check(at('none'), at('out'))).not.toThrow();
    expect(() => check(at('traffic.pcap/x'), at('out'))).not.toThrow();
  });
});
