import { isJsonObject, type JsonObject } from './host-source.js';
import { objectsOf } from './json-objects.js';
import { hostSources } from './registry.js';

/**
 * Under these names shippers and collectors put a log's line, as text or taken apart: Filebeat and Elasticsearch with its search results, the journal of
 * systemd, Splunk, Docker, Wazuh (`osquery`), Kafka's REST proxy (`records`), CloudWatch (`logEvents`), Google's logging (`jsonPayload`), and osquery's
 * TLS logger, whose `data` are lists of lines.
 */
const wrappers = [
  'message',
  'MESSAGE',
  'json',
  'event',
  'original',
  '_source',
  'result',
  '_raw',
  'log',
  'data',
  'osquery',
  'hits',
  'records',
  'value',
  'logEvents',
  'jsonPayload',
  'textPayload',
] as const;
/** As deep as a text in a document in a list of search results. */
const MAX_DEPTH = 6;

/** What a line of a file holds. */
export interface HeldLines {
  /** Lines of a log: mostly one. */
  readonly lines: readonly JsonObject[];
  /** Why the line, or its end, is none. */
  readonly problem?: string;
}

/**
 * The lines of a log in one of a file, in order. They may stand behind each other (Firehose), in an array, behind a header of syslog, or in what a
 * shipper wrote around them. What no source knows stays as it is.
 */
export function parseLine(text: string, number: number): HeldLines {
  const bare = number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text;
  const whole = parsed(bare);
  // Nearly all are this.
  if (isJsonObject(whole) && knownLine(whole) === whole) return { lines: [whole] };
  const { values, isWhole } = whole === undefined ? objectsIn(bare) : { values: [whole], isWhole: true };
  const lines: JsonObject[] = [];
  // An array of lines is looked into, arrays in it are not.
  for (const value of values.flat()) unwrap(value, lines);
  if (!isWhole) return { lines, problem: 'the line is no JSON' };
  return lines.length > 0 || values.length === 0 ? { lines } : { lines, problem: 'the line is no JSON object' };
}

/** The objects in a text that is not JSON as a whole. */
function objectsIn(text: string): { readonly values: readonly unknown[]; readonly isWhole: boolean } {
  const start = text.indexOf('{');
  if (start < 0) return { values: [], isWhole: /^\s*[[\],]\s*$/.test(text) };
  const found = objectsOf(text, start);
  // What stands before may be a header of syslog, but only of a line that can be read.
  const isHeader = /^[^\p{Cc}]*$/u.test(text.slice(0, start)) && found.values.length > 0;
  return start === 0 || isHeader ? found : { values: [], isWhole: false };
}

function unwrap(value: unknown, lines: JsonObject[]): void {
  if (!isJsonObject(value)) return;
  const before = lines.length;
  collectKnown(value, 0, lines);
  if (lines.length === before) lines.push(value);
}

/** Appends the lines that a source knows in a value. */
function collectKnown(value: unknown, depth: number, lines: JsonObject[]): void {
  if (depth > MAX_DEPTH) return;
  if (typeof value === 'string') {
    if (value.trimStart().startsWith('{')) collectKnown(parsed(value), depth, lines);
  } else if (Array.isArray(value)) for (const each of value) collectKnown(each, depth + 1, lines);
  else if (isJsonObject(value)) {
    const line = knownLine(value);
    if (line !== undefined) lines.push(line);
    else {
      for (const name of wrappers) {
        const before = lines.length;
        if (Object.hasOwn(value, name)) collectKnown(value[name], depth + 1, lines);
        if (lines.length > before) return;
      }
    }
  }
}

/** The value when a source knows it, or the line that it was made of. */
function knownLine(value: JsonObject): JsonObject | undefined {
  for (const source of hostSources) {
    if (source.recognises(value)) return value;
    const line = source.restored?.(value);
    if (line !== undefined) return line;
  }
  return undefined;
}

/** Undefined where the text is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
