import { describe, expect, it } from 'vitest';
import { RowWindow } from '../../src/wire/row-window.js';

describe('the window of rows', () => {
  it('begins small, grows with what came through, and ends at what is allowed', () => {
    const window = new RowWindow(100);
    expect(window.rows).toBe(64);
    window.acknowledged(15);
    expect(window.rows).toBe(64);
    window.acknowledged(1);
    expect(window.rows).toBe(65);
    window.acknowledged(10_000);
    expect(window.rows).toBe(100);
    expect(new RowWindow(10).rows).toBe(10);
  });
});
