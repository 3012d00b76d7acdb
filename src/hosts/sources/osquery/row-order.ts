import type { RowColumns } from './columns.js';

/** Order of two texts by code units, the same on every machine. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Order of two rows by their text as JSON, of which no more is made than the first difference needs: 0 where it is the same. Names and values that are
 * texts end with a quote in it, so that none goes on where another one ends; after a number it matters what follows.
 */
export function compareRows(a: RowColumns, b: RowColumns): number {
  const names = Object.keys(a);
  const others = Object.keys(b);
  for (let at = 0; at < names.length && at < others.length; at++) {
    const name = names[at]!;
    if (name !== others[at]) return compare(JSON.stringify(name), JSON.stringify(others[at]));
    if (a[name] === b[name]) continue;
    const text = JSON.stringify(a[name]) + (at + 1 < names.length ? ',' : '}');
    const other = JSON.stringify(b[name]) + (at + 1 < others.length ? ',' : '}');
    if (text !== other) return compare(text, other);
  }
  // A comma, or the quote of a first name, comes before the brace.
  return others.length - names.length;
}

/** Rows in order, of those that are the same the first. `order` is that of `compareRows`, of rows that are not told apart by something before. */
export function sortedOnce(rows: readonly RowColumns[], order = compareRows): readonly RowColumns[] {
  if (rows.length < 2) return rows;
  // Rows that are the same end beside each other, so that they are compared.
  let haveRepeats = false;
  const sorted = rows.toSorted((a, b) => {
    const sign = order(a, b);
    if (sign === 0) haveRepeats = true;
    return sign;
  });
  return haveRepeats ? sorted.filter((row, at) => at === 0 || order(sorted[at - 1]!, row) !== 0) : sorted;
}

/** A text that is the same for the same rows. */
export function keyOf(row: RowColumns): string {
  return JSON.stringify(row);
}
