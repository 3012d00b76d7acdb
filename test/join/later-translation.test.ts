import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { reference } from '../../src/join/reference.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import { referenceInWords } from './world/agreement.js';
import { swapped, translation } from './world/nat-rows.js';
import { connection, ends, inWords, Teller } from './world/story.js';

/** Who begins 10.0.0.5:40000 > 203.0.113.1:443 is seen outside as 198.51.100.1:61000. */
const inner = '10.0.0.5:40000>203.0.113.1:443';
const outer = '198.51.100.1:61000>203.0.113.1:443';
const masqueraded = translation(inner, swapped(outer));
/** 10.0.0.5:80 is published as 198.51.100.1:8080. */
const asked = '203.0.113.9:5555>198.51.100.1:8080';
const taken = '10.0.0.5:80>203.0.113.9:5555';
const published = translation(asked, taken);

const gateway = () =>
  new Teller('gw', { address: '198.51.100.1', streams: ['socket_events', 'interface_addresses', 'conntrack'] });
const inside = (err = 0.01) =>
  new Teller('inside', { address: '10.0.0.5', err, streams: ['socket_events', 'interface_addresses'] });

/** What is said of an end by what is told at first, and in the end, where the reference says the same. */
function said(
  side: 'orig' | 'resp',
  update: ConnectionUpdate,
  first: readonly Teller[],
  tellLater: () => void,
): [string, string] {
  const lines: AttributedConnection[] = [];
  const emit = (line: AttributedConnection): void => void lines.push(line);
  const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 0, finalOnly: false, startsKnown: true, emit });
  const before = first.flatMap(({ rows }) => rows);
  for (const row of before) join.row(row);
  join.connection(update);
  join.advance(update.connection.ts + 1_000_000);
  const words = inWords(lines.at(-1)![side]);
  tellLater();
  const all = first.flatMap(({ rows }) => rows);
  for (const row of all) if (!before.includes(row)) join.row(row);
  join.end();
  const last = inWords(lines.at(-1)![side]);
  expect(last).toBe(referenceInWords(reference([update], all).get('C1')![side]));
  return [words, last];
}

describe('what a gateway tells after an end behind it was found', () => {
  it('bounds the connection in time: what was accepted may be the next one', () => {
    const gw = gateway().row('conntrack', 'added', 0.2, published, -20).complete(20);
    const server = inside(30).socket(1, 'accept', 200, ends(taken)).complete(90_000);
    const [first, last] = said('resp', connection(0, 10, asked), [gw, server], () => {
      gw.row('conntrack', 'removed', 50, published, 20).row('conntrack', 'added', 50, published, 20).complete(90_000);
    });
    expect(first).toBe('accept_event inside:200');
    expect(last).toBe('ambiguous inside:200');
  });

  it('may show that a translation stood in place of a call of its own, where its beginning is not told', () => {
    const gw = gateway()
      .row('conntrack', 'added', -9_000, masqueraded, -9_020)
      .row('conntrack', 'removed', -500, masqueraded, -520)
      .socket(-0.1, 'connect', 7, ends(outer))
      .complete(20);
    const [first, last] = said('orig', connection(0, 10, outer), [gw], () => {
      gw.row('conntrack', 'removed', 5_000, masqueraded, 4_980).complete(90_000);
    });
    expect(first).toBe('socket_event gw:7');
    expect(last).toBe('nat');
  });

  it('may be the beginning of a translation of which the end was told before', () => {
    const gw = gateway().row('conntrack', 'removed', 5_000, masqueraded, 4_980).complete(900);
    const client = inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000);
    const [first, last] = said('orig', connection(0, 10, outer), [gw, client], () => {
      gw.row('conntrack', 'added', 1_000, masqueraded, 900).complete(90_000);
    });
    // Nobody had these endpoints: what is said before must not be of a translation that had not begun.
    expect(first).toBe('pending');
    expect(last).toBe('no_socket_seen');
  });

  it('leaves a call of its own what it is where the beginning was lost after it', () => {
    const gw = gateway().socket(-0.1, 'connect', 7, ends(outer)).complete(20);
    const [first, last] = said('orig', connection(0, 10, outer), [gw], () => {
      gw.lost('conntrack', 20, 3_500)
        .row('conntrack', 'removed', 5_000, masqueraded, 4_980)
        .row('conntrack', 'added', 5_000, masqueraded, 4_980);
      gw.complete(90_000);
    });
    expect(first).toBe('socket_event gw:7');
    expect(last).toBe('socket_event gw:7');
  });
});
