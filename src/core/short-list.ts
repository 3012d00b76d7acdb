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
