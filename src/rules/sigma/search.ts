import type { Node } from 'yaml';
import type { Position, ProblemList } from '../rule-problem.js';
import type { Expression } from './expression.js';
import { fieldItem, type PlacedScalar } from './field-item.js';
import type { YamlTree } from './yaml-tree.js';

/** Deepest nesting of lists in a search. */
const maxDepth = 20;

/**
 * What stands under a name of a detection: a map is AND of its fields, a list OR of its items, a bare value a
 * keyword. Undefined when a problem was added.
 */
export function parseSearch(
  tree: YamlTree,
  node: Node | null,
  at: Position,
  problems: ProblemList,
  depth = 0,
): Expression | undefined {
  if (depth > maxDepth) {
    problems.malformed(at, 'the search nests too deeply');
    return undefined;
  }
  const map = tree.map(node);
  if (map !== undefined) {
    const entries = tree.entries(map, problems);
    if (entries.length === 0) problems.malformed(at, 'an empty map matches nothing');
    return joined(
      'and',
      entries.map(({ key, keyAt, value }) => parseField(tree, key, keyAt, value, problems)),
    );
  }
  const sequence = tree.sequence(node);
  if (sequence !== undefined) {
    const items = tree.items(sequence);
    if (items.length === 0) problems.malformed(at, 'an empty list matches nothing');
    return joined(
      'or',
      items.map((item) => parseSearch(tree, item, item === null ? at : tree.at(item), problems, depth + 1)),
    );
  }
  const scalar = tree.scalar(node, at);
  if (scalar === undefined) {
    problems.malformed(at, 'a map, a list or a keyword is expected');
    return undefined;
  }
  return fieldItem({ text: '', at }, [scalar], false, problems);
}

function parseField(
  tree: YamlTree,
  key: string,
  keyAt: Position,
  value: Node | null,
  problems: ProblemList,
): Expression | undefined {
  const sequence = tree.sequence(value);
  const nodes = sequence === undefined ? [value] : tree.items(sequence);
  const scalars: PlacedScalar[] = [];
  for (const node of nodes) {
    const scalar = tree.scalar(node, keyAt);
    if (scalar === undefined)
      problems.malformed(tree.at(node ?? value), `the value of "${key}" must be a text, a number, true, false or null`);
    else scalars.push(scalar);
  }
  if (scalars.length !== nodes.length) return undefined;
  if (key.split('|')[0] === '' && scalars.length === 0) {
    problems.malformed(keyAt, 'a list of keywords is empty');
    return undefined;
  }
  return fieldItem({ text: key, at: keyAt }, scalars, sequence !== undefined, problems);
}

function joined(kind: 'and' | 'or', children: readonly (Expression | undefined)[]): Expression | undefined {
  const known = children.filter((child) => child !== undefined);
  if (known.length !== children.length || known.length === 0) return undefined;
  return known.length === 1 ? known[0] : { kind, children: known };
}
