import { type CountedWeird, type WeirdName, weirdKinds } from './weird-table.js';

/** What Zeek tells beside the name: more about it, and its analyzer where the name alone does not show that. */
export interface WeirdDetails {
  readonly addl?: string;
  /** Of a packet only where its addresses had been read. */
  readonly source?: string;
}

/** The addresses of a packet. */
export interface WeirdEnds {
  readonly src: string;
  readonly dst: string;
}

/** A weird that was just counted. */
export interface WeirdNews extends WeirdDetails {
  readonly name: CountedWeird;
  /** Of the packet that had it, where what was decoded then stands for another one: what that one carries, or one with other ends. */
  readonly ends?: WeirdEnds;
}

/** How often each weird occurred. */
export class WeirdCounts {
  readonly #counts = new Map<CountedWeird, number>();
  /** What was counted since `takeNews`, in order; stays empty unless `keepsNews`. Bounded by taking them after every packet. */
  news: WeirdNews[] = [];

  /** Counted so far, of all names. */
  total = 0;

  /** Whether what is being decoded lies in a tunnel. */
  inTunnel = false;

  constructor(private readonly keepsNews = false) {}

  count(weird: WeirdName, details?: WeirdDetails): void {
    const name = this.inTunnel && weirdKinds[weird].sameInTunnel !== true ? (`${weird}_in_tunnel` as const) : weird;
    this.total++;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    if (this.keepsNews) this.news.push({ name, ...details });
  }

  /** Keeps the addresses of the packet that is decoded with what was counted so far, before it comes to stand for another one. */
  keepEnds(ends: WeirdEnds): void {
    this.news = this.news.map((one) => ({ ends, ...one }));
  }

  takeNews(): readonly WeirdNews[] {
    const { news } = this;
    this.news = [];
    return news;
  }

  /** Only those that occurred, by name. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Two snapshots as one. */
export function addWeirds(
  one: Readonly<Record<string, number>>,
  two: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(two)) sum[name] = (sum[name] ?? 0) + count;
  return Object.fromEntries(Object.entries(sum).sort(([a], [b]) => (a < b ? -1 : 1)));
}
