import fc from 'fast-check';

/** A rule as data, to be written as YAML and to be judged by the naive evaluator. */
export interface RandomRule {
  readonly searches: Readonly<Record<string, readonly RandomItem[]>>;
  readonly condition: RandomCondition;
}

export interface RandomItem {
  readonly field: string;
  readonly modifiers: readonly string[];
  readonly values: readonly (string | number | null)[];
}

export type RandomCondition =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'not'; readonly child: RandomCondition }
  | { readonly kind: 'and' | 'or'; readonly left: RandomCondition; readonly right: RandomCondition }
  | { readonly kind: 'some' | 'every'; readonly pattern: string };

export const fields: readonly string[] = ['Image', 'User', 'Port', 'id.orig_h'];

const text = fc
  .array(fc.constantFrom('a', 'B', 'é', '/', '\\', '\\\\', '*', '?', '\\*', '1', '.', '😀'), { maxLength: 5 })
  .map((parts) => parts.join(''));
const path = fc.constantFrom('/bin/a', '/a', 'x/B', '\\a', '443', '*/a', '/bin/*', '/é');

const item: fc.Arbitrary<RandomItem> = fc.oneof(
  fc.record({
    field: fc.constantFrom(...fields),
    modifiers: fc.constantFrom<readonly string[]>(
      [],
      ['contains'],
      ['startswith'],
      ['endswith'],
      ['contains', 'all'],
      ['endswith', 'all'],
      ['cased'],
      ['neq'],
      ['startswith', 'neq'],
    ),
    values: fc.array(fc.oneof(text, path), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    field: fc.constantFrom(...fields),
    modifiers: fc.constantFrom<readonly string[]>([], ['neq']),
    values: fc.array(fc.constantFrom(1, 443, -1), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ field: fc.constantFrom(...fields), modifiers: fc.constant([]), values: fc.constant([null]) }),
);

const names = ['sel_a', 'sel_b', 'filter'] as const;

const condition: fc.Arbitrary<RandomCondition> = fc.letrec<{ node: RandomCondition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record({ kind: fc.constant('name' as const), name: fc.constantFrom<string>(...names) }),
    fc.record({
      kind: fc.constantFrom('some' as const, 'every' as const),
      pattern: fc.constantFrom('them', 'sel_*', '*'),
    }),
    fc.record({ kind: fc.constant('not' as const), child: tie('node') }),
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('node'), right: tie('node') }),
  ),
})).node;

const search = fc.uniqueArray(item, {
  minLength: 1,
  maxLength: 3,
  selector: ({ field, modifiers }) => [field, ...modifiers].join('|'),
});

export const randomRule: fc.Arbitrary<RandomRule> = fc.record({
  searches: fc.record({ sel_a: search, sel_b: search, filter: search }),
  condition,
});

const scalar = fc.oneof(text, path, fc.constantFrom<string | number>(1, 443, '443', '/bin/A', 'C:\\b\\A'));

export const randomEvent: fc.Arbitrary<Record<string, unknown>> = fc.record(
  Object.fromEntries(
    fields.map((field) => [field, fc.oneof(scalar, fc.constant(null), fc.array(scalar, { maxLength: 2 }))]),
  ),
  { requiredKeys: [] },
);

/** The detection as YAML; parentheses only where precedence asks for them. */
export function detectionOf({ searches, condition: tree }: RandomRule): string {
  const maps = Object.entries(searches).map(([name, items]) => {
    const map = Object.fromEntries(
      items.map(({ field, modifiers, values }) => [
        [field, ...modifiers].join('|'),
        values.length === 1 ? values[0] : values,
      ]),
    );
    return `${name}: ${JSON.stringify(map)}`;
  });
  return `${maps.join('\n')}\ncondition: ${JSON.stringify(render(tree, 0))}`;
}

/** binding: 0 or, 1 and, 2 not */
function render(tree: RandomCondition, binding: number): string {
  switch (tree.kind) {
    case 'name':
      return tree.name;
    case 'some':
      return `1 of ${tree.pattern}`;
    case 'every':
      return `all of ${tree.pattern}`;
    case 'not':
      return `not ${render(tree.child, 2)}`;
    case 'and':
      return wrapped(`${render(tree.left, 1)} and ${render(tree.right, 1)}`, binding > 1);
    case 'or':
      return wrapped(`${render(tree.left, 0)} or ${render(tree.right, 0)}`, binding > 0);
  }
}

function wrapped(condition: string, needed: boolean): string {
  return needed ? `(${condition})` : condition;
}

/** Judges an event by the words of the specification, one regular expression for each value, nothing prepared. */
export function naiveMatch(rule: RandomRule, event: Readonly<Record<string, unknown>>): boolean {
  const search = (name: string): boolean => rule.searches[name]!.every((one) => naiveItem(one, event));
  const judge = (tree: RandomCondition): boolean => {
    switch (tree.kind) {
      case 'name':
        return search(tree.name);
      case 'not':
        return !judge(tree.child);
      case 'and':
        return judge(tree.left) && judge(tree.right);
      case 'or':
        return judge(tree.left) || judge(tree.right);
      default: {
        const chosen = names.filter((name) => tree.pattern !== 'sel_*' || name.startsWith('sel_'));
        return tree.kind === 'some' ? chosen.some(search) : chosen.every(search);
      }
    }
  };
  return judge(rule.condition);
}

function naiveItem({ field, modifiers, values }: RandomItem, event: Readonly<Record<string, unknown>>): boolean {
  const stored = event[field];
  const present = (Array.isArray(stored) ? stored : [stored]).filter((one) => one !== undefined && one !== null);
  const passes = (value: string | number | null): boolean => {
    if (value === null) return stored === undefined || stored === null;
    if (typeof value === 'number')
      return present.some((one) => /^-?\d+(\.\d+)?$/.test(String(one)) && Number(one) === value);
    const before = modifiers.includes('contains') || modifiers.includes('endswith') ? '[^]*' : '';
    const after = modifiers.includes('contains') || modifiers.includes('startswith') ? '[^]*' : '';
    const body = value.replace(/\\[\\*?]|./gsu, (part) => {
      if (part === '*') return '[^]*';
      if (part === '?') return '[^]';
      return `\\u{${part.codePointAt(part.length > 1 && part.startsWith('\\') ? 1 : 0)!.toString(16)}}`;
    });
    const pattern = new RegExp(`^${before}${body}${after}$`, modifiers.includes('cased') ? 'u' : 'ui');
    return present.some((one) => pattern.test(String(one)));
  };
  const holds = modifiers.includes('all') ? values.every(passes) : values.some(passes);
  return modifiers.includes('neq') ? !holds : holds;
}
