import { expect, it } from 'vitest';
import type { AddressUser, KnownAddress } from '../../../src/hosts/state/address-table.js';
import { defaultHostLimits } from '../../../src/hosts/state/host-limits.js';
import { HostStates } from '../../../src/hosts/state/host-states.js';

/** A user at an address, seen on host `a`, and whom it met. */
class Seen implements AddressUser {
  readonly seenOn = 'a';
  readonly mayAccept = true;
  readonly remotePort = 40_000;
  readonly met: AddressUser[] = [];

  constructor(
    readonly number: number,
    readonly local: KnownAddress<Seen>,
    readonly remote: KnownAddress<Seen>,
  ) {}

  meet(other: AddressUser): void {
    this.met.push(other);
  }
}

it('meets nobody who comes after a stranger has left', () => {
  const users: Seen[] = [];
  const silence = () => undefined;
  const news = { socket: silence, translation: silence, address: silence, blankAccepts: silence };
  const states = new HostStates<unknown, Seen>(defaultHostLimits, 1, news, (number) => users[number]!);
  const host = states.open('a')!;
  const row = { kind: 'row', host: 'a', time: 1, resolution: 1, seq: 0 } as const;
  const columns = { interface: 'eth0', address: '192.0.2.1' };
  const blank = { pid: 1, family: 2, protocol: 6, remote_address: '192.0.2.9', remote_port: 1, action: 'accept' };
  host.add({ ...row, stream: 'i', table: 'interface_addresses', action: 'added', columns });
  host.add({ ...row, stream: 's', table: 'socket_events', action: 'event', columns: blank });
  const at = (text: string): Seen => {
    const user = new Seen(users.length, states.addresses.open(text), states.addresses.open('192.0.2.7'));
    users.push(user);
    user.local.enter(user);
    return user;
  };
  const stranger = at('172.17.0.2');
  const first = at('192.0.2.1');
  expect(stranger.met).toEqual([first]);
  stranger.local.leave(stranger);
  expect(at('192.0.2.1').met).toEqual([first]);
  expect(stranger.met).toEqual([first]);
  // Neither one at an address that is no private one, nor one at an address that the host has.
  expect(at('198.51.100.2').met).toEqual([]);
});
