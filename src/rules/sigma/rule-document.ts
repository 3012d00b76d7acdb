import { type AlertRule, type Level, levels } from '../../records/alert.js';
import type { Position, ProblemList } from '../rule-problem.js';
import { correlationBases } from './correlation-bases.js';
import { parseDetection } from './detection.js';
import type { Expression } from './expression.js';
import type { LogSourceNames } from './log-source.js';
import { AliasBomb, type Entry, parseYaml, type YamlTree } from './yaml-tree.js';

/** A rule as its document states it, before a log source is found for it. */
export interface ParsedRule {
  readonly about: AlertRule;
  /** By which correlations may refer to it, besides the id. */
  readonly name?: string;
  readonly at: Position;
  readonly logSource: LogSourceNames;
  readonly logSourceAt: Position;
  readonly detectionAt: Position;
  readonly expression: Expression;
}

/** Keys of the specification. Others are allowed, but not one that is a slip of the pen for one of these. */
const knownKeys = [
  'title',
  'id',
  'name',
  'related',
  'taxonomy',
  'status',
  'description',
  'license',
  'references',
  'author',
  'date',
  'modified',
  'logsource',
  'detection',
  'fields',
  'falsepositives',
  'level',
  'tags',
  'scope',
] as const;

/** What a file of rules holds. */
export interface ParsedFile {
  readonly rules: readonly ParsedRule[];
  /** Ids and names of rules that may not alert by themselves. */
  readonly bases: readonly string[];
}

/** Reads every document of a file. What is wrong with one leaves the others alone. */
export function parseRules(source: string, problems: ProblemList): ParsedFile {
  const rules: ParsedRule[] = [];
  const bases: string[] = [];
  const trees = parseYaml(source, problems);
  if (trees.length === 0 && problems.problems.length === 0)
    problems.malformed({ line: 1, column: 1 }, 'no rule in the file');
  for (const tree of trees) {
    try {
      const rule = parseRule(tree, bases, problems);
      if (rule !== undefined) rules.push(rule);
    } catch (error) {
      if (!(error instanceof AliasBomb)) throw error;
      problems.malformed(tree.at(tree.root), 'aliases of the document stand for too much');
    }
    problems.rule = undefined;
  }
  return { rules, bases };
}

function parseRule(tree: YamlTree, bases: string[], problems: ProblemList): ParsedRule | undefined {
  const start = tree.at(tree.root);
  const map = tree.map(tree.root);
  if (map === undefined) {
    problems.malformed(start, 'a rule is a map');
    return undefined;
  }
  const found = problems.problems.length;
  const entries = new Map(tree.entries(map, problems).map((entry) => [entry.key, entry]));
  const text = (key: string): string | undefined => tree.text(entries.get(key)?.value ?? null);
  problems.rule = text('id') ?? text('title');

  const other = (['correlation', 'filter', 'action'] as const).find((key) => entries.has(key));
  if (other !== undefined) {
    const { keyAt, value } = entries.get(other)!;
    problems.unsupported(keyAt, otherDocuments[other]);
    if (other === 'correlation') bases.push(...correlationBases(tree, value, problems));
    return undefined;
  }
  const misspelt = checkSpelling(entries, problems);
  const about = parseHeader(tree, entries, misspelt.has('title') ? undefined : start, problems);
  const logSource = misspelt.has('logsource')
    ? undefined
    : parseLogSource(tree, entries.get('logsource'), start, problems);
  const detection = entries.get('detection');
  const detectionMap = tree.map(detection?.value ?? null);
  if (detection === undefined && !misspelt.has('detection')) problems.malformed(start, 'the rule has no detection');
  if (detection !== undefined && detectionMap === undefined)
    problems.malformed(detection.keyAt, 'the detection is a map');
  const expression =
    detection === undefined || detectionMap === undefined
      ? undefined
      : parseDetection(tree, detectionMap, detection.keyAt, problems);
  // A rule with any problem is refused as a whole: to match a part of it would be another rule.
  if (expression === undefined || logSource === undefined || problems.problems.length > found) return undefined;
  const name = text('name');
  return {
    about,
    ...(name === undefined ? {} : { name }),
    at: start,
    logSource,
    logSourceAt: entries.get('logsource')!.keyAt,
    detectionAt: entries.get('detection')!.keyAt,
    expression,
  };
}

const otherDocuments = {
  correlation: 'correlation rules are not evaluated',
  filter: 'filters are not applied',
  action: 'collections by "action" were abolished in favour of YAML documents',
} as const;

function parseHeader(
  tree: YamlTree,
  entries: ReadonlyMap<string, Entry>,
  missingAt: Position | undefined,
  problems: ProblemList,
): AlertRule {
  const optionalText = (key: string): string | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    const scalar = tree.scalar(entry.value, entry.keyAt);
    if (scalar === undefined) problems.malformed(entry.keyAt, `${key} is a text`);
    return scalar === undefined || scalar.value === null ? undefined : String(scalar.value);
  };
  const texts = (key: string): string[] => {
    const entry = entries.get(key);
    if (entry === undefined) return [];
    const sequence = tree.sequence(entry.value);
    const nodes = sequence === undefined ? [entry.value] : tree.items(sequence);
    return nodes.map((node) => tree.scalar(node, entry.keyAt)?.raw ?? '').filter((item) => item !== '');
  };
  const title = optionalText('title');
  const titleAt = entries.get('title')?.keyAt ?? missingAt;
  if (title === undefined && titleAt !== undefined) problems.malformed(titleAt, 'the rule has no title');
  const level = optionalText('level');
  if (level !== undefined && !(levels as readonly string[]).includes(level)) {
    problems.malformed(tree.at(entries.get('level')!.value), `"${level}" is no level; there are ${levels.join(', ')}`);
  }
  const description = optionalText('description');
  const version = optionalText('modified') ?? optionalText('date');
  const author = optionalText('author');
  const tags = texts('tags');
  const references = texts('references');
  return {
    id: optionalText('id') ?? optionalText('name') ?? title ?? '',
    title: title ?? '',
    // The specification leaves the level open; most published rules are of this one.
    level: (level as Level | undefined) ?? 'medium',
    ...(description === undefined ? {} : { description }),
    ...(version === undefined ? {} : { version }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(references.length === 0 ? {} : { references }),
    ...(author === undefined ? {} : { author }),
    file: problems.file,
  };
}

function parseLogSource(
  tree: YamlTree,
  entry: Entry | undefined,
  start: Position,
  problems: ProblemList,
): LogSourceNames | undefined {
  const map = tree.map(entry?.value ?? null);
  if (entry === undefined || map === undefined) {
    problems.malformed(
      entry?.keyAt ?? start,
      entry === undefined ? 'the rule has no logsource' : 'the logsource is a map',
    );
    return undefined;
  }
  const names: { category?: string; product?: string; service?: string } = {};
  for (const { key, keyAt, value } of tree.entries(map, problems)) {
    if (key !== 'category' && key !== 'product' && key !== 'service') {
      const meant = ['category', 'product', 'service', 'definition'].find((known) => isSlip(key, known));
      if (meant !== undefined) problems.malformed(keyAt, `unknown key "${key}" in logsource; is "${meant}" meant?`);
      continue;
    }
    const text = tree.text(value);
    if (text === undefined) problems.malformed(keyAt, `the ${key} of a logsource is a text`);
    else names[key] = text;
  }
  return names;
}

/** The keys that are there under a misspelt name. */
function checkSpelling(entries: ReadonlyMap<string, Entry>, problems: ProblemList): Set<string> {
  const misspelt = new Set<string>();
  for (const { key, keyAt } of entries.values()) {
    const meant = knownKeys.find((known) => !entries.has(known) && isSlip(key, known));
    if (meant === undefined) continue;
    problems.malformed(keyAt, `unknown key "${key}"; is "${meant}" meant?`);
    misspelt.add(meant);
  }
  return misspelt;
}

/** One letter too many, too few, wrong, swapped with its neighbour, or upper case. */
function isSlip(written: string, meant: string): boolean {
  if (written === meant) return false;
  const word = written.toLowerCase();
  if (word === meant) return true;
  let same = 0;
  while (same < word.length && word[same] === meant[same]) same++;
  const rest = word.slice(same);
  const wanted = meant.slice(same);
  return (
    rest.slice(1) === wanted ||
    rest === wanted.slice(1) ||
    rest.slice(1) === wanted.slice(1) ||
    (rest.length > 1 && rest[0] === wanted[1] && rest[1] === wanted[0] && rest.slice(2) === wanted.slice(2))
  );
}
