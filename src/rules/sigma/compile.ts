import type { Expression, FieldValue, Scalar } from './expression.js';
import type { EventFields } from './log-source.js';
import { foldedText } from './value-test.js';

/** A rule as a function of an event. */
export type Matcher<E> = (event: E) => boolean;

/** Binds an expression to the fields of one kind of event. */
export function compile<E>(expression: Expression, fields: EventFields<E>): Matcher<E> {
  switch (expression.kind) {
    case 'and':
      return every(cheapFirst(flattened(expression)).map((child) => compile(child, fields)));
    case 'or':
      return (
        anyText(expression, fields) ?? some(cheapFirst(flattened(expression)).map((child) => compile(child, fields)))
      );
    case 'not': {
      const matches = compile(expression.child, fields);
      return (event) => !matches(event);
    }
    case 'field': {
      const read = fields.accessor(expression.field);
      const { matches } = expression.test;
      return read === undefined ? never : (event) => anyScalar(read(event), matches);
    }
    case 'null': {
      const read = fields.accessor(expression.field);
      return read === undefined ? always : (event) => (read(event) ?? null) === null;
    }
    case 'exists': {
      const read = fields.accessor(expression.field);
      return read === undefined ? never : (event) => read(event) !== undefined;
    }
    case 'fieldref': {
      const read = fields.accessor(expression.field);
      const readOther = fields.accessor(expression.other);
      const { compare } = expression;
      if (read === undefined || readOther === undefined) return never;
      return (event) => {
        const other = readOther(event);
        return anyScalar(read(event), (value) => anyScalar(other, (text) => compare(String(value), String(text))));
      };
    }
    case 'keyword': {
      const { matches } = expression.test;
      return (event) => {
        for (const leaf of fields.leaves(event)) if (anyScalar(leaf, matches)) return true;
        return false;
      };
    }
  }
}

/** A list of texts for one field: the value is read and folded once for all of them. */
function anyText<E>({ children }: Chain, fields: EventFields<E>): Matcher<E> | undefined {
  const field = children[0]?.kind === 'field' ? children[0].field : undefined;
  const tests = children.map((child) =>
    child.kind === 'field' && child.field === field ? child.test.matchesFolded : undefined,
  );
  if (field === undefined || !tests.every((test) => test !== undefined)) return undefined;
  const read = fields.accessor(field);
  if (read === undefined) return never;
  const passes = (value: Scalar): boolean => {
    const folded = foldedText(value);
    for (const test of tests) if (test(folded)) return true;
    return false;
  };
  return (event) => anyScalar(read(event), passes);
}

type Chain = Extract<Expression, { kind: 'and' | 'or' }>;

/** The parts of an AND within an AND, or of an OR within an OR, as parts of the one. */
function flattened(chain: Chain): readonly Expression[] {
  return chain.children.flatMap((child) => (child.kind === chain.kind ? flattened(child as Chain) : [child]));
}

/** The order of the parts of AND and OR is free, so those that are quickly asked come first. */
function cheapFirst(children: readonly Expression[]): readonly Expression[] {
  return children.toSorted((a, b) => costOf(a) - costOf(b));
}

/** What it takes to ask, roughly: of a chain mostly the first part alone. */
function costOf(expression: Expression): number {
  switch (expression.kind) {
    case 'and':
    case 'or': {
      const costs = expression.children.map(costOf);
      return Math.min(...costs) + costs.reduce((sum, cost) => sum + cost, 0) / 10;
    }
    case 'not':
      return costOf(expression.child);
    case 'field':
      return expression.test.slow ? 50 : 1;
    case 'keyword':
      return 100;
    default:
      return 1;
  }
}

const never = (): boolean => false;
const always = (): boolean => true;

function every<E>(matchers: readonly Matcher<E>[]): Matcher<E> {
  return (event) => {
    for (const matches of matchers) if (!matches(event)) return false;
    return true;
  };
}

function some<E>(matchers: readonly Matcher<E>[]): Matcher<E> {
  return (event) => {
    for (const matches of matchers) if (matches(event)) return true;
    return false;
  };
}

/** Whether the value, or one of the values of a list, is present and passes. */
export function anyScalar(value: FieldValue, passes: (scalar: Scalar) => boolean): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'object') return passes(value);
  if (!Array.isArray(value)) return false;
  for (const item of value as readonly FieldValue[]) if (anyScalar(item, passes)) return true;
  return false;
}
