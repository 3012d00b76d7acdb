import type { RowStore } from './row-store.js';

/** Columns whose values the head of a record has anyway, so that they take no place of their own. */
export interface HeadColumns {
  /** The place in the head that gives this value of a column back exactly; below 0: none does. */
  find(name: string, value: unknown): number;
  /** Whether values of the column may have a place there at all. */
  mayHave(name: string): boolean;
  /** Whether the place, which a column of this name has had, gives this value of it back too; then `find` names that place. */
  gives(place: number, value: unknown): boolean;
  /** The value of a column that is in this place. */
  value(rows: RowStore, handle: number, place: number): unknown;
}
