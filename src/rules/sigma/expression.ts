/** A value of a field of an event; undefined and null both count as missing. */
export type FieldValue = string | number | boolean | null | undefined | readonly FieldValue[] | object;

/** One present, single value of a field. */
export type Scalar = string | number | boolean;

/**
 * Text without which a test cannot hold, so that rules can be found by it. exact: the whole value. tail: what stands behind
 * the last / or \ of the value. Both in the form of `anchorKey`.
 */
export interface Anchor {
  readonly kind: 'exact' | 'tail';
  readonly text: string;
}

/** A compiled comparison with one value of a rule. */
export interface ValueTest {
  readonly matches: (value: Scalar) => boolean;
  /** Absent: the test can hold for values without a common text. */
  readonly anchor?: Anchor;
  /** The same for text whose case is folded already, where case does not matter. */
  readonly matchesFolded?: (folded: string) => boolean;
  /** Much dearer than a comparison, so better asked last. */
  readonly slow?: true;
}

/** What a rule's detection means once modifiers and condition are resolved; log sources bind its fields to accessors. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly children: readonly Expression[] }
  | { readonly kind: 'not'; readonly child: Expression }
  /** The field is present and its value, or one of its values, passes. */
  | { readonly kind: 'field'; readonly field: string; readonly test: ValueTest }
  /** The field is missing or null. */
  | { readonly kind: 'null'; readonly field: string }
  /** The event has the field, whatever its value. */
  | { readonly kind: 'exists'; readonly field: string }
  /** Both fields are present and a value of the first compares with a value of the second. */
  | {
      readonly kind: 'fieldref';
      readonly field: string;
      readonly other: string;
      readonly compare: (value: string, other: string) => boolean;
    }
  /** Some single leaf of the event passes. */
  | { readonly kind: 'keyword'; readonly test: ValueTest };
