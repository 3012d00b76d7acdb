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
      ['vlan 10 && ip6 proto nonsense', 22],
      ['and tcp', 1],
    ] as const)('in %j is column %s', (filter, wanted) => {
      expect(column(filter)).toBe(wanted);
    });
  },
);
