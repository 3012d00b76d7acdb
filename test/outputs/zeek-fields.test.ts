import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonWriter, tsvFooter, tsvHeader, tsvWriter, type ZeekField } from '../../src/outputs/zeek-fields.js';
import { readZeekLog } from './zeek-reader.js';

interface Everything {
  readonly ts?: number;
  readonly took?: number;
  readonly text?: string;
  readonly address?: string;
  readonly port?: number;
  readonly kind?: string;
  readonly yes?: boolean;
  readonly count?: number;
  readonly number?: number;
  readonly members?: readonly string[];
}

const fields: readonly ZeekField<Everything>[] = [
  { name: 'ts', type: 'time', description: '', of: (r) => r.ts },
  { name: 'took', type: 'interval', description: '', of: (r) => r.took },
  { name: 'text', type: 'string', description: '', of: (r) => r.text },
  { name: 'address', type: 'addr', description: '', of: (r) => r.address },
  { name: 'port', type: 'port', description: '', of: (r) => r.port },
  { name: 'kind', type: 'enum', description: '', of: (r) => r.kind },
  { name: 'yes', type: 'bool', description: '', of: (r) => r.yes },
  { name: 'count', type: 'count', description: '', of: (r) => r.count },
  { name: 'number', type: 'int', description: '', of: (r) => r.number },
  { name: 'members', type: 'set[string]', description: '', of: (r) => r.members },
];

const text = fields.filter(({ name }) => name === 'text');
const members = fields.filter(({ name }) => name === 'members');
const opened = 1_700_000_000_999_999;

const record: fc.Arbitrary<Everything> = fc.record(
  {
    ts: fc.integer({ min: 0, max: 4_000_000_000_000_000 }),
    took: fc.integer({ min: -1e12, max: 1e12 }),
    text: fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('-', '(empty)', '', '\\x41', '\\', 'a\tb', '#fields'),
    ),
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.nat(65_535),
    kind: fc.constantFrom('tcp', 'udp'),
    yes: fc.boolean(),
    count: fc.maxSafeNat(),
    number: fc.maxSafeInteger(),
    // Zeek itself writes a set of one empty text as it writes the empty set.
    members: fc.array(fc.string({ unit: 'binary' })).filter((list) => list.length !== 1 || list[0] !== ''),
  },
  { requiredKeys: [] },
);

describe('a TSV line', () => {
  it.each([
    ['plain text', 'plain text'],
    ['', '(empty)'],
    ['-', '\\x2d'],
    ['--', '--'],
    ['(empty)', '\\x28empty)'],
    ['a\tb', 'a\\x09b'],
    ['a\nb\r', 'a\\x0ab\\x0d'],
    ['\u0000\u001b[2J\u007f', '\\x00\\x1b[2J\\x7f'],
    ['C:\\Windows', 'C:\\\\Windows'],
    ['\\x09', '\\\\x09'],
    ['a,b', 'a,b'],
    ['Grüße 𝄞', 'Grüße 𝄞'],
  ])('has the text %j as %s', (value, cell) => {
    expect(tsvWriter(text)({ text: value })).toBe(cell);
  });

  it.each([
    [[], '(empty)'],
    [['a', 'b'], 'a,b'],
    [['a,b', '-', ''], 'a\\x2cb,\\x2d,(empty)'],
  ])('has the set %j as %s', (value, cell) => {
    expect(tsvWriter(members)({ members: value })).toBe(cell);
  });

  it('has a dash for every field that is unset', () => {
    expect(tsvWriter(fields)({})).toBe(fields.map(() => '-').join('\t'));
  });

  it('has times and lengths of time with six decimals', () => {
    expect(tsvWriter(fields.slice(0, 2))({ ts: 1_700_000_000_000_123, took: -5 })).toBe('1700000000.000123\t-0.000005');
  });

  it('gives every value back to a reader that goes by the header', () => {
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const lines = [
          ...tsvHeader('all', fields, opened),
          ...records.map((r) => tsvWriter(fields)(r)),
          tsvFooter(opened),
        ];
        const read = readZeekLog(lines.join('\n'));
        expect(read.rows).toEqual(records);
        expect(read.fields).toEqual(fields.map(({ name }) => name));
        expect(read.types).toEqual(fields.map(({ type }) => type));
      }),
    );
  });
});

describe('a TSV header', () => {
  it("is that of Zeek's ASCII writer, with the times in UTC", () => {
    expect([...tsvHeader('all', fields, opened), tsvFooter(opened + 1)]).toEqual([
      '#separator \\x09',
      '#set_separator\t,',
      '#empty_field\t(empty)',
      '#unset_field\t-',
      '#path\tall',
      '#open\t2023-11-14-22-13-20',
      '#fields\tts\ttook\ttext\taddress\tport\tkind\tyes\tcount\tnumber\tmembers',
      '#types\ttime\tinterval\tstring\taddr\tport\tenum\tbool\tcount\tint\tset[string]',
      '#close\t2023-11-14-22-13-21',
    ]);
  });
});

describe('a JSON line', () => {
  it('has flat names, numbers for times, and nothing for what is unset', () => {
    expect(jsonWriter(fields)({ ts: 1_700_000_000_000_123, text: 'a"\t', yes: false, port: 0, members: ['x'] })).toBe(
      '{"ts":1700000000.000123,"text":"a\\"\\t","port":0,"yes":false,"members":["x"]}',
    );
  });

  it('gives every value back', () => {
    fc.assert(
      fc.property(record, (r) => {
        const { ts, took, ...rest } = JSON.parse(jsonWriter(fields)(r)) as Record<string, unknown>;
        const us = (seconds: unknown) => Math.round((seconds as number) * 1e6);
        expect({
          ...(ts !== undefined && { ts: us(ts) }),
          ...(took !== undefined && { took: us(took) + 0 }),
          ...rest,
        }).toEqual(r);
      }),
    );
  });
});
