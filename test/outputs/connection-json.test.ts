import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { connectionLine, endJsonObject } from '../../src/outputs/connection-json.js';
import type { End } from '../../src/records/attributed-connection.js';
import { attributed, connection, curl } from './attributed-example.js';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/schemas/attributed-connection.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ strict: false }).compile(schema);

const { state: _, ...owner } = curl;
const ends: readonly [string, End][] = [
  ['attributed', curl],
  [
    'ambiguous',
    {
      state: 'ambiguous',
      candidates: [
        { ...owner, from: 1_700_000_000_000_001, tie: 'same port, both open' },
        { ...owner, to: 1_700_000_000_000_002, tie: 'same port, both open' },
      ],
    },
  ],
  ['pending', { state: 'pending' }],
  ['unattributed', { state: 'unattributed', reason: 'no_socket_seen', host: { id: 'web-1' } }],
];

describe('connection lines', () => {
  it.each(ends)('follow the published schema when an end is %s', (_name, end) => {
    const line = JSON.parse(connectionLine(attributed({ orig: end, resp: end }))) as unknown;
    expect(validate(line), JSON.stringify(validate.errors)).toBe(true);
  });

  it('would fail the schema with an undocumented field', () => {
    const line = JSON.parse(connectionLine(attributed())) as Record<string, unknown>;
    expect(validate({ ...line, invented: 1 })).toBe(false);
  });

  it('print times as epoch seconds from the integer, in the connection and in its ends', () => {
    const line = connectionLine(attributed());
    expect(line).toContain('"ts":1700000000.000123,');
    expect(line).toContain('"duration":0.200000,');
    expect(line).toContain('"offset":0.012000,"err":0.003000');
    expect(line).toContain('"start":1699999999.900000');
    expect(line).toContain('"start":1699999990.000001');
  });

  it('name the tunnels that a connection came through', () => {
    const line = connectionLine({ ...attributed(), connection: { ...connection, tunnel_parents: ['CA', 'CB'] } });
    expect(JSON.parse(line)).toMatchObject({ tunnel_parents: ['CA', 'CB'] });
  });

  it('leave out what is unknown', () => {
    const { duration, orig_bytes, resp_bytes, history, community_id, ...rest } = connection;
    const line = connectionLine({ ...attributed(), connection: rest });
    expect([duration, orig_bytes, resp_bytes, history, community_id]).not.toContain(undefined);
    for (const name of ['duration', 'orig_bytes', 'resp_bytes', 'history', 'community_id', 'service', 'vlan', 'null']) {
      expect(line).not.toContain(name);
    }
  });

  it('keep evidence rows to themselves', () => {
    const line = connectionLine(attributed({ orig: { ...curl, evidence: [] } }));
    expect(line).not.toContain('evidence');
  });

  it('show long command lines in part, with the size of the whole', () => {
    const cmdline = `é${'x'.repeat(8_190)}😀${'y'.repeat(100_000)}`;
    const ancestors = [1, 2, 3].map((pid) => ({ pid, cmdline }));
    const long: End = { ...curl, process: { ...curl.process, cmdline, ancestors } };
    const whole = { cmdline: cmdline.slice(0, 8_191), cmdline_size: 108_196 };
    const expected = [whole, whole, ...[1, 2].map(() => ({ cmdline: cmdline.slice(0, 1_024), cmdline_size: 108_196 }))];
    const text = connectionLine(attributed({ orig: long, resp: { ...long, process: { ...long.process, pid: 7 } } }));
    const line = JSON.parse(text) as Record<'orig' | 'resp', { process: NonNullable<typeof long.process> }>;
    expect(validate(line), JSON.stringify(validate.errors)).toBe(true);
    for (const { process } of [line.orig, line.resp]) {
      const shown = [process, ...process.ancestors!].map((image) => [image.cmdline, image.cmdline_size]);
      expect(shown).toEqual(expected.map((image) => [image.cmdline, image.cmdline_size]));
    }
    const exact = { ...curl, process: { ...curl.process, cmdline: 'x'.repeat(8_192) } };
    expect(endJsonObject(exact)).toMatchObject({ process: { cmdline: exact.process.cmdline } });
    expect(endJsonObject(exact)).not.toHaveProperty('process.cmdline_size');
  });

  it('say of a process that many connections share what they say of one that is told once', () => {
    const process = { ...curl.process, cmdline: 'grün "x"', cwd: '/' };
    const shared = { ...curl, process, container: { id: 'c1' } };
    const expected = JSON.stringify(endJsonObject(shared));
    const parsed = (line: string): string => JSON.stringify((JSON.parse(line) as { orig: object }).orig);
    const lines = [1, 2, 3].map(() => connectionLine(attributed({ orig: shared })));
    expect(new Set(lines).size).toBe(1);
    expect(parsed(lines[0]!)).toBe(expected);
    const other = { ...shared, host: { id: 'desk-2' }, process: { ...process, pid: 124 } };
    expect(parsed(connectionLine(attributed({ orig: other })))).toBe(JSON.stringify(endJsonObject(other)));
    // More of them than are remembered.
    for (let n = 0; n < 40; n++) {
      const long = { ...shared, process: { ...process, pid: n + 1, cwd: 'x'.repeat(1_000_000) } };
      expect(connectionLine(attributed({ orig: long }))).toContain(`"process":{"pid":${n + 1},`);
    }
    expect(connectionLine(attributed({ orig: shared }))).toBe(lines[0]);
  });
});
