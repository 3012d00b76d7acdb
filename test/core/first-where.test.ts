import { describe, expect, it } from 'vitest';
import { firstWhere } from '../../src/core/first-where.js';

describe('the first place of which something holds', () => {
  it('is found among any number of places', () => {
    for (let count = 0; count < 20; count++) {
      for (let first = 0; first <= count; first++) expect(firstWhere(count, (place) => place >= first)).toBe(first);
    }
  });
});
