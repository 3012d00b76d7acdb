import { isJsonObject, type JsonObject } from '../host-source.js';

/**
 * The result line of a document that Elastic's osquery_manager wrote: one for each row, with its columns under `osquery` and what the line had
 * besides under `osquery_meta`, of a scheduled query. Undefined when it is none.
 */
export function fromOsqueryManager(document: JsonObject): JsonObject | undefined {
  const { osquery: columns, osquery_meta: meta } = document;
  if (!isJsonObject(columns) || !isJsonObject(meta)) return undefined;
  return {
    name: firstText(document.action_id, document.query_name, document.schedule_id) ?? '',
    hostIdentifier: firstText(nameIn(document.host), nameIn(document.agent)),
    unixTime: meta.unix_time,
    calendarTime: meta.calendar_time,
    epoch: meta.epoch,
    counter: meta.counter,
    columns,
    action: meta.type === 'snapshot' ? 'snapshot' : meta.action,
  };
}

function nameIn(value: unknown): unknown {
  return isJsonObject(value) ? firstText(value.hostname, value.name) : undefined;
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}
