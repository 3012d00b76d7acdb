import { describe, expect, it } from 'vitest';
import { appended } from '../../src/core/short-list.js';

describe('a list that mostly stays short', () => {
  it('has every item in order, however long it grows', () => {
    let list: number[][] = [];
    for (let i = 0; i < 40; i++) list = appended(list, [i]);
    expect(list).toEqual(Array.from({ length: 40 }, (_, i) => [i]));
  });
});
