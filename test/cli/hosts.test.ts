import { describe, expect, it } from 'vitest';
import { hostTable } from '../../src/cli/hosts.js';

describe('the table of hosts', () => {
  it('says what a person wants to know, and lets no host write to the terminal', () => {
    const text = hostTable(
      [
        {
          id: 'web-1\u001b[2J',
          presence: 'silent',
          reason: 'CONNECTION_LOST',
          addresses: ['127.0.0.1', '192.0.2.7'],
          groups: ['prod', 'prod/web'],
          tables: [],
          limited: [],
          joins: 1,
          since: 0,
          heard: 90,
          rows: 12,
          duplicates: 0,
          dropped: 0,
          clock: { offset: 0.0123, err: 0.002 },
        },
      ],
      100,
    );
    for (const part of [
      'web-1',
      'silent: CONNECTION_LOST',
      '10 s ago',
      '0.012 ± 0.002 s',
      'prod/web',
      '192.0.2.7',
      '12',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('\u001b');
    expect(text).not.toContain('127.0.0.1');
  });
});
