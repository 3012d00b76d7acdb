import { limits } from '../../../core/limits.js';

/** Values by name, while they are filled in. */
export type NewColumns = Record<string, string | number>;

/** As many bits a number holds exactly. */
const MAX_COLUMNS = 52;

/**
 * Objects to make the rows of one shape from, which differ in the columns that have a value. An object that is built a name at a time is a hash table for
 * V8 beyond 16 names, with 1,600 bytes for 25 of them instead of 250 and many times slower to read; the copy of one that has them is not.
 */
export class RowTemplates {
  readonly #byKept = new Map<number, NewColumns>();

  /** Any value of its type for each name. */
  constructor(private readonly empty: readonly (readonly [string, string | number])[]) {}

  /** An object with the columns of which there is a bit in `kept`, the first one's the highest; empty where there are too many. */
  copy(kept: number): NewColumns {
    const template = this.#byKept.get(kept);
    if (template !== undefined) return { ...template };
    if (this.empty.length > MAX_COLUMNS || this.#byKept.size >= limits.hostRowTemplates) return {};
    const bits = kept.toString(2).padStart(this.empty.length, '0');
    const made = Object.fromEntries(this.empty.filter((_, at) => bits[at] === '1'));
    this.#byKept.set(kept, made);
    return { ...made };
  }
}
