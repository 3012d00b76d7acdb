import type { TSchema } from '@sinclair/typebox';
import type { ColumnType, StoreValue } from './column.js';

/** A value within a record of a schema: `process.pid` is `['process', 'pid']`. */
export interface Leaf {
  readonly path: readonly string[];
  readonly type: ColumnType;
}

/** Members of the record schemas that are moments, and those that are lengths of time: microseconds there, TIMESTAMP and seconds here. */
const moments = new Set(['ts', 'start', 'from', 'to']);
const spans = new Set(['duration', 'offset', 'err']);

const MICROS = 1_000_000;

/** The leaves of a schema in its order. Members of a union are taken together; lists of anything but text are one leaf of JSON. */
export function leavesOf(schema: TSchema, path: readonly string[] = []): Leaf[] {
  const leaves: Leaf[] = [];
  for (const [name, members] of membersOf(schema)) {
    const [member] = members as [TSchema];
    const here = [...path, name];
    if (isObject(member)) leaves.push(...leavesOf(member, here));
    else leaves.push({ path: here, type: typeOf(name, member) });
  }
  return leaves;
}

/** The members of an object, or of all objects of a union. */
function membersOf(schema: TSchema): Map<string, TSchema[]> {
  const found = new Map<string, TSchema[]>();
  for (const object of (schema.anyOf as TSchema[] | undefined) ?? [schema]) {
    for (const [name, member] of Object.entries(object.properties as Record<string, TSchema>)) {
      const known = found.get(name) ?? [];
      // The fullest form of a member stands for all: an end without an owner tells less of its host.
      if (isObject(member) && sizeOf(member) > sizeOf(known[0])) known.unshift(member);
      else known.push(member);
      found.set(name, known);
    }
  }
  return found;
}

function isObject(schema: TSchema): boolean {
  return schema.type === 'object';
}

function sizeOf(schema: TSchema | undefined): number {
  return Object.keys((schema?.properties as object | undefined) ?? {}).length;
}

function typeOf(name: string, schema: TSchema): ColumnType {
  if (moments.has(name)) return 'TIMESTAMP';
  if (spans.has(name)) return 'DOUBLE';
  if (schema.type === 'integer' || schema.type === 'number') return 'BIGINT';
  if (schema.type !== 'array') return 'VARCHAR';
  return (schema.items as TSchema).type === 'string' ? 'VARCHAR[]' : 'JSON';
}

/** What stands at a leaf of a record; undefined when it is absent. */
export function valueAt(record: unknown, { path, type }: Leaf): StoreValue | undefined {
  let value: unknown = record;
  for (const name of path) {
    if (value === undefined) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  if (value === undefined) return undefined;
  if (type === 'DOUBLE') return (value as number) / MICROS;
  return type === 'JSON' ? timedJson(value) : (value as StoreValue);
}

/** The record that has these values at its leaves; absent ones leave no member behind. */
export function recordOf(leaves: readonly Leaf[], values: readonly StoreValue[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  leaves.forEach(({ path, type }, i) => {
    const value = values[i];
    if (value === null || value === undefined) return;
    let at = record;
    for (const name of path.slice(0, -1)) {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
    }
    at[path.at(-1)!] =
      type === 'DOUBLE'
        ? Math.round((value as number) * MICROS)
        : type === 'JSON'
          ? fromTimedJson(value as string)
          : value;
  });
  return record;
}

/** JSON in which times are seconds, as in every output. The rows that decided are left out. */
function timedJson(value: unknown): string {
  return JSON.stringify(value, (key, member: unknown) => {
    if (key === 'evidence') return undefined;
    return isTime(key) && typeof member === 'number' ? member / MICROS : member;
  });
}

function fromTimedJson(text: string): unknown {
  return JSON.parse(text, (key, member: unknown) =>
    isTime(key) && typeof member === 'number' ? Math.round(member * MICROS) : member,
  );
}

function isTime(name: string): boolean {
  return moments.has(name) || spans.has(name);
}
