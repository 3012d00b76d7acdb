/** Words, numbers and addresses, quoted names, and signs of libpcap's filter language (pcap-filter(7)). */
const TOKEN = /[A-Za-z0-9_.:$%@-]+|[<>=!]=|<<|>>|&&|\|\||\S/g;

/** What may follow a beginning of a filter to make a whole of it. */
const completions = ['', ' 1', ' 1.2.3.4', ' tcp', ' = 1', ' 1.2.3.4/24', '] = 1', ' 0] = 1', ' 1 = 1'];

/** More tokens than this are not searched. */
const MAX_TOKENS = 512;

/**
 * Where in a BPF filter the error lies: the column, from 1, of the first token that no filter can have at its place, or of the
 * token that the compiler's message names. libpcap itself tells no place. `compiles` tries a text.
 */
export function filterErrorColumn(filter: string, message: string, compiles: (text: string) => boolean): number {
  const tokens = [...filter.matchAll(TOKEN)];
  const named = /'([^']+)'/.exec(message)?.[1];
  const place = named === undefined ? undefined : tokens.find(([text]) => text === named)?.index;
  if (place !== undefined) return place + 1;
  if (tokens.length > MAX_TOKENS) return 1;
  // The parser reads from left to right: if a beginning can be completed, so can all that are shorter.
  let good = 0;
  let bad = tokens.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    const last = tokens[middle - 1]!;
    if (canBegin(filter.slice(0, last.index + last[0].length), compiles)) good = middle;
    else bad = middle;
  }
  return (tokens[good]?.index ?? filter.trimEnd().length) + 1;
}

function canBegin(text: string, compiles: (text: string) => boolean): boolean {
  let open = 0;
  for (const sign of text) open = sign === '(' ? open + 1 : sign === ')' ? Math.max(0, open - 1) : open;
  const closing = ')'.repeat(open);
  return completions.some((rest) => compiles(`${text}${rest}${closing}`) || compiles(`${text}${closing}${rest}`));
}
