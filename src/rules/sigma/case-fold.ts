const ascii = /^[\0-\x7f]*$/;

/**
 * Text without regard to upper and lower case, code point by code point, so that length and order stay (the language-aware
 * `toLowerCase` depends on neighbours and turns one letter into two).
 */
export function foldCase(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  let folded = '';
  for (const point of text) folded += foldPoint(point);
  return folded;
}

function foldPoint(point: string): string {
  const lower = point.toLowerCase();
  return lower.length === point.length ? lower : point;
}
