import { describe, expect, it } from 'vitest';
import { PeerIndex } from '../../../src/hosts/state/peer-index.js';

const user = (id: number, remotePort: number) => ({ remote: { id }, remotePort });

describe('an index of peers', () => {
  it('finds those that are connected to the same endpoint until they are removed', () => {
    const [one, other, port, address] = [user(1, 80), user(1, 80), user(1, 81), user(2, 80)];
    const index = new PeerIndex();
    for (const each of [one, other, port, address]) index.add(each);
    expect(index.besides(user(1, 80))).toEqual([one, other]);
    index.remove(one);
    expect(index.besides(one)).toEqual([other]);
    index.remove(other);
    expect(index.besides(one)).toEqual([]);
    expect(index.besides(port)).toEqual([port]);
  });

  it('removes none for one that was not added', () => {
    const one = user(1, 80);
    const index = new PeerIndex();
    index.add(one);
    index.remove(user(1, 80));
    index.remove(user(1, 81));
    expect(index.besides(one)).toEqual([one]);
  });
});
