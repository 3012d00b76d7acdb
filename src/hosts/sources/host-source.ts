import type { Micros } from '../../core/time.js';
import type { Warn } from '../../core/warnings.js';
import type { HostRow } from '../../records/host-row.js';

/** A parsed JSON object from outside: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What became of a line: undefined when it was used; `bad` says why it could not be read; `unused` lines are well-formed and tell nothing
 * of owners, and the text says what they are: the query that they are of, with what it lacks, or a status.
 */
export type LineVerdict = { readonly bad: string } | { readonly unused: string } | undefined;

/** Turns the lines of one log into host rows. It keeps the state that a log's lines need to be understood. */
export interface HostLogDecoder {
  /** Takes one line of `bytes` length. Throws CorrelateError only when the whole log cannot be read. */
  accept(line: JsonObject, bytes: number): LineVerdict;
  /** The batches that are ready. */
  ready(): Iterable<HostRow[]>;
  /** The log is over: all that is left. */
  end(): Iterable<HostRow[]>;
}

/** A format of host logs. */
export interface HostSource {
  readonly name: string;
  /** Whether a parsed line is one of this format; the first line that a source recognises decides for the file. */
  recognises(line: JsonObject): boolean;
  /** The line that a collector made a document of, with members of its own; undefined when it is none. */
  restored?(document: JsonObject): JsonObject | undefined;
  /** One log may be written on in further files, each without a beginning of its own. */
  readonly goesOn: boolean;
  /** When a line was written, for the order of such files; undefined where it does not tell. */
  timeOf(line: JsonObject): Micros | undefined;
  /** A decoder for one log. `where` names the log in warnings. */
  open(where: string, warn: Warn): HostLogDecoder;
}
