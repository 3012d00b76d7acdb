import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashFour, hashWords } from '../../src/core/hash.js';
import { connectionUid, nameWord } from '../../src/core/uid.js';

describe('the keyed hash', () => {
  it('gives four words and the same words in an array the like spread over 12 bits', () => {
    const buckets = new Int32Array(4096);
    const words = new Int32Array(4);
    const out = new Int32Array(2);
    const wide = new Int32Array(4096);
    for (let i = 0; i < 40_960; i++) {
      buckets[hashFour(1, 2, i, 0, 0, 6) & 4095]!++;
      words[0] = i;
      hashWords({ k0: 1, k1: 2 }, words, 4, out, 0);
      wide[out[1]! & 4095]!++;
    }
    // 10 per bucket on average; of a random function a bucket over 40 is less likely than 10^-9.
    expect(Math.max(...buckets)).toBeLessThan(40);
    expect(Math.max(...wide)).toBeLessThan(40);
  });

  it('depends on every word and on both halves of the key', () => {
    const word = fc.integer();
    fc.assert(
      fc.property(fc.tuple(word, word, word, word, word, word), fc.nat(5), fc.nat(31), (all, which, bit) => {
        const [k0, k1, a, b, c, d] = all;
        const changed = all.map((value, i) => (i === which ? value ^ (1 << bit) : value));
        const [l0, l1, e, f, g, h] = changed as typeof all;
        expect(hashFour(l0, l1, e, f, g, h)).not.toBe(hashFour(k0, k1, a, b, c, d));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a uid', () => {
  it('is C and 18 digits, stays the same and differs by any word', () => {
    const words = Int32Array.from([1, 2, 3, 4]);
    const uid = connectionUid(words, 4);
    expect(uid).toMatch(/^C[0-9A-Za-z]{18}$/);
    expect(connectionUid(words, 4)).toBe(uid);
    expect(uid).toBe('C2JZbq53HOf6J3ZduOM');
    const seen = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      words[3] = i;
      seen.add(connectionUid(words, 4));
    }
    expect(seen.size).toBe(20_000);
  });

  it('tells names apart', () => {
    expect(nameWord('eth0')).not.toBe(nameWord('eth1'));
  });
});
