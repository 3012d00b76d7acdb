import type { Position, ProblemList } from '../rule-problem.js';
import { foldCase } from './case-fold.js';
import type { Expression, ValueTest } from './expression.js';
import { byteText, type Modifier, modifiers, plainValue } from './modifiers.js';
import { widen } from './pattern.js';
import { compileRegex } from './regular-expression.js';
import type { ReferenceMode, Refusal, RuleValue } from './rule-value.js';
import { booleanTest, comparisonTest, networkTest, numberTest, regexTest, textTest } from './value-test.js';

/** A scalar of the rule and where it stands. */
export interface PlacedScalar {
  readonly value: string | number | boolean | null;
  /** As written. */
  readonly raw: string;
  readonly at: Position;
}

/**
 * What `field|modifier|…: values` means. The field is '' for keywords. Undefined when a problem was added. `list` tells
 * a list of one value from a single value.
 */
export function fieldItem(
  key: { readonly text: string; readonly at: Position },
  values: readonly PlacedScalar[],
  list: boolean,
  problems: ProblemList,
): Expression | undefined {
  const [field = '', ...names] = key.text.split('|');
  const chain = modifierChain(names, key.at, problems);
  if (chain === undefined) return undefined;
  if (values.length === 0) return wholeItem([nullTest(field)], chain);
  if (list && values.some((value) => value.value === null)) {
    for (const { value, at } of values) if (value === null) problems.malformed(at, 'null may not stand in a list');
    return undefined;
  }
  const alternatives: Expression[] = [];
  for (const placed of values) {
    const expression = valueExpression(field, placed, chain, problems);
    if (expression !== undefined) alternatives.push(expression);
  }
  return alternatives.length === values.length ? wholeItem(alternatives, chain) : undefined;
}

interface NamedModifier {
  readonly name: string;
  readonly modifier: Modifier;
}

function modifierChain(names: readonly string[], at: Position, problems: ProblemList): NamedModifier[] | undefined {
  const chain: NamedModifier[] = [];
  for (const [i, name] of names.entries()) {
    const modifier = Object.hasOwn(modifiers, name) ? modifiers[name]! : undefined;
    if (modifier === undefined) {
      problems.malformed(at, `unknown modifier "${name}"`);
      return undefined;
    }
    if ('unsupported' in modifier) {
      problems.unsupported(at, `modifier ${name}: ${modifier.unsupported}`);
      return undefined;
    }
    const before = i === 0 ? undefined : names[i - 1];
    if (modifier.first && before !== undefined) {
      problems.malformed(at, `modifier ${name} must be the first`);
      return undefined;
    }
    if (modifier.alone && names.length > 1) {
      problems.malformed(at, `modifier ${name} stands alone`);
      return undefined;
    }
    if (modifier.after !== undefined && !(before !== undefined && modifier.after.includes(before))) {
      problems.malformed(at, `modifier ${name} stands behind re only`);
      return undefined;
    }
    chain.push({ name, modifier });
  }
  return chain;
}

function wholeItem(alternatives: readonly Expression[], chain: readonly NamedModifier[]): Expression {
  const all = chain.some(({ modifier }) => modifier.item === 'all');
  const joined: Expression =
    alternatives.length === 1 ? alternatives[0]! : { kind: all ? 'and' : 'or', children: alternatives };
  return chain.some(({ modifier }) => modifier.item === 'neq') ? { kind: 'not', child: joined } : joined;
}

function valueExpression(
  field: string,
  placed: PlacedScalar,
  chain: readonly NamedModifier[],
  problems: ProblemList,
): Expression | undefined {
  let variants: readonly RuleValue[] = [plainValue(placed.value, placed.raw)];
  for (const { name, modifier } of chain) {
    if (modifier.apply === undefined) continue;
    const next: RuleValue[] = [];
    for (const variant of variants) {
      const result = modifier.apply(variant);
      if ('refused' in result) {
        refuse(problems, placed.at, { ...result, reason: `modifier ${name} ${result.reason}` });
        return undefined;
      }
      if (Array.isArray(result)) next.push(...(result as readonly RuleValue[]));
      else next.push(result as RuleValue);
    }
    variants = next;
  }
  const children: Expression[] = [];
  for (const variant of variants) {
    const expression = field === '' ? keyword(variant) : comparisonOf(field, variant);
    if ('refused' in expression) {
      refuse(problems, placed.at, expression);
      return undefined;
    }
    children.push(expression);
  }
  return children.length === 1 ? children[0] : { kind: 'or', children };
}

function refuse(problems: ProblemList, at: Position, refusal: Refusal): void {
  if (refusal.refused === 'malformed') problems.malformed(at, refusal.reason);
  else problems.unsupported(at, refusal.reason);
}

function nullTest(field: string): Expression {
  return { kind: 'null', field };
}

function comparisonOf(field: string, value: RuleValue): Expression | Refusal {
  switch (value.kind) {
    case 'null':
      return nullTest(field);
    case 'exists':
      return value.expected ? { kind: 'exists', field } : { kind: 'not', child: { kind: 'exists', field } };
    case 'fieldref':
      return { kind: 'fieldref', field, other: value.other, compare: referenceTest(value.mode, value.cased) };
    default: {
      const test = testOf(value);
      return 'refused' in test ? test : { kind: 'field', field, test };
    }
  }
}

/** A keyword is found anywhere in a leaf of the event. */
function keyword(value: RuleValue): Expression | Refusal {
  switch (value.kind) {
    case 'null':
    case 'exists':
    case 'fieldref':
    case 'comparison':
      return { refused: 'malformed', reason: 'a keyword is a text; this needs a field' };
    case 'number':
    case 'boolean': {
      const text = plainValue(value.kind === 'number' ? value.raw : String(value.boolean), '');
      return keyword(text);
    }
    case 'text':
      return { kind: 'keyword', test: textTest(widen(value.pattern, true, true), value.cased) };
    default: {
      const test = testOf(value);
      return 'refused' in test ? test : { kind: 'keyword', test };
    }
  }
}

function testOf(value: Exclude<RuleValue, { kind: 'null' | 'exists' | 'fieldref' }>): ValueTest | Refusal {
  switch (value.kind) {
    case 'text':
      return textTest(value.pattern, value.cased);
    case 'bytes':
      return textTest(byteText(value.bytes), false);
    case 'number':
      return numberTest(value.number);
    case 'boolean':
      return booleanTest(value.boolean);
    case 'network':
      return networkTest(value.network);
    case 'comparison':
      return comparisonTest(value.comparison, value.bound);
    case 'regex': {
      const search = compileRegex(value.source, value.flags);
      return typeof search === 'function' ? regexTest(search) : search;
    }
  }
}

const references: Readonly<Record<ReferenceMode, (value: string, other: string) => boolean>> = {
  equals: (value, other) => value === other,
  contains: (value, other) => value.includes(other),
  startswith: (value, other) => value.startsWith(other),
  endswith: (value, other) => value.endsWith(other),
};

function referenceTest(mode: ReferenceMode, cased: boolean): (value: string, other: string) => boolean {
  const compare = references[mode];
  return cased ? compare : (value, other) => compare(foldCase(value), foldCase(other));
}
