import { describe, expect, it } from 'vitest';
import type { HostRow } from '../../src/records/host-row.js';
import { inVersion } from '../../src/wire/older-version.js';
import { versionOf } from '../../src/wire/protocol.js';
import { encodeRows, readRows } from '../../src/wire/row-message.js';

const host: HostRow = {
  kind: 'host',
  host: 'h',
  streams: [{ stream: 'processes', table: 'processes' }],
  from: 5,
  net_namespace: '4026531840',
};
const { text } = encodeRows([host, { kind: 'complete', host: 'h', stream: 'processes', until: 6 }], 0, undefined);
const read = (message: string) => readRows(JSON.parse(message) as Record<string, unknown>, 'h');

describe('a message of rows', () => {
  it('tells the network namespace of who watches', () => {
    expect(read(inVersion(text, 2))).toMatchObject({ rows: [host, { kind: 'complete' }] });
  });

  it('leaves that out for an engine of version 1, with the same sequences', () => {
    const older = inVersion(text, versionOf('correlate.agent.v1'));
    expect(older).not.toContain('namespace');
    const { net_namespace: _, ...known } = host;
    expect(read(older)).toMatchObject({ rows: [known, { kind: 'complete' }], sequences: [0, 1] });
  });
});
