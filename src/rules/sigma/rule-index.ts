import { anyScalar, compile, type Matcher } from './compile.js';
import type { Anchor, Expression } from './expression.js';
import type { Accessor, EventFields } from './log-source.js';
import { anchorKey, tailOf } from './value-test.js';

/** Text of a field, one of which an event must have for a rule to match. */
interface Requirement {
  readonly field: string;
  readonly anchor: Anchor;
}

/** The rules that an event's text of one field leads to. */
interface Shelf<E> {
  readonly read: Accessor<E>;
  readonly kind: Anchor['kind'];
  readonly rules: Map<string, number[]>;
}

/**
 * Finds the rules that match an event without trying all: a rule that needs one of a few texts in an indexed field is tried
 * only for events that have one. The result is that of trying every rule, in the order of the rules.
 */
export class RuleIndex<E> {
  readonly #matchers: readonly Matcher<E>[];
  readonly #shelves = new Map<string, Shelf<E>>();
  /** Rules tried for every event. */
  readonly #always: number[] = [];

  constructor(expressions: readonly Expression[], fields: EventFields<E>, indexed: readonly string[]) {
    this.#matchers = expressions.map((expression) => compile(expression, fields));
    const useful = new Set(indexed);
    for (const [rule, expression] of expressions.entries()) {
      const requirements = requirementsOf(expression, useful);
      if (requirements === undefined) this.#always.push(rule);
      else for (const requirement of requirements) this.#shelve(rule, requirement, fields);
    }
  }

  /** How many rules are found by a text and how many are tried for every event. */
  get sizes(): { readonly indexed: number; readonly always: number } {
    return { indexed: this.#matchers.length - this.#always.length, always: this.#always.length };
  }

  /** Numbers of the rules that match, ascending. */
  matching(event: E): number[] {
    return this.candidates(event).filter((rule) => this.#matchers[rule]!(event));
  }

  /** Whether one rule matches. */
  matches(rule: number, event: E): boolean {
    return this.#matchers[rule]!(event);
  }

  /** Numbers of the rules that may match, ascending. */
  candidates(event: E): readonly number[] {
    let found: Set<number> | undefined;
    for (const { read, kind, rules } of this.#shelves.values()) {
      anyScalar(read(event), (value) => {
        const text = kind === 'exact' ? String(value) : tailOf(String(value));
        const shelved = rules.get(anchorKey(text));
        if (shelved !== undefined) {
          found ??= new Set(this.#always);
          for (const rule of shelved) found.add(rule);
        }
        return false;
      });
    }
    return found === undefined ? this.#always : [...found].sort((a, b) => a - b);
  }

  #shelve(rule: number, { field, anchor }: Requirement, fields: EventFields<E>): void {
    const read = fields.accessor(field);
    // No event has the field, so this requirement is never met.
    if (read === undefined) return;
    const name = `${anchor.kind} ${field}`;
    const shelf = this.#shelves.get(name) ?? { read, kind: anchor.kind, rules: new Map<string, number[]>() };
    this.#shelves.set(name, shelf);
    const rules = shelf.rules.get(anchor.text);
    if (rules === undefined) shelf.rules.set(anchor.text, [rule]);
    else rules.push(rule);
  }
}

/** Texts of which an event that matches has at least one; undefined when there is no such list. */
function requirementsOf(expression: Expression, useful: ReadonlySet<string>): readonly Requirement[] | undefined {
  switch (expression.kind) {
    case 'field': {
      const { field, test } = expression;
      return test.anchor !== undefined && useful.has(field) ? [{ field, anchor: test.anchor }] : undefined;
    }
    case 'and': {
      const lists = expression.children
        .map((child) => requirementsOf(child, useful))
        .filter((list) => list !== undefined);
      return lists.sort((a, b) => a.length - b.length)[0];
    }
    case 'or': {
      const lists = expression.children.map((child) => requirementsOf(child, useful));
      return lists.some((list) => list === undefined) ? undefined : lists.flatMap((list) => list ?? []);
    }
    default:
      return undefined;
  }
}
