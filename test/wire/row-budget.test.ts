import { describe, expect, it } from 'vitest';
import { RowBudget } from '../../src/wire/row-budget.js';

describe('the budget of rows', () => {
  it('lets a burst pass, then as many as it is filled with', () => {
    const budget = new RowBudget(100, 50);
    expect(budget.waitMs(0)).toBe(0);
    budget.take(60, 0);
    expect(budget.waitMs(0)).toBe(110);
    expect(budget.waitMs(100)).toBe(10);
    expect(budget.waitMs(110)).toBe(0);
  });

  it('never holds more than a burst, and is overdrawn by a whole one', () => {
    const budget = new RowBudget(100, 50);
    budget.take(0, 0);
    budget.take(100, 1_000_000);
    expect(budget.isOverdrawn(1_000_000)).toBe(false);
    budget.take(1, 1_000_000);
    expect(budget.isOverdrawn(1_000_000)).toBe(true);
    expect(budget.isOverdrawn(1_000_100)).toBe(false);
  });
});
