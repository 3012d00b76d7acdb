import { expect, it } from 'vitest';
import { PeerCalls, peerKey } from '../../../src/hosts/state/peer-calls.js';

it('finds what was entered or taken out since it was asked last', () => {
  const calls = new PeerCalls();
  const key = peerKey('accept', 6, '192.0.2.1', 40_000);
  const find = (source: 'connect' | 'accept', port = 40_000) => [...calls.find(source, 6, '192.0.2.1', port)];
  expect(find('accept')).toEqual([]);
  calls.set(key, [7]);
  expect(find('accept')).toEqual([7]);
  calls.get(key)!.push(8);
  expect(find('accept')).toEqual([7, 8]);
  expect(find('connect')).toEqual([]);
  expect(find('accept', 40_001)).toEqual([]);
  expect([...calls.find('accept', 17, '192.0.2.1', 40_000)]).toEqual([]);
  expect(find('accept')).toEqual([7, 8]);
  calls.delete(key);
  expect(find('accept')).toEqual([]);
});
