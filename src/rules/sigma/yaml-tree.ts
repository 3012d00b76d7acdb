import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { messageOf } from '../../core/errors.js';
import { limits } from '../../core/limits.js';
import type { Position, ProblemList } from '../rule-problem.js';
import type { PlacedScalar } from './field-item.js';

/** An entry of a map whose key is text. */
export interface Entry {
  readonly key: string;
  readonly keyAt: Position;
  readonly value: Node | null;
}

/** A few lines of aliases of aliases can stand for more nodes than there is memory for. */
export class AliasBomb extends Error {}

/** A YAML file with the places of its parts. Aliases are followed. */
export class YamlTree {
  readonly #source: string;
  readonly #lines: LineCounter;
  readonly #document: Document;
  #aliases = 0;

  constructor(source: string, lines: LineCounter, document: Document) {
    this.#source = source;
    this.#lines = lines;
    this.#document = document;
  }

  get root(): Node | null {
    return this.#document.contents;
  }

  at(node: Node | null | undefined): Position {
    return this.#position(node?.range?.[0] ?? this.#document.range?.[0] ?? 0);
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** The node that an alias stands for, or the node. Throws AliasBomb beyond `limits.ruleAliases`. */
  resolve(node: Node | null): Node | null {
    if (!isAlias(node)) return node;
    if (++this.#aliases > limits.ruleAliases) throw new AliasBomb();
    return node.resolve(this.#document) ?? null;
  }

  map(node: Node | null): YAMLMap | undefined {
    const resolved = this.resolve(node);
    return isMap(resolved) ? resolved : undefined;
  }

  sequence(node: Node | null): YAMLSeq | undefined {
    const resolved = this.resolve(node);
    return isSeq(resolved) ? resolved : undefined;
  }

  /** The entries of a map, and behind them those that it takes over from others (`<<: *anchor`) and does not have itself. */
  entries(map: YAMLMap, problems: ProblemList): Entry[] {
    const entries: Entry[] = [];
    const merged: Entry[] = [];
    for (const pair of map.items) {
      const key = pair.key as Node | null;
      const value = pair.value as Node | null;
      if (!isScalar(key) || key.value === null) problems.malformed(this.at(key ?? map), 'a key must be a text');
      else if (key.value === '<<' && key.type === 'PLAIN') merged.push(...this.#merged(value, this.at(key), problems));
      else entries.push({ key: String(key.value), keyAt: this.at(key), value });
    }
    const own = new Set(entries.map(({ key }) => key));
    for (const entry of merged) {
      if (own.has(entry.key)) continue;
      own.add(entry.key);
      entries.push(entry);
    }
    return entries;
  }

  /** The entries of the map, or of the list of maps, that stands behind `<<`; the first of several holds. */
  #merged(value: Node | null, at: Position, problems: ProblemList): Entry[] {
    const sequence = this.sequence(value);
    return (sequence === undefined ? [value] : this.items(sequence)).flatMap((node) => {
      const map = this.map(node);
      if (map !== undefined) return this.entries(map, problems);
      problems.malformed(at, '"<<" takes over a map or a list of maps');
      return [];
    });
  }

  items(sequence: YAMLSeq): (Node | null)[] {
    return sequence.items.map((item) => (isPair(item) ? null : (item as Node | null)));
  }

  /** The scalar with its spelling; a missing value is null. Undefined for maps, lists and values YAML made objects of. */
  scalar(node: Node | null, fallback: Position): PlacedScalar | undefined {
    const resolved = this.resolve(node);
    if (resolved === null) return { value: null, raw: '', at: fallback };
    if (!isScalar(resolved)) return undefined;
    const { value } = resolved as Scalar;
    const at = this.at(node);
    if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
      return { value, raw: (resolved as Scalar).source ?? String(value), at };
    }
    return undefined;
  }

  text(node: Node | null): string | undefined {
    const resolved = this.resolve(node);
    return isScalar(resolved) && typeof resolved.value === 'string' ? resolved.value : undefined;
  }

  /**
   * Place of a character of a scalar's text. Folding and quoting change blanks only, so the count of characters that are no
   * blanks leads to it.
   */
  within(node: Node | null, offset: number): Position {
    const scalar = this.resolve(node);
    const start = scalar?.range?.[0];
    if (!isScalar(scalar) || typeof scalar.value !== 'string' || start === undefined) return this.at(node);
    let from = start;
    if (scalar.type === 'QUOTE_SINGLE' || scalar.type === 'QUOTE_DOUBLE') from++;
    if (scalar.type === 'BLOCK_FOLDED' || scalar.type === 'BLOCK_LITERAL') from = this.#source.indexOf('\n', start) + 1;
    let ahead = scalar.value.slice(0, offset).replace(/\s/g, '').length;
    while (from < this.#source.length) {
      if (!/\s/.test(this.#source[from]!) && ahead-- === 0) break;
      from++;
    }
    return this.#position(Math.min(from, scalar.range?.[1] ?? from));
  }
}

/** Nothing at all, as behind a `---` at the end. */
function isEmpty(contents: unknown): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && contents.source === '');
}

/** The documents of a YAML file that have content. What is not YAML is told in `problems`. */
export function parseYaml(source: string, problems: ProblemList): YamlTree[] {
  const lines = new LineCounter();
  const trees: YamlTree[] = [];
  try {
    for (const document of parseAllDocuments(source, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })) {
      for (const error of document.errors) {
        const { line, col } = lines.linePos(error.pos[0]);
        problems.malformed({ line: Math.max(1, line), column: Math.max(1, col) }, error.message);
      }
      if (document.errors.length === 0 && !isEmpty(document.contents)) {
        trees.push(new YamlTree(source, lines, document as Document));
      }
    }
  } catch (error) {
    // The parser recurses: a file of nothing but brackets exhausts the stack.
    problems.malformed({ line: 1, column: 1 }, `cannot be parsed: ${messageOf(error)}`);
  }
  return trees;
}
