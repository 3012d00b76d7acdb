import type { Network } from './cidr.js';
import type { Pattern } from './pattern.js';
import type { RegexFlags } from './regular-expression.js';
import type { Comparison } from './value-test.js';

/** How much of the other field's text a field reference must be found in. */
export type ReferenceMode = 'equals' | 'contains' | 'startswith' | 'endswith';

/** A value of a rule on its way through the modifiers. */
export type RuleValue =
  | { readonly kind: 'text'; readonly raw: string; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'number'; readonly raw: string; readonly number: number }
  | { readonly kind: 'boolean'; readonly boolean: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: RegexFlags }
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'comparison'; readonly comparison: Comparison; readonly bound: number }
  | { readonly kind: 'fieldref'; readonly other: string; readonly mode: ReferenceMode; readonly cased: boolean }
  | { readonly kind: 'exists'; readonly expected: boolean };

/** Why a modifier does not take a value, or a value cannot be had. */
export interface Refusal {
  readonly refused: 'malformed' | 'unsupported';
  readonly reason: string;
}
