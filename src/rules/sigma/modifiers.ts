import { parseNetwork } from './cidr.js';
import { isLiteral, literalPattern, type Pattern, parsePattern, textOf, widen, withDashes } from './pattern.js';
import type { RegexFlags } from './regular-expression.js';
import type { ReferenceMode, Refusal, RuleValue } from './rule-value.js';
import type { Comparison } from './value-test.js';

/**
 * One modifier. `apply` turns a value into one or several alternatives; without it the modifier speaks about the
 * item as a whole: `all` links its values by AND, `neq` negates it.
 */
export interface Modifier {
  readonly apply?: (value: RuleValue) => RuleValue | readonly RuleValue[] | Refusal;
  readonly item?: 'all' | 'neq';
  /** No other may stand before it. */
  readonly first?: true;
  /** No other may stand beside it. */
  readonly alone?: true;
  /** Only behind one of these. */
  readonly after?: readonly string[];
}

const malformed = (reason: string): Refusal => ({ refused: 'malformed', reason });

const takes = (what: string) => malformed(`takes ${what}`);

function affix(mode: Exclude<ReferenceMode, 'equals'>): Modifier {
  const before = mode !== 'startswith';
  const after = mode !== 'endswith';
  return {
    apply: (value) => {
      switch (value.kind) {
        case 'text':
          return { ...value, pattern: widen(value.pattern, before, after) };
        case 'number':
          return {
            ...textValue(value.raw, literalPattern(value.raw)),
            pattern: widen(literalPattern(value.raw), before, after),
          };
        case 'bytes':
          return textValue('', widen(byteText(value.bytes), before, after));
        case 'fieldref':
          return { ...value, mode };
        case 'regex':
          // A search is unanchored, so room before or behind changes nothing.
          return value;
        default:
          return takes('text, numbers, regular expressions and field references');
      }
    },
  };
}

function regexFlag(flag: keyof RegexFlags): Modifier {
  return {
    after: ['re', 'i', 'm', 's', 'ignorecase', 'multiline', 'dotall'],
    apply: (value) =>
      value.kind === 'regex'
        ? { ...value, flags: { ...value.flags, [flag]: true } }
        : takes('a regular expression (it stands behind re)'),
  };
}

function comparison(name: Comparison): Modifier {
  return {
    apply: (value) =>
      value.kind === 'number'
        ? { kind: 'comparison', comparison: name, bound: value.number }
        : takes('a number, unquoted'),
  };
}

function encoding(encode: (text: string) => Uint8Array): Modifier {
  return {
    apply: (value) => {
      if (value.kind !== 'text') return takes('text');
      if (!isLiteral(value.pattern)) return malformed('cannot encode a wildcard');
      return { kind: 'bytes', bytes: encode(textOf(value.pattern)) };
    },
  };
}

function utf16be(text: string): Uint8Array {
  return Buffer.from(text, 'utf16le').swap16();
}

function bytesOf(value: RuleValue): Uint8Array | Refusal {
  if (value.kind === 'bytes') return value.bytes;
  if (value.kind !== 'text') return takes('text');
  if (!isLiteral(value.pattern)) return malformed('cannot encode a wildcard');
  return Buffer.from(textOf(value.pattern), 'utf8');
}

const base64: Modifier = {
  apply: (value) => {
    const bytes = bytesOf(value);
    if ('refused' in bytes) return bytes;
    const text = Buffer.from(bytes).toString('base64');
    return textValue(text, literalPattern(text));
  },
};

/**
 * What any encoding that holds the bytes must hold, for each of the three places where they can start in a group of three.
 * The characters at the rims depend on neighbours and are cut.
 */
const base64offset: Modifier = {
  apply: (value) => {
    const bytes = bytesOf(value);
    if ('refused' in bytes) return bytes;
    return [0, 1, 2].map((offset) => {
      const text = Buffer.concat([Buffer.alloc(offset, 0x20), bytes]).toString('base64');
      const from = [0, 2, 3][offset]!;
      const cut = [0, 3, 2][(bytes.length + offset) % 3]!;
      const kept = text.slice(from, text.length - cut);
      return textValue(kept, literalPattern(kept));
    });
  },
};

function textValue(raw: string, pattern: Pattern): RuleValue {
  return { kind: 'text', raw, pattern, cased: false };
}

/** Bytes as the text in which each byte is a character, for rules that do not go on to base64. */
export function byteText(bytes: Uint8Array): Pattern {
  return Array.from(bytes);
}

/** Every modifier of the specification (2.1.0), and the aliases in use. One that is not here is refused. */
export const modifiers: Readonly<Record<string, Modifier | { readonly unsupported: string }>> = {
  contains: affix('contains'),
  startswith: affix('startswith'),
  endswith: affix('endswith'),
  all: { item: 'all' },
  neq: { item: 'neq' },
  cased: {
    apply: (value) =>
      value.kind === 'text' || value.kind === 'fieldref'
        ? { ...value, cased: true }
        : takes('text and field references'),
  },
  exists: {
    alone: true,
    apply: (value) =>
      value.kind === 'boolean' ? { kind: 'exists', expected: value.boolean } : takes('true or false, unquoted'),
  },
  re: {
    first: true,
    apply: (value) =>
      value.kind === 'text'
        ? { kind: 'regex', source: value.raw, flags: { ignoreCase: false, multiline: false, dotAll: false } }
        : takes('text'),
  },
  i: regexFlag('ignoreCase'),
  ignorecase: regexFlag('ignoreCase'),
  m: regexFlag('multiline'),
  multiline: regexFlag('multiline'),
  s: regexFlag('dotAll'),
  dotall: regexFlag('dotAll'),
  cidr: {
    first: true,
    apply: (value) => {
      if (value.kind !== 'text') return takes('an address range');
      const network = parseNetwork(value.raw);
      return typeof network === 'string'
        ? malformed(`takes an address range: ${network}`)
        : { kind: 'network', network };
    },
  },
  gt: comparison('gt'),
  gte: comparison('gte'),
  lt: comparison('lt'),
  lte: comparison('lte'),
  fieldref: {
    apply: (value) =>
      value.kind === 'text' && value.raw !== ''
        ? { kind: 'fieldref', other: value.raw, mode: 'equals', cased: value.cased }
        : takes('the name of a field'),
  },
  base64,
  base64offset,
  wide: encoding((text) => Buffer.from(text, 'utf16le')),
  utf16le: encoding((text) => Buffer.from(text, 'utf16le')),
  utf16be: encoding(utf16be),
  utf16: encoding((text) => Buffer.from(`\ufeff${text}`, 'utf16le')),
  windash: {
    apply: (value) => (value.kind === 'text' ? { ...value, pattern: withDashes(value.pattern) } : takes('text')),
  },
  expand: { unsupported: 'placeholders have no values here' },
  minute: { unsupported: 'parts of dates are not compared' },
  hour: { unsupported: 'parts of dates are not compared' },
  day: { unsupported: 'parts of dates are not compared' },
  week: { unsupported: 'parts of dates are not compared' },
  month: { unsupported: 'parts of dates are not compared' },
  year: { unsupported: 'parts of dates are not compared' },
};

/** The value as it stands in the rule, before any modifier. */
export function plainValue(value: string | number | boolean | null, raw: string): RuleValue {
  if (value === null) return { kind: 'null' };
  if (typeof value === 'string') return { kind: 'text', raw: value, pattern: parsePattern(value), cased: false };
  if (typeof value === 'number') return { kind: 'number', raw, number: value };
  return { kind: 'boolean', boolean: value };
}
