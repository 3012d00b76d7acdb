import type { FieldValue } from '../../../src/rules/sigma/expression.js';
import type { EventFields } from '../../../src/rules/sigma/log-source.js';

/** Events that are plain JSON objects: a dotted name is first taken as a key, then as a path. */
export const jsonFields: EventFields<object> = {
  accessor: (field) => {
    const path = field.split('.');
    return (event) => {
      const direct = own(event, field);
      return direct !== undefined || path.length === 1 ? direct : atPath(event, path);
    };
  },
  leaves,
};

function own(value: FieldValue, key: string): FieldValue {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, FieldValue>>)[key]
    : undefined;
}

function atPath(event: object, path: readonly string[]): FieldValue {
  let value: FieldValue = event;
  for (const key of path) value = own(value, key);
  return value;
}

function* leaves(value: FieldValue): Generator<FieldValue> {
  if (typeof value !== 'object' || value === null) yield value;
  else for (const item of Object.values(value)) yield* leaves(item as FieldValue);
}
