import type { Expression, FieldValue, Scalar } from './expression.js';
import type { EventFields } from './log-source.js';

/** A rule as a function of an event. */
export type Matcher<E> = (event: E) => boolean;

/** Binds an expression to the fields of one kind of event. */
export function compile<E>(expression: Expression, fields: EventFields<E>): Matcher<E> {
  switch (expression.kind) {
    case 'and':
      return every(cheapFirst(expression.children).map((child) => compile(child, fields)));
    case 'or':
      return some(cheapFirst(expression.children).map((child) => compile(child, fields)));
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

/** The order of the parts of AND and OR is free, so those that are quickly asked come first. */
function cheapFirst(children: readonly Expression[]): readonly Expression[] {
  return children.toSorted((a, b) => costOf(a) - costOf(b));
}

function costOf(expression: Expression): number {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.children.reduce((sum, child) => sum + costOf(child), 0);
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
