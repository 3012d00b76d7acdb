import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSeconds } from '../../src/core/time.js';
import { LineBuffer } from '../../src/outputs/line-buffer.js';
import { writeProcess } from '../../src/outputs/process-json.js';
import { shownCommandLine, shownElderCommandLine } from '../../src/outputs/shown-command-line.js';
import type { Process } from '../../src/records/attributed-connection.js';

function written(process: Process): string {
  const line = new LineBuffer();
  writeProcess(line, process);
  return line.toString();
}

/** What is written: times as epoch seconds, of which a number keeps six digits, and of long command lines a part. */
function expected({ start, cmdline, ancestors, ...rest }: Process): unknown {
  const time = (us: number | undefined) => (us === undefined ? {} : { start: Number(formatSeconds(us)) });
  const elders = ancestors?.map(({ start: from, cmdline: of, ...one }, i) => {
    const shown = i === 0 ? shownCommandLine(of) : shownElderCommandLine(of);
    return { ...one, ...time(from), ...shown };
  });
  return { ...rest, ...time(start), ...shownCommandLine(cmdline), ...(elders && { ancestors: elders }) };
}

const text = fc.string({ unit: 'binary-ascii' });
const image = {
  pid: fc.nat(),
  start: fc.integer({ min: 0, max: 2e15 }),
  name: text,
  path: text,
  cmdline: fc.oneof(text, fc.constant('ä'.repeat(3_000))),
};
const process = fc.record(
  {
    ...image,
    cwd: text,
    sha256: text,
    ancestors: fc.array(fc.record(image, { requiredKeys: ['pid'] }), { maxLength: 4 }),
  },
  { requiredKeys: ['pid'] },
);

describe('a process as JSON', () => {
  it('has what is known of it, and no more', () => {
    fc.assert(
      fc.property(process, (one) => {
        expect(JSON.parse(written(one))).toEqual(expected(one));
      }),
    );
  });

  it('has its fields in the order of the schema', () => {
    const ancestors = [{ pid: 1, name: 'init' }, { pid: 0 }];
    const curl = {
      ancestors,
      cwd: '/',
      cmdline: 'curl -s',
      path: '/usr/bin/curl',
      name: 'curl',
      start: 1_500_000,
      pid: 7,
    };
    expect(written(curl)).toBe(
      '{"pid":7,"start":1.500000,"name":"curl","path":"/usr/bin/curl","cmdline":"curl -s","cwd":"/","ancestors":[{"pid":1,"name":"init"},{"pid":0}]}',
    );
  });
});
