import { describe, expect, it } from 'vitest';
import { filterErrorColumn } from '../../src/capture/filter-position.js';
import { captureAddonBuilt, loadCaptureAddon } from '../../src/capture/live-source.js';

describe.skipIf(!captureAddonBuilt())(
  'the place of an error in a filter (skipped without root once: build/capture.node is not built)',
  () => {
    const addon = captureAddonBuilt() ? loadCaptureAddon() : undefined;
    const column = (filter: string): number | undefined => {
      const message = addon!.filterError(filter);
      if (message === '') return undefined;
      return filterErrorColumn(filter, message, (text) => addon!.filterError(text) === '');
    };

    it.each([
      ['tcp port 80', undefined],
      ['tcp prot 80', 5],
      ['tcp port 80 and and udp', 17],
      ['host 192.0.2.1 port 80', 16],
      ['(tcp or udp', 12],
      ['tcp or udp)', 11],
      ['tcp[13 & 2 != 0', 12],
      ['tcp[13] & 2 !! 0', 13],
      ['port 99999', 6],
      ['net 192.0.2.0/99', 14],
      ['less', 5],
      ['vlan 10 && ip6 and port nonsense', 25],
      ['and tcp', 1],
    ] as const)('in %j is column %s', (filter, wanted) => {
      expect(column(filter)).toBe(wanted);
    });
  },
);

describe('the place of an error in a text of any such language', () => {
  const compiles = (text: string): boolean => /^\s*(tcp|port 1)(\s+and\s+(tcp|port 1))*\s*$/.test(text);

  it.each([
    ['tcp and udp and tcp', 9],
    ['tcp  port 1', 6],
    ['tcp and', 8],
    ['or tcp', 1],
    [`${'tcp and '.repeat(100)}tcp tcp`, 805],
  ])('in %j is its column %s', (text, column) => {
    expect(filterErrorColumn(text, 'syntax error', compiles)).toBe(column);
  });

  it('is that of the token that the message names, and the start where there are too many tokens', () => {
    expect(filterErrorColumn('tcp and host nowhere', "unknown host 'nowhere'", compiles)).toBe(14);
    expect(filterErrorColumn('tcp '.repeat(1_000), 'syntax error', compiles)).toBe(1);
  });
});
