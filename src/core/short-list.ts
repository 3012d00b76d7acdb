/** So few items have a list made anew for each. */
const FEW = 16;

/**
 * The list with one more item, which replaces it. A list that grows gets room for 16 items more than it has; this is for those that mostly stay
 * short and of which there are many, one for each host.
 */
export function appended<T>(list: T[], item: T): T[] {
  if (list.length < FEW) return list.concat([item]);
  list.push(item);
  return list;
}

/** The same of numbers: V8 keeps a list of numbers that are no small integers without an object for each only where it has never seen another kind. */
export function appendedNumber(list: number[], item: number): number[] {
  if (list.length < FEW) return list.concat([item]);
  list.push(item);
  return list;
}

/** The list with the item put in at a place, which replaces it. See `appended`. */
export function inserted<T>(list: T[], at: number, item: T): T[] {
  if (list.length < FEW) return list.toSpliced(at, 0, item);
  list.splice(at, 0, item);
  return list;
}
