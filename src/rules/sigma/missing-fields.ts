import type { Expression } from './expression.js';

/** Whether an event can have a field of this name. */
type HasField = (field: string) => boolean;

/**
 * The fields that no event has and for want of which a rule can never match; none when it can. A rule that asks for such a field only
 * beside others, or only in a filter, can.
 */
export function missingFields(expression: Expression, hasField: HasField): readonly string[] {
  if (outcomeOf(expression, hasField) !== false) return [];
  return [...new Set(fieldsOf(expression).filter((field) => !hasField(field)))];
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
