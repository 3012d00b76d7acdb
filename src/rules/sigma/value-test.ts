import { foldCase } from './case-fold.js';
import { type Network, networkContains } from './cidr.js';
import type { Anchor, Scalar, ValueTest } from './expression.js';
import { foldPattern, isLiteral, type Pattern, patternMatcher, textOf } from './pattern.js';

const decimal = /^-?\d+(\.\d+)?$/;

/** The form in which anchors and values are compared: without case, and numbers without regard to their spelling. */
export function anchorKey(text: string): string {
  return decimal.test(text) ? String(Number(text)) : foldCase(text);
}

/** What stands behind the last / or \ of a text. */
export function tailOf(text: string): string {
  return text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1);
}

/** The whole value fits the pattern. */
export function textTest(pattern: Pattern, cased: boolean): ValueTest {
  const anchor = anchorOf(pattern);
  const fits = patternMatcher(cased ? pattern : foldPattern(pattern));
  return {
    matches: cased ? (value) => fits(String(value)) : (value) => fits(foldedText(value)),
    ...(cased ? {} : { matchesFolded: fits }),
    ...(anchor === undefined ? {} : { anchor }),
  };
}

/** A value as text without case. */
export function foldedText(value: Scalar): string {
  return typeof value === 'string' ? foldCase(value) : String(value);
}

function anchorOf(pattern: Pattern): Anchor | undefined {
  if (isLiteral(pattern)) return { kind: 'exact', text: anchorKey(textOf(pattern)) };
  let start = pattern.length;
  while (start > 0 && pattern[start - 1]! >= 0) start--;
  const end = textOf(pattern.slice(start));
  const tail = tailOf(end);
  return tail.length < end.length && tail !== '' ? { kind: 'tail', text: anchorKey(tail) } : undefined;
}

/** Equal as numbers; logs also write numbers as text. */
export function numberTest(wanted: number): ValueTest {
  return {
    matches: (value) => numberOf(value) === wanted,
    anchor: { kind: 'exact', text: String(wanted) },
  };
}

export function booleanTest(wanted: boolean): ValueTest {
  const text = String(wanted);
  return {
    matches: (value) => value === wanted || (typeof value === 'string' && foldCase(value) === text),
    anchor: { kind: 'exact', text },
  };
}

export function regexTest(search: (text: string) => boolean): ValueTest {
  return { matches: (value) => search(String(value)), slow: true };
}

export function networkTest(network: Network): ValueTest {
  return { matches: (value) => typeof value === 'string' && networkContains(network, value), slow: true };
}

export const comparisons = {
  gt: (value: number, bound: number) => value > bound,
  gte: (value: number, bound: number) => value >= bound,
  lt: (value: number, bound: number) => value < bound,
  lte: (value: number, bound: number) => value <= bound,
} as const;
export type Comparison = keyof typeof comparisons;

/** A value that is no number never passes. */
export function comparisonTest(comparison: Comparison, bound: number): ValueTest {
  const compare = comparisons[comparison];
  return {
    matches: (value) => {
      const number = numberOf(value);
      return number !== undefined && compare(number, bound);
    },
  };
}

function numberOf(value: Scalar): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && decimal.test(value) ? Number(value) : undefined;
}
