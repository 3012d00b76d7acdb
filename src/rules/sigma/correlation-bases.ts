import type { Node } from 'yaml';
import type { ProblemList } from '../rule-problem.js';
import type { YamlTree } from './yaml-tree.js';

/**
 * Ids and names of the rules that a correlation counts and that do not alert by themselves: without `generate: true` they are
 * parts of it and no more.
 */
export function correlationBases(tree: YamlTree, correlation: Node | null, problems: ProblemList): string[] {
  const map = tree.map(correlation);
  if (map === undefined) return [];
  const entries = new Map(tree.entries(map, problems).map(({ key, value }) => [key, value]));
  const generate = entries.get('generate');
  if (generate !== undefined && tree.scalar(generate, tree.at(map))?.value === true) return [];
  const rules = entries.get('rules') ?? null;
  const sequence = tree.sequence(rules);
  const nodes = sequence === undefined ? [rules] : tree.items(sequence);
  return nodes.map((node) => tree.text(node)).filter((name) => name !== undefined);
}
