import { CorrelateError } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { Warn } from '../../core/warnings.js';
import type { HostRow } from '../../records/host-row.js';
import { BadLines } from './bad-lines.js';
import type { HostLogDecoder, HostSource, JsonObject } from './host-source.js';
import { type HeldLines, parseLine } from './json-line.js';
import { readLogBytes } from './log-bytes.js';
import { readLogLines } from './log-lines.js';
import { inOrderOfTime } from './log-order.js';
import { hostSources } from './registry.js';

/** Lines of host logs. */
export interface HostLogCounts {
  lines: number;
  bad: number;
  /** Well-formed ones that tell nothing of owners. */
  unused: number;
  /** What these are, each with its number; beyond `limits.hostUnusedKinds` they are counted under an empty text. */
  readonly unusedKinds: Map<string, number>;
}

export function noHostLines(): HostLogCounts {
  return { lines: 0, bad: 0, unused: 0, unusedKinds: new Map() };
}

/** What reading host logs needs from its caller. */
export interface HostLogOptions {
  readonly warn: Warn;
  /** Added to while the logs are read. */
  readonly counts?: HostLogCounts;
  /** The logs end where they have been read to. */
  readonly stop?: AbortSignal;
}

/**
 * Reads host logs of any known format (`hostSources`) as batches of host rows. Those of a format that is written on in further files,
 * as a log is when it is rotated, are read as one, in the order of the times at which they begin, however they are given.
 *
 * A path may be `-` for standard input; gzip and the format are recognised by content, the latter by the first line that
 * a source knows. Broken lines are skipped, counted and reported (HOST_LOG_BAD_LINE); an empty log gives no rows. Throws
 * CorrelateError HOST_LOG_OPEN_FAILED (also when reading fails later), HOST_LOG_UNKNOWN_FORMAT or HOST_LOG_VERSION.
 */
export async function* readHostLogs(paths: readonly string[], options: HostLogOptions): AsyncIterable<HostRow[]> {
  const { warn, counts = noHostLines(), stop } = options;
  const whole = new Map<HostSource, HostLogDecoder>();
  for (const path of await inOrderOfTime(paths)) yield* readOne(path, whole, warn, counts, stop);
  for (const decoder of whole.values()) yield* decoder.end();
}

const TOO_LONG: HeldLines = { lines: [], problem: `the line is longer than ${limits.hostLineBytes} bytes` };

/** Reads one file. `whole` has the decoders that go on from file to file. */
async function* readOne(
  path: string,
  whole: Map<HostSource, HostLogDecoder>,
  warn: Warn,
  counts: HostLogCounts,
  stop?: AbortSignal,
): AsyncIterable<HostRow[]> {
  const where = path === '-' ? 'stdin' : path;
  const badLines = new BadLines(where, warn);
  let decoder: HostLogDecoder | undefined;
  let isEmpty = true;
  let first: JsonObject | undefined;
  const source = readLogBytes(path, where, warn, stop);
  for await (const batch of readLogLines(source, limits.hostLineBytes)) {
    for (const { number, bytes, text } of batch) {
      isEmpty = false;
      const { lines, problem }: HeldLines = text === undefined ? TOO_LONG : parseLine(text, number);
      first ??= lines[0];
      for (const line of lines) {
        counts.lines++;
        if (decoder === undefined) {
          decoder = open(line, whole, where, warn);
          if (decoder !== undefined) badLines.formatKnown();
        }
        const known = decoder?.accept(line, Math.ceil(bytes / lines.length));
        const verdict = decoder === undefined ? { bad: 'the line has no known form' } : known;
        if (verdict !== undefined && 'bad' in verdict) {
          badLines.add(number, verdict.bad);
          counts.bad++;
        } else if (verdict !== undefined) countUnused(counts, verdict.unused);
        if (decoder !== undefined) for (const rows of decoder.ready()) yield rows;
      }
      if (problem === undefined) continue;
      badLines.add(number, problem);
      counts.lines++;
      counts.bad++;
    }
  }
  if (decoder === undefined && !isEmpty) {
    const message = `${where}: no line has the form of a known host log; ${whatIs(first)}`;
    throw new CorrelateError('HOST_LOG_UNKNOWN_FORMAT', message);
  }
  if (decoder !== undefined && ![...whole.values()].includes(decoder)) yield* decoder.end();
  badLines.end();
}

const SHOWN_NAMES = 12;

/** What was found instead of a known line. */
function whatIs(first: JsonObject | undefined): string {
  if (first === undefined) return 'none is a JSON object';
  const names = Object.keys(first);
  const shown = names.slice(0, SHOWN_NAMES).map((name) => JSON.stringify(name.slice(0, 40)));
  const more = names.length > SHOWN_NAMES ? ', …' : '';
  return `the first JSON object has ${names.length === 0 ? 'no member' : shown.join(', ') + more}`;
}

function countUnused(counts: HostLogCounts, kind: string): void {
  const { unusedKinds } = counts;
  const key = unusedKinds.has(kind) || unusedKinds.size < limits.hostUnusedKinds ? kind : '';
  unusedKinds.set(key, (unusedKinds.get(key) ?? 0) + 1);
  counts.unused++;
}

/** The decoder for a file that has this line, new or that of the files before; undefined when no source knows the line. */
function open(
  line: JsonObject,
  whole: Map<HostSource, HostLogDecoder>,
  where: string,
  warn: Warn,
): HostLogDecoder | undefined {
  const source = hostSources.find((candidate) => candidate.recognises(line));
  if (source === undefined || !source.goesOn) return source?.open(where, warn);
  const decoder = whole.get(source) ?? source.open(where, warn);
  whole.set(source, decoder);
  return decoder;
}
