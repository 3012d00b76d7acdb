/** A problem in the text of a condition; `offset` counts characters from its start. */
export interface ConditionProblem {
  readonly offset: number;
  readonly kind: 'malformed' | 'unsupported';
  readonly message: string;
}

/** A condition, with the offset of every name in it. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly children: readonly Condition[] }
  | { readonly kind: 'not'; readonly child: Condition }
  | { readonly kind: 'search'; readonly name: string; readonly offset: number }
  /** `1 of`, `any of` (some) or `all of` (every) over a pattern or `them`. */
  | { readonly kind: 'some' | 'every'; readonly pattern: string; readonly offset: number };

interface Token {
  readonly text: string;
  readonly word: string;
  readonly offset: number;
}

class ConditionSyntaxError extends Error {
  readonly problem: ConditionProblem;

  constructor(offset: number, message: string, kind: ConditionProblem['kind'] = 'malformed') {
    super(message);
    this.problem = { offset, kind, message };
  }
}

/** Deepest nesting of parentheses and `not`. */
const maxDepth = 200;

/**
 * Reads a condition. Binding, tightest first: parentheses and `of`, `not`, `and`, `or`. Words of the language in any case.
 */
export function parseCondition(text: string): Condition | ConditionProblem {
  const tokens = tokensOf(text);
  let next = 0;

  const end = (): number => text.length;
  const peek = (): Token | undefined => tokens[next];
  const accept = (word: string): boolean => {
    if (peek()?.word !== word) return false;
    next++;
    return true;
  };

  function chain(word: 'or' | 'and', operand: (depth: number) => Condition, depth: number): Condition {
    const children = [operand(depth)];
    while (accept(word)) children.push(operand(depth));
    return children.length === 1 ? children[0]! : { kind: word, children };
  }
  const disjunction = (depth: number): Condition => chain('or', conjunction, depth);
  const conjunction = (depth: number): Condition => chain('and', negation, depth);
  function negation(depth: number): Condition {
    const token = peek();
    if (token?.word !== 'not') return primary(depth);
    if (depth >= maxDepth) throw new ConditionSyntaxError(token.offset, 'the condition nests too deeply');
    next++;
    return { kind: 'not', child: negation(depth + 1) };
  }
  function primary(depth: number): Condition {
    const token = peek();
    if (token === undefined) throw new ConditionSyntaxError(end(), 'the condition ends where a search is expected');
    if (token.word === '(') {
      if (depth >= maxDepth) throw new ConditionSyntaxError(token.offset, 'the condition nests too deeply');
      next++;
      const inner = disjunction(depth + 1);
      if (!accept(')')) throw new ConditionSyntaxError(peek()?.offset ?? end(), 'a closing parenthesis is missing');
      return inner;
    }
    if (tokens[next + 1]?.word === 'of') return quantified(token);
    if ([')', 'and', 'or', 'of', '|'].includes(token.word)) throw unexpected(token);
    next++;
    return { kind: 'search', name: token.text, offset: token.offset };
  }
  function quantified(count: Token): Condition {
    if (!['1', 'any', 'all'].includes(count.word)) {
      throw new ConditionSyntaxError(count.offset, `"${count.text} of": only 1, any and all are known`, 'unsupported');
    }
    next += 2;
    const pattern = peek();
    if (pattern === undefined || ['(', ')', 'and', 'or', 'not', 'of', '|'].includes(pattern.word)) {
      throw new ConditionSyntaxError(pattern?.offset ?? end(), 'a name, a pattern or "them" is expected');
    }
    next++;
    return { kind: count.word === 'all' ? 'every' : 'some', pattern: pattern.text, offset: pattern.offset };
  }

  try {
    const condition = disjunction(0);
    const rest = peek();
    if (rest !== undefined) throw unexpected(rest);
    return condition;
  } catch (error) {
    if (error instanceof ConditionSyntaxError) return error.problem;
    throw error;
  }
}

/** Whether the parser refused. */
export function isProblem(condition: Condition | ConditionProblem): condition is ConditionProblem {
  return 'message' in condition;
}

function unexpected(token: Token): ConditionSyntaxError {
  return token.word === '|'
    ? new ConditionSyntaxError(
        token.offset,
        'aggregation behind "|" was abolished; correlation took its place',
        'unsupported',
      )
    : new ConditionSyntaxError(token.offset, `"${token.text}" is not expected here`);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(/[()|]|[^\s()|]+/g)) {
    tokens.push({ text: match[0], word: match[0].toLowerCase(), offset: match.index });
  }
  return tokens;
}
