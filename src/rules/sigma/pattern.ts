import { foldCase } from './case-fold.js';

/**
 * A Sigma string taken apart: a code point for each literal character, and negative numbers for what stands for several.
 */
export type Pattern = readonly number[];

/** `*`: any text, also none. */
const ANY = -1;
/** `?`: exactly one code point. */
export const ONE = -2;
/** A dash of a command-line flag, made by `windash`. */
const DASH = -3;

const STAR = 0x2a;
const QUESTION = 0x3f;
const BACKSLASH = 0x5c;
/** - / en dash, em dash, horizontal bar */
const dashes: readonly number[] = [0x2d, 0x2f, 0x2013, 0x2014, 0x2015];

/** Text in which no character means anything special. */
export function literalPattern(text: string): Pattern {
  return Array.from(text, (point) => point.codePointAt(0)!);
}

/**
 * Reads Sigma's wildcards and escapes: `\*` `\?` `\\` stand for the second character, `\` before anything else for itself.
 */
export function parsePattern(text: string): Pattern {
  const points = literalPattern(text);
  const pattern: number[] = [];
  for (let i = 0; i < points.length; i++) {
    const point = points[i]!;
    const next = points[i + 1];
    if (point === BACKSLASH && (next === STAR || next === QUESTION || next === BACKSLASH)) {
      pattern.push(next);
      i++;
    } else if (point === STAR) {
      pattern.push(ANY);
    } else if (point === QUESTION) {
      pattern.push(ONE);
    } else {
      pattern.push(point);
    }
  }
  return pattern;
}

/** Whether the pattern stands for one text only. */
export function isLiteral(pattern: Pattern): boolean {
  return pattern.every((token) => token >= 0);
}

/** The text of a literal pattern. */
export function textOf(pattern: Pattern): string {
  return pattern.map((token) => String.fromCodePoint(token)).join('');
}

/** Puts `*` around, before or after; a `*` that stands there already is enough. */
export function widen(pattern: Pattern, before: boolean, after: boolean): Pattern {
  const widened = [...pattern];
  if (before && widened[0] !== ANY) widened.unshift(ANY);
  if (after && (widened.at(-1) !== ANY || widened.length === 0)) widened.push(ANY);
  return widened;
}

/** The pattern for folded values. */
export function foldPattern(pattern: Pattern): Pattern {
  return pattern.map((token) => (token < 0 ? token : foldCase(String.fromCodePoint(token)).codePointAt(0)!));
}

/** A function that tells whether a whole text fits the pattern. Time: length of text by length of pattern at worst. */
export function patternMatcher(pattern: Pattern): (text: string) => boolean {
  const before = pattern[0] === ANY;
  const after = pattern.length > 1 && pattern.at(-1) === ANY;
  const middle = pattern.slice(before ? 1 : 0, after ? -1 : undefined);
  if (!isLiteral(middle)) return (text) => matchTokens(pattern, text);
  const literal = textOf(middle);
  if (before && after) return (text) => text.includes(literal);
  if (before) return (text) => text.endsWith(literal);
  if (after) return (text) => text.startsWith(literal);
  return (text) => text === literal;
}

/** Greedy, and upon a mismatch back to the last `*` only: an earlier one can never need to take more. */
function matchTokens(pattern: Pattern, text: string): boolean {
  const points = literalPattern(text);
  let at = 0;
  let token = 0;
  let starToken = -1;
  let starAt = 0;
  while (at < points.length) {
    const want = pattern[token];
    if (want === ANY) {
      starToken = token++;
      starAt = at;
    } else if (want !== undefined && fits(want, points[at]!)) {
      token++;
      at++;
    } else if (starToken >= 0) {
      token = starToken + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[token] === ANY) token++;
  return token === pattern.length;
}

function fits(token: number, point: number): boolean {
  return token === ONE || token === point || (token === DASH && dashes.includes(point));
}

const wordPoint = /^[\p{L}\p{N}_]$/u;

function isWord(token: number | undefined): boolean {
  return token !== undefined && token >= 0 && wordPoint.test(String.fromCodePoint(token));
}

/** Turns each `-` or `/` at the start of a word into any of the dashes that Windows programs take. */
export function withDashes(pattern: Pattern): Pattern {
  return pattern.map((token, i) =>
    (token === 0x2d || token === 0x2f) && !isWord(pattern[i - 1]) && isWord(pattern[i + 1]) ? DASH : token,
  );
}
