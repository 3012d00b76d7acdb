import type { Expression } from './expression.js';

/** Whether an event can have a field of this name. */
type HasField = (field: string) => boolean;

/** The fields of a rule that no event has, and whether it can never match for want of them. */
export interface MissingFields {
  readonly fields: readonly string[];
  readonly never: boolean;
}

/** A rule that asks for a field that no event has only beside others, or only in a filter, can match all the same. */
export function missingFields(expression: Expression, hasField: HasField): MissingFields {
  return {
    fields: [...new Set(fieldsOf(expression).filter((field) => !hasField(field)))],
    never: outcomeOf(expression, hasField) === false,
  };
}

/** What an expression is for every event; undefined where that depends on the event. */
function outcomeOf(expression: Expression, hasField: HasField): boolean | undefined {
  switch (expression.kind) {
    case 'and': {
      const outcomes = expression.children.map((child) => outcomeOf(child, hasField));
      return outcomes.includes(false) ? false : outcomes.includes(undefined) ? undefined : true;
    }
    case 'or': {
      const outcomes = expression.children.map((child) => outcomeOf(child, hasField));
      return outcomes.includes(true) ? true : outcomes.includes(undefined) ? undefined : false;
    }
    case 'not': {
      const outcome = outcomeOf(expression.child, hasField);
      return outcome === undefined ? undefined : !outcome;
    }
    case 'null':
      return hasField(expression.field) ? undefined : true;
    case 'keyword':
      return undefined;
    default:
      return fieldsOf(expression).every(hasField) ? undefined : false;
  }
}

function fieldsOf(expression: Expression): readonly string[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return expression.children.flatMap(fieldsOf);
    case 'not':
      return fieldsOf(expression.child);
    case 'keyword':
      return [];
    case 'fieldref':
      return [expression.field, expression.other];
    default:
      return [expression.field];
  }
}
