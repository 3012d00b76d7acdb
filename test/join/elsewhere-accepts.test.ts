import { describe, expect, it } from 'vitest';
import { inAnyOrder } from './world/any-order.js';
import { type ConnectionOptions, connection, ends, Teller } from './world/story.js';

const text = '172.17.0.2:40000>192.0.2.1:443';
const over = (capture: string, uid: string): ConnectionOptions => ({ uid, capture, captureHost: 'a' });

describe('an accept of a connection over one bridge of the host', () => {
  const accept = { fd: '5', protocol: 6, ...ends('>172.17.0.2:40000') };
  /** osquery tells seconds. */
  const accepted = (ms: number): Teller => {
    const streams = ['socket_events', 'interface_addresses'] as const;
    return new Teller('a', { address: '192.0.2.1', streams, resolution: 1_000_000 }).socket(ms, 'accept', 7, accept);
  };
  const known = ['br1@a', 'br2@a'].map((capture, i) =>
    connection(-3_000, 4, '172.17.0.9:40000>192.0.2.1:443', over(capture, `B${i}`)),
  );

  it('is not taken for that of the next one with its endpoints over another, which nobody need have accepted', () => {
    const updates = [
      ...known,
      connection(100, 4, text, over('br1@a', 'C1')),
      connection(500, 100, text, over('br2@a', 'C2')),
    ];
    const found = inAnyOrder(accepted(101), updates);
    expect(found.C2!.resp).toBe('ambiguous a:7');
  });

  it('is that of the one which began after the other was over', () => {
    const updates = [
      ...known,
      connection(-900, 4, text, over('br1@a', 'C1')),
      connection(500, 100, text, over('br2@a', 'C2')),
    ];
    const found = inAnyOrder(accepted(501), updates);
    expect(found.C2!.resp).toBe('accept_event a:7');
  });
});
