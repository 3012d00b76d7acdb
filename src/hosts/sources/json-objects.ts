const QUOTE = 34;
const COMMA = 44;
const CLOSING_BRACKET = 93;
const BACKSLASH = 92;
const OPENING = 123;
const CLOSING = 125;
const SPACE = 32;

/**
 * The JSON objects that stand behind each other from `start` on, with nothing, blanks or the commas and bracket of an array between them. `isWhole` is
 * false where something else follows; what came before it is given all the same.
 */
export function objectsOf(
  text: string,
  start: number,
): { readonly values: readonly unknown[]; readonly isWhole: boolean } {
  const values: unknown[] = [];
  for (let at = start; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code <= SPACE || code === COMMA || code === CLOSING_BRACKET) {
      at++;
      continue;
    }
    const end = code === OPENING ? endOfObject(text, at) : -1;
    if (end < 0) return { values, isWhole: false };
    try {
      values.push(JSON.parse(text.slice(at, end)));
    } catch {
      return { values, isWhole: false };
    }
    at = end;
  }
  return { values, isWhole: true };
}

/** Where the object that begins at `start` is over; -1 when it is not. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  let inText = false;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) inText = false;
    } else if (code === QUOTE) inText = true;
    else if (code === OPENING) depth++;
    else if (code === CLOSING && --depth === 0) return at + 1;
  }
  return -1;
}

/** Where the last whole object of those that stand behind each other from the beginning on is over; 0 where none does. */
export function endOfLastObject(text: string): number {
  let end = 0;
  while (text.charCodeAt(end) === OPENING) {
    const next = endOfObject(text, end);
    if (next < 0) break;
    end = next;
  }
  return end;
}
