import { CorrelateError } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { Warn } from '../../core/warnings.js';
import type { HostRow } from '../../records/host-row.js';
import { BadLines } from './bad-lines.js';
import { type HostLogDecoder, isJsonObject, type JsonObject } from './host-source.js';
import { readLogBytes } from './log-bytes.js';
import { readLogLines } from './log-lines.js';
import { hostSources } from './registry.js';

/** Lines of a host log. `unused` ones are well-formed and about a table that is not understood, or a status. */
export interface HostLogCounts {
  lines: number;
  bad: number;
  unused: number;
}

/** What reading a host log needs from its caller. */
export interface HostLogOptions {
  readonly warn: Warn;
  /** Added to while the log is read. */
  readonly counts?: HostLogCounts;
}

/**
 * Reads a host log of any known format (`hostSources`) as batches of host rows.
 *
 * `path` may be `-` for standard input; gzip and the format are recognised by content, the latter by the first line that
 * a source knows. Broken lines are skipped, counted and reported (HOST_LOG_BAD_LINE); an empty log gives no rows. Throws
 * CorrelateError HOST_LOG_OPEN_FAILED (also when reading fails later), HOST_LOG_UNKNOWN_FORMAT or HOST_LOG_VERSION.
 */
export async function* readHostLog(path: string, options: HostLogOptions): AsyncIterable<HostRow[]> {
  const { warn, counts = { lines: 0, bad: 0, unused: 0 } } = options;
  const where = path === '-' ? 'stdin' : path;
  const badLines = new BadLines(where, warn);
  let decoder: HostLogDecoder | undefined;
  let isEmpty = true;
  let unused = 0;
  const source = readLogBytes(path, where, warn);
  for await (const { number, bytes, text } of readLogLines(source, limits.hostLineBytes)) {
    isEmpty = false;
    counts.lines++;
    const line = text === undefined ? `the line is longer than ${limits.hostLineBytes} bytes` : parseLine(text, number);
    if (typeof line === 'string') {
      badLines.add(number, line);
      counts.bad++;
      continue;
    }
    if (decoder === undefined) {
      decoder = hostSources.find((candidate) => candidate.recognises(line))?.open(where, warn);
      if (decoder !== undefined) badLines.formatKnown();
    }
    const reason = decoder === undefined ? 'the line has no known form' : decoder.accept(line, bytes);
    if (reason !== undefined) {
      badLines.add(number, reason);
      counts.bad++;
    }
    if (decoder === undefined) continue;
    if (decoder.unused > unused) counts.unused++;
    unused = decoder.unused;
    yield* decoder.ready();
  }
  if (decoder === undefined && !isEmpty) {
    throw new CorrelateError('HOST_LOG_UNKNOWN_FORMAT', `${where}: no line has the form of a known host log`);
  }
  if (decoder !== undefined) yield* decoder.end();
  badLines.end();
}

/** The line as an object, or why it is none. */
function parseLine(text: string, number: number): JsonObject | string {
  try {
    const value: unknown = JSON.parse(number === 1 && text.startsWith('\ufeff') ? text.slice(1) : text);
    return isJsonObject(value) ? value : 'the line is no JSON object';
  } catch {
    return 'the line is no JSON';
  }
}
