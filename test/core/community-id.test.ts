import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/address.js';
import { communityId, icmpCounterpart } from '../../src/core/community-id.js';

const folder = new URL('../../../shared/corpus/community_id/', import.meta.url);
const reason = existsSync(folder) ? '' : ' (skipped: no ../shared/corpus)';

interface Vector {
  readonly proto: number;
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly communityid: string;
}

function idOf(v: Omit<Vector, 'communityid'>, seed = 0): string {
  const src = parseAddress(v.saddr)!;
  const dst = parseAddress(v.daddr)!;
  const ends = Int32Array.from([...src.words, ...dst.words]);
  return communityId(ends, src.version, v.proto, v.sport ?? -1, v.dport ?? -1, seed);
}

/** From the table of the specification's own test vectors. */
const known: readonly Vector[] = [
  {
    proto: 6,
    saddr: '128.232.110.120',
    daddr: '66.35.250.204',
    sport: 34855,
    dport: 80,
    communityid: '1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
  },
  {
    proto: 6,
    saddr: '66.35.250.204',
    daddr: '128.232.110.120',
    sport: 80,
    dport: 34855,
    communityid: '1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
  },
  {
    proto: 17,
    saddr: '192.168.1.52',
    daddr: '8.8.8.8',
    sport: 54585,
    dport: 53,
    communityid: '1:d/FP5EW3wiY1vCndhwleRRKHowQ=',
  },
  {
    proto: 1,
    saddr: '192.168.0.89',
    daddr: '192.168.0.1',
    sport: 8,
    dport: 0,
    communityid: '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=',
  },
];

describe('Community ID', () => {
  it.each(known)('of protocol $proto from $saddr is that of the specification', (vector) => {
    expect(idOf(vector)).toBe(vector.communityid);
  });

  it.skipIf(reason !== '')(`equals every vector of the corpus, with both seeds${reason}`, () => {
    let count = 0;
    for (const [file, seed] of [
      ['baseline_deflt.json', 0],
      ['baseline_seed1.json', 1],
    ] as const) {
      for (const vector of JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector[]) {
        expect([vector, idOf(vector, seed)]).toEqual([vector, vector.communityid]);
        count++;
      }
    }
    expect(count).toBeGreaterThanOrEqual(22);
  });

  it('keeps the direction of ICMP messages without an answer', () => {
    const there = idOf({ proto: 1, saddr: '192.0.2.1', daddr: '192.0.2.2', sport: 3, dport: 1 });
    const back = idOf({ proto: 1, saddr: '192.0.2.2', daddr: '192.0.2.1', sport: 3, dport: 1 });
    expect(there).not.toBe(back);
  });

  it('pairs ICMP types both ways', () => {
    for (const version of [4, 6] as const) {
      for (let type = 0; type < 256; type++) {
        const counterpart = icmpCounterpart(version, type);
        if (counterpart !== undefined) expect(icmpCounterpart(version, counterpart)).toBe(type);
      }
    }
    expect([icmpCounterpart(4, 3), icmpCounterpart(6, 1)]).toEqual([undefined, undefined]);
  });
});
