import { expect } from 'vitest';
import { Join } from '../../../src/join/attribution.js';
import { reference } from '../../../src/join/reference.js';
import type { ConnectionUpdate } from '../../../src/records/connection.js';
import type { HostRow } from '../../../src/records/host-row.js';
import { referenceInWords } from './agreement.js';
import { linesInWords, type Teller } from './story.js';

const SECOND = 1_000_000;

type Ends = ReturnType<typeof linesInWords>;

/** Who had the ends of each connection, in whatever order it was told, and as the reference has it. */
export function inAnyOrder(teller: Teller, updates: readonly ConnectionUpdate[]): Record<string, Ends> {
  const { rows } = teller.complete(90_000);
  const orders: (HostRow | ConnectionUpdate)[][] = [
    [...rows, ...updates],
    [...updates, ...rows],
    [...updates.toReversed(), ...rows],
    [updates[0]!, ...rows, ...updates.slice(1)],
  ];
  const told = orders.map((order) => {
    const last: Record<string, Ends> = {};
    const join = new Join({
      latenessUs: 30 * SECOND,
      attrWaitUs: 2 * SECOND,
      finalOnly: false,
      emit: (line) => {
        last[line.connection.uid] = linesInWords(line);
      },
    });
    for (const step of order) {
      if ('kind' in step) join.row(step);
      else join.connection(step);
    }
    join.end();
    return last;
  });
  for (const [uid, { orig, resp }] of reference(updates, rows)) {
    const expected = { orig: referenceInWords(orig), resp: referenceInWords(resp) };
    for (const one of told) expect(one[uid]).toEqual(expected);
  }
  return told[0]!;
}

/** Who began each connection. */
export function originators(teller: Teller, updates: readonly ConnectionUpdate[]): Record<string, string> {
  return Object.fromEntries(Object.entries(inAnyOrder(teller, updates)).map(([uid, { orig }]) => [uid, orig]));
}
