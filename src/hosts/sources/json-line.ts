import { isJsonObject, type JsonObject } from './host-source.js';

/** The line as an object, or why it is none. */
export function parseLine(text: string, number: number): JsonObject | string {
  try {
    const value: unknown = JSON.parse(number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text);
    return isJsonObject(value) ? value : 'the line is no JSON object';
  } catch {
    return 'the line is no JSON';
  }
}
