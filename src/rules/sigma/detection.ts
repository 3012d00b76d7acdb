import type { Node, YAMLMap } from 'yaml';
import type { Position, ProblemList } from '../rule-problem.js';
import { type Condition, isProblem, parseCondition } from './condition.js';
import type { Expression } from './expression.js';
import { parseSearch } from './search.js';
import type { Entry, YamlTree } from './yaml-tree.js';

/** What the `detection` of a rule means. Undefined when a problem was added. */
export function parseDetection(
  tree: YamlTree,
  map: YAMLMap,
  at: Position,
  problems: ProblemList,
): Expression | undefined {
  const searches = new Map<string, Expression | undefined>();
  let conditionEntry: Entry | undefined;
  for (const entry of tree.entries(map, problems)) {
    if (entry.key === 'condition') conditionEntry = entry;
    else if (entry.key === 'timeframe')
      problems.unsupported(entry.keyAt, 'timeframe went with aggregation; correlation took its place');
    else searches.set(entry.key, parseSearch(tree, entry.value, tree.at(entry.value), problems));
  }
  if (searches.size === 0) problems.malformed(at, 'the detection has no searches');
  if (conditionEntry === undefined) {
    problems.malformed(at, 'the detection has no condition');
    return undefined;
  }
  return parseConditions(tree, conditionEntry, searches, problems);
}

/** A list of conditions is their OR. */
function parseConditions(
  tree: YamlTree,
  entry: Entry,
  searches: ReadonlyMap<string, Expression | undefined>,
  problems: ProblemList,
): Expression | undefined {
  const sequence = tree.sequence(entry.value);
  const nodes = sequence === undefined ? [entry.value] : tree.items(sequence);
  const children: Expression[] = [];
  for (const node of nodes) {
    const text = tree.text(node);
    if (text === undefined) {
      problems.malformed(node === null ? entry.keyAt : tree.at(node), 'a condition is a text');
      continue;
    }
    const condition = parseCondition(text);
    if (isProblem(condition)) {
      problems[condition.kind](tree.within(node, condition.offset), condition.message);
      continue;
    }
    const resolver = { tree, node, searches, problems };
    const expression = resolveCondition(condition, resolver);
    if (expression !== undefined) children.push(expression);
  }
  if (nodes.length === 0) problems.malformed(entry.keyAt, 'the list of conditions is empty');
  if (children.length === 0 || children.length !== nodes.length) return undefined;
  return children.length === 1 ? children[0] : { kind: 'or', children };
}

interface Resolver {
  readonly tree: YamlTree;
  readonly node: Node | null;
  readonly searches: ReadonlyMap<string, Expression | undefined>;
  readonly problems: ProblemList;
}

function resolveCondition(condition: Condition, resolver: Resolver): Expression | undefined {
  switch (condition.kind) {
    case 'and':
    case 'or': {
      const children = condition.children.map((child) => resolveCondition(child, resolver));
      const known = children.filter((child) => child !== undefined);
      return known.length === children.length ? { kind: condition.kind, children: known } : undefined;
    }
    case 'not': {
      const child = resolveCondition(condition.child, resolver);
      return child === undefined ? undefined : { kind: 'not', child };
    }
    case 'search': {
      if (!resolver.searches.has(condition.name)) {
        const at = resolver.tree.within(resolver.node, condition.offset);
        resolver.problems.malformed(at, `the condition names "${condition.name}", which the detection does not have`);
      }
      return resolver.searches.get(condition.name);
    }
    case 'some':
    case 'every': {
      const names = [...resolver.searches.keys()].filter(nameFilter(condition.pattern));
      if (names.length === 0) {
        const at = resolver.tree.within(resolver.node, condition.offset);
        resolver.problems.malformed(at, `no search of the detection fits "${condition.pattern}"`);
        return undefined;
      }
      const known = names.map((name) => resolver.searches.get(name)).filter((search) => search !== undefined);
      if (known.length !== names.length) return undefined;
      return known.length === 1 ? known[0] : { kind: condition.kind === 'some' ? 'or' : 'and', children: known };
    }
  }
}

/** Names that begin with _ are left out, unless the pattern itself does. */
function nameFilter(pattern: string): (name: string) => boolean {
  if (pattern.toLowerCase() === 'them') return (name) => !name.startsWith('_');
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const fits = new RegExp(`^${parts.join('.*')}$`);
  return (name) => fits.test(name) && (!name.startsWith('_') || pattern.startsWith('_'));
}
