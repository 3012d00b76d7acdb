import { describe, expect, it } from 'vitest';
import { defaultHostLimits } from '../../../src/hosts/state/host-limits.js';
import type { HostState } from '../../../src/hosts/state/host-state.js';
import { HostStates } from '../../../src/hosts/state/host-states.js';

const s = 1_000_000;
/** Rows are kept this long. */
const KEPT = 60 * s;
const silence = () => undefined;
const news = { socket: silence, translation: silence, address: silence, blankAccepts: silence };
const statesOf = (hosts: number) =>
  new HostStates({ ...defaultHostLimits, addresses: 256 }, hosts, news, silence as never);

/** The host has the address in this span of seconds. */
function had(host: HostState, address: string, from: number, to: number): void {
  const row = { kind: 'row', host: host.id, stream: 'i', table: 'interface_addresses', resolution: 1 } as const;
  const columns = { interface: 'eth0', address };
  host.add({ ...row, action: 'added', time: from * s, since: (from - 1) * s, seq: 2 * from, columns });
  host.add({ ...row, action: 'removed', time: to * s, since: (to - 1) * s, seq: 2 * to + 1, columns });
  host.prune(to * s - KEPT);
}

describe('addresses that a host no longer has', () => {
  it('are forgotten with the time in which it had them, and leave room for others', () => {
    const states = statesOf(1);
    const host = states.open('a')!;
    host.add({
      ...{ kind: 'row', host: 'a', stream: 'i', table: 'interface_addresses', resolution: 1, action: 'added' },
      ...{ time: 0, seq: 0, columns: { interface: 'lo', address: '192.0.2.1' } },
    });
    for (let n = 0; n < 2_000; n++) {
      const address = `10.1.${n >> 8}.${n & 255}`;
      had(host, address, 10 * n + 10, 10 * n + 15);
      expect(host.addresses.had(address, (10 * n + 11) * s, (10 * n + 12) * s)).toBe('surely');
    }
    // A sweep comes after as many rows as are kept, 256 at the least.
    expect(host.known.length).toBeLessThan(256);
    expect(states.addresses.size).toBe(host.known.length);
    expect(host.addresses.had('192.0.2.1', 0, 20_000 * s)).toBe('surely');
  });

  it('are no longer tried on it, once another has them', () => {
    const states = statesOf(100);
    const address = '10.1.0.1';
    for (let n = 0; n < 5_000; n++) {
      const host = states.open(`host-${n % 100}`)!;
      had(host, address, 10 * n + 10, 10 * n + 15);
    }
    for (let n = 0; n < 100; n++) {
      const host = states.open(`host-${n}`)!;
      for (let i = 0; i < 256; i++) had(host, '10.2.0.1', 60_000 + 10 * i, 60_005 + 10 * i);
    }
    expect(states.addresses.get(address)).toBeUndefined();
    const last = states.open('host-7')!;
    had(last, address, 70_000, 70_005);
    expect(states.addresses.get(address)?.hosts).toEqual([last]);
  });
});
