import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextCache } from '../../../src/hosts/state/text-cache.js';

describe('the cache of what was found by texts', () => {
  it('has what was put for a text last, or what was put for one alike, until room is made', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 9 }), fc.nat(20)), { maxLength: 100 }), (puts) => {
        const cache = new TextCache<string>();
        for (const [text, count] of puts) {
          cache.put(cache.placeOf(text), text);
          expect(cache.at(cache.placeOf(text))).toBe(text);
          cache.makeRoom(count);
          expect(cache.at(cache.placeOf(text))).toBe(text);
        }
      }),
    );
    const cache = new TextCache<string>();
    cache.put(cache.placeOf('host-1'), 'host-1');
    cache.makeRoom(32);
    expect(cache.at(cache.placeOf('host-1'))).toBe('host-1');
    cache.makeRoom(33);
    expect(cache.at(cache.placeOf('host-1'))).toBeUndefined();
  });

  it('tells the names of most hosts of a fleet apart', () => {
    const cache = new TextCache<string>();
    const names = Array.from({ length: 10_000 }, (_, n) => `host-${n}`);
    for (let count = 1; count <= names.length; count++) cache.makeRoom(count);
    for (const name of names) cache.put(cache.placeOf(name), name);
    expect(names.filter((name) => cache.at(cache.placeOf(name)) === name).length).toBeGreaterThan(8_500);
  });

  it('tells short names apart', () => {
    const cache = new TextCache<string>();
    const names = Array.from({ length: 100 }, (_, n) => `db${n}`);
    for (let count = 1; count <= names.length; count++) cache.makeRoom(count);
    for (const name of names) cache.put(cache.placeOf(name), name);
    expect(names.filter((name) => cache.at(cache.placeOf(name)) === name).length).toBeGreaterThan(90);
  });
});
