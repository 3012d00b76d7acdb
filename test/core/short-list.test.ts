import { describe, expect, it } from 'vitest';
import { appended, appendedNumber, inserted } from '../../src/core/short-list.js';

describe('a list that mostly stays short', () => {
  it('has every item in order, however long it grows', () => {
    let list: number[][] = [];
    for (let i = 0; i < 40; i++) list = appended(list, [i]);
    expect(list).toEqual(Array.from({ length: 40 }, (_, i) => [i]));
    let numbers: number[] = [];
    for (let i = 0; i < 40; i++) numbers = appendedNumber(numbers, i / 2);
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, i) => i / 2));
  });

  it('has items where they were put in', () => {
    let list: number[] = [];
    const expected: number[] = [];
    for (let i = 0; i < 40; i++) {
      const at = (7 * i) % (i + 1);
      list = inserted(list, at, i);
      expected.splice(at, 0, i);
      expect(list).toEqual(expected);
    }
  });
});
