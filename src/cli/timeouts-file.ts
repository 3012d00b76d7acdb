import { readFileSync } from 'node:fs';
import type { Node } from 'yaml';
import { type TimeoutName, type Timeouts, timeoutTable } from '../conn/timeouts.js';
import { CorrelateError, fileProblem } from '../core/errors.js';
import { limits } from '../core/limits.js';
import { type Micros, parseSeconds, SECOND } from '../core/time.js';
import { formatProblem, ProblemList } from '../rules/rule-problem.js';
import { type Entry, parseYaml, type YamlTree } from '../rules/sigma/yaml-tree.js';

type Changed = { -readonly [Name in keyof Timeouts]?: Timeouts[Name] };

/** Zeek's name of the timer that its default scripts never start. */
const NEVER_STARTED = 'tcp_partial_close_delay';

/** Zeek's units of an interval, also in the plural and without the blank. */
const units: Readonly<Record<string, number>> = { usec: 1e-6, msec: 1e-3, sec: 1, min: 60, hr: 3600, day: 86_400 };
const MAX_SECONDS = 365 * 86_400;

const isName = (key: string): key is TimeoutName => Object.hasOwn(timeoutTable, key);

/** Seconds, or a number with one of Zeek's units (`5 min`, `1hr`); undefined when it is neither or out of range. */
function interval(raw: string): Micros | undefined {
  const match = /^([\d.]+)\s*(?:([a-z]+?)s?)?$/.exec(raw.trim());
  const factor = match?.[2] === undefined ? 1 : units[match[2]];
  const seconds = parseSeconds(match?.[1] ?? '');
  if (seconds === undefined || factor === undefined) return undefined;
  const us = Math.round(seconds * factor);
  return us > 0 && us <= MAX_SECONDS * SECOND ? us : undefined;
}

class TimeoutsReader {
  readonly timeouts: Changed = {};

  constructor(
    private readonly tree: YamlTree,
    private readonly problems: ProblemList,
  ) {}

  entry({ key, keyAt, value }: Entry): void {
    if (key === 'port_inactivity_timeouts') this.#ports(value);
    else if (isName(key)) {
      const us = this.#interval(value, key, keyAt);
      if (us !== undefined) this.timeouts[key] = us;
    } else if (key === NEVER_STARTED) {
      this.problems.malformed(
        keyAt,
        `${key}: Zeek's default scripts never start this timer, so there is nothing to set`,
      );
    } else {
      const known = [...Object.keys(timeoutTable), 'port_inactivity_timeouts'].join(', ');
      this.problems.malformed(keyAt, `there is no timeout ${key}; there are ${known}`);
    }
  }

  #ports(value: Node | null): void {
    const map = this.tree.map(value);
    if (map === undefined) {
      this.problems.malformed(this.tree.at(value), 'port_inactivity_timeouts is to be a map such as {22/tcp: 1 hr}');
      return;
    }
    const ports: Record<number, Micros> = {};
    for (const { key, keyAt, value: wanted } of this.tree.entries(map, this.problems)) {
      const port = Number(/^(\d{1,5})\/tcp$/.exec(key)?.[1] ?? Number.NaN);
      const us = this.#interval(wanted, key, keyAt);
      if (!(port <= 65_535)) this.problems.malformed(keyAt, `${key}: a port such as 22/tcp is wanted`);
      else if (us !== undefined) ports[port] = us;
    }
    this.timeouts.port_inactivity_timeouts = ports;
  }

  #interval(value: Node | null, key: string, keyAt: Entry['keyAt']): Micros | undefined {
    const scalar = this.tree.scalar(value, keyAt);
    const us = scalar === undefined ? undefined : interval(scalar.raw.replace(/^(['"])(.*)\1$/, '$2'));
    if (us === undefined) {
      const at = scalar?.at ?? this.tree.at(value);
      this.problems.malformed(at, `${key}: seconds or a time such as 5 min is wanted, above 0 and at most a year`);
    }
    return us;
  }
}

/**
 * The timeouts that a YAML file sets, under Zeek's names; the others keep their defaults. Everything that is wrong is told at
 * once, each with file, line and column.
 * @throws CorrelateError CONFIG_OPEN_FAILED, CONFIG_MALFORMED
 */
export function readTimeouts(path: string): Partial<Timeouts> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CorrelateError('CONFIG_OPEN_FAILED', `cannot read ${path}: ${fileProblem(error)}`, { cause: error });
  }
  const problems = new ProblemList(path);
  let timeouts: Partial<Timeouts> = {};
  if (text.length > limits.configFileBytes) problems.malformed({ line: 1, column: 1 }, 'the file is too long');
  else timeouts = timeoutsOf(text, problems);
  if (problems.problems.length > 0) {
    throw new CorrelateError('CONFIG_MALFORMED', problems.problems.map(formatProblem).join('\n'));
  }
  return timeouts;
}

function timeoutsOf(text: string, problems: ProblemList): Partial<Timeouts> {
  const [tree, second] = parseYaml(text, problems);
  if (tree === undefined) return {};
  const map = tree.map(tree.root);
  if (map === undefined || second !== undefined) {
    problems.malformed(tree.at(second?.root ?? tree.root), 'one map of names and times is wanted');
    return {};
  }
  const reader = new TimeoutsReader(tree, problems);
  for (const entry of tree.entries(map, problems)) reader.entry(entry);
  return reader.timeouts;
}
