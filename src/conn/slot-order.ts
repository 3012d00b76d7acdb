/** Ordinals are put in places of their own while there are at most so many places for each. */
const DENSE = 8;
/** More than any slot number; times 2^32 still exact in a double. */
const SLOT_SPACE = 2 ** 21;

/** Slots in order of their ordinals, of which `least` and `greatest` are known. */
export function inOrder(slots: Int32Array, ordinals: Float64Array, least: number, greatest: number): Int32Array {
  if (slots.length === 0) return slots;
  return greatest - least < DENSE * slots.length ? inPlaces(slots, ordinals, least, greatest) : sorted(slots, ordinals);
}

/** Slots in order of ordinals that are close together: each is put in a place of its own. */
function inPlaces(slots: Int32Array, ordinals: Float64Array, least: number, greatest: number): Int32Array {
  const places = new Int32Array(greatest - least + 1);
  for (let i = 0; i < slots.length; i++) places[ordinals[i]! - least] = slots[i]! + 1;
  let n = 0;
  // By index: an iterator takes V8 20 ms until it has compiled the loop.
  for (let i = 0; i < places.length; i++) if (places[i] !== 0) slots[n++] = places[i]! - 1;
  return slots;
}

/** Slots in order of ordinals. */
function sorted(slots: Int32Array, ordinals: Float64Array): Int32Array {
  // One number per slot with the ordinal in front, so that the sort needs no function.
  const keys = ordinals.map((ordinal, i) => ordinal * SLOT_SPACE + slots[i]!);
  keys.sort();
  return slots.map((_, i) => keys[i]! % SLOT_SPACE);
}
