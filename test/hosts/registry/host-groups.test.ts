import { describe, expect, it } from 'vitest';
import { groupsOf, parseSubnetGroup } from '../../../src/hosts/registry/host-groups.js';

const subnets = ['dmz=192.0.2.0/24', 'lab/v6=2001:db8:1::/48', 'half=198.51.100.128/25', 'all4=0.0.0.0/0'].map(
  (text) => parseSubnetGroup(text)!,
);

describe('groups of a host', () => {
  it('hold all that a configured group lies in', () => {
    expect(groupsOf(['prod/web/eu', 'prod/db'], [], [])).toEqual(['prod', 'prod/db', 'prod/web', 'prod/web/eu']);
  });

  it.each([
    [['192.0.2.255'], ['all4', 'dmz']],
    [['192.0.3.0'], ['all4']],
    [['198.51.100.127'], ['all4']],
    [['198.51.100.128'], ['all4', 'half']],
    [['2001:db8:1:ffff::1'], ['lab', 'lab/v6']],
    [['2001:db8:2::1'], []],
    [
      ['fe80::1%eth0', '192.0.2.1'],
      ['all4', 'dmz'],
    ],
    [['nonsense'], []],
  ])('follow from addresses %j as %j', (addresses, groups) => {
    expect(groupsOf([], addresses, subnets)).toEqual(groups);
  });

  it.each(['dmz', 'dmz=192.0.2.0', 'dmz=192.0.2.0/33', '=192.0.2.0/24', 'dmz=x/8', 'a=::/129'])(
    'are not made of %s',
    (text) => {
      expect(parseSubnetGroup(text)).toBeUndefined();
    },
  );
});
