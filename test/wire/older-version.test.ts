import { describe, expect, it } from 'vitest';
import type { HostRow } from '../../src/records/host-row.js';
import { inVersion } from '../../src/wire/older-version.js';
import { versionOf } from '../../src/wire/protocol.js';
import { encodeRows, readRows } from '../../src/wire/row-message.js';

const host: HostRow = {
  kind: 'host',
  host: 'h',
  streams: [
    { stream: 'processes', table: 'processes', pause: 9 },
    { stream: 'conntrack', table: 'conntrack' },
  ],
  from: 5,
  net_namespace: '4026531840',
};
const translated: HostRow = {
  ...{ kind: 'row', host: 'h', stream: 'conntrack', table: 'conntrack', action: 'added', time: 7, resolution: 1 },
  seq: 0,
  columns: { protocol: 6, original_source: '192.0.2.1' },
};
const rest: HostRow = { kind: 'complete', host: 'h', stream: 'processes', until: 6 };
const { text } = encodeRows([host, rest, translated], 0, undefined);
const read = (message: string) => readRows(JSON.parse(message) as Record<string, unknown>, 'h');

describe('a message of rows', () => {
  it('tells the network namespace of who watches, what is translated, and how often it polls', () => {
    expect(read(inVersion(text, 3))).toMatchObject({ rows: [host, { kind: 'complete' }, translated] });
  });

  it('leaves out how often it polls for an engine of version 2', () => {
    const older = inVersion(text, versionOf('correlate.agent.v2'));
    const streams = host.streams.map(({ stream, table }) => ({ stream, table }));
    expect(read(older)).toEqual(read(encodeRows([{ ...host, streams }, rest, translated], 0, undefined).text));
  });

  it('leaves all of it out for an engine of version 1, with the same sequences', () => {
    const older = inVersion(text, versionOf('correlate.agent.v1'));
    expect(older).not.toContain('namespace');
    expect(older).not.toContain('"table":"conntrack"');
    const { net_namespace: _, ...known } = host;
    const untold = { kind: 'complete', stream: 'conntrack' };
    expect(read(older)).toMatchObject({
      rows: [{ ...known, streams: [{ stream: 'processes', table: 'processes' }] }, { kind: 'complete' }, untold],
      sequences: [0, 1, 2],
    });
  });
});
