import { describe, expect, it } from 'vitest';
import { parseSubnetGroup } from '../../../src/hosts/registry/host-groups.js';
import { type HostEvent, HostRegistry } from '../../../src/hosts/registry/host-registry.js';
import { JournalPosition } from '../../../src/hosts/registry/journal-position.js';
import type { HostRow } from '../../../src/records/host-row.js';

const SECOND = 1_000_000;

function registry(maxHosts = 10) {
  const events: HostEvent[] = [];
  const hosts = new HostRegistry({
    subnets: [parseSubnetGroup('dmz=192.0.2.0/24')!],
    maxHosts,
    onEvent: (event) => events.push(event),
  });
  return { hosts, events };
}

const address = (action: 'added' | 'removed', text: string): HostRow => ({
  kind: 'row',
  host: 'web-1',
  stream: 'interface_addresses',
  table: 'interface_addresses',
  action,
  time: 1,
  resolution: 1,
  seq: 1,
  columns: { interface: 'eth0', address: text },
});

describe('the registry of hosts', () => {
  it('tells joins, reconnects and why a host went', () => {
    const { hosts, events } = registry();
    const host = hosts.open('web-1', 0)!;
    hosts.connected(host, 1);
    hosts.disconnected(host, 'silent', 'CONNECTION_LOST');
    hosts.disconnected(host, 'silent', 'told once');
    hosts.connected(host, 2);
    hosts.disconnected(host, 'left', 'shutdown');
    expect(events).toEqual([
      { kind: 'joined', host: 'web-1' },
      { kind: 'silent', host: 'web-1', reason: 'CONNECTION_LOST' },
      { kind: 'reconnected', host: 'web-1' },
      { kind: 'left', host: 'web-1', reason: 'shutdown' },
    ]);
    expect(host).toMatchObject({ presence: 'left', reason: 'shutdown', joins: 2 });
  });

  it('puts a host into a group when an address appears later, and out of it when the last interface has lost it', () => {
    const { hosts, events } = registry();
    const host = hosts.open('web-1', 0)!;
    host.configuredGroups = ['prod/web'];
    hosts.connected(host, 1);
    hosts.row(host, address('added', '192.0.2.7'));
    hosts.row(host, address('added', '192.0.2.7'));
    hosts.row(host, address('removed', '192.0.2.7'));
    expect([...hosts.inGroup('dmz')]).toEqual([host]);
    hosts.row(host, address('removed', '192.0.2.7'));
    expect([...hosts.inGroup('dmz')]).toEqual([]);
    expect(events.slice(1).map((event) => [event.kind, 'group' in event && event.group])).toEqual([
      ['group_joined', 'prod'],
      ['group_joined', 'prod/web'],
      ['group_joined', 'dmz'],
      ['group_left', 'dmz'],
    ]);
  });

  it('forgets the host that has been gone longest when there is no room, and refuses one more when all are connected', () => {
    const { hosts } = registry(2);
    const [a, b] = [hosts.open('a', 0)!, hosts.open('b', 0)!];
    hosts.connected(a, 1);
    hosts.connected(b, 2);
    expect(hosts.open('c', 3)).toBeUndefined();
    hosts.disconnected(b, 'silent', 'x');
    expect(hosts.open('c', 4)?.id).toBe('c');
    expect([...hosts.all()].map(({ id }) => id)).toEqual(['a', 'c']);
  });
});

describe('the position in a journal', () => {
  it('takes each sequence once and lets go what was taken longer ago than the lateness', () => {
    const position = new JournalPosition('j');
    expect(position.has(0)).toBe(false);
    for (let second = 0; second <= 700; second += 10) position.take(second, second * SECOND, 600 * SECOND);
    expect(position.has(700)).toBe(true);
    expect(position.has(701)).toBe(false);
    expect(position.releasable(599 * SECOND, 600 * SECOND)).toBeUndefined();
    expect(position.releasable(700 * SECOND, 600 * SECOND)).toBe(100);
    expect(position.releasable(2000 * SECOND, 600 * SECOND)).toBe(700);
  });
});
