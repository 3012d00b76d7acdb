import { describe, expect, it } from 'vitest';
import { inAnyOrder } from './world/any-order.js';
import { connection, ends, Teller } from './world/story.js';

const asked = '10.0.0.9:40000>10.0.0.1:53';
const second = 1_000_000;

/** A host whose audit log tells of binds in whole seconds, and of no close. */
function binds(...at: readonly [ms: number, pid: number][]): Teller {
  const streams = ['socket_events', 'interface_addresses'] as const;
  const teller = new Teller('a', { address: '10.0.0.1', streams, resolution: second });
  const bound = { ...ends('0.0.0.0:53'), fd: '3', protocol: 17 };
  for (const [ms, pid] of at) teller.socket(ms, 'bind', pid, bound);
  return teller;
}

function responder(teller: Teller, from: number, lasted: number): string {
  const answered = { proto: 'udp', history: 'Dd' } as const;
  return inAnyOrder(teller, [connection(from, lasted, asked, answered)]).C1!.resp;
}

describe('datagrams of a second in which their port was bound', () => {
  it('are who bound it then, where somebody answered', () => {
    expect(responder(binds([100, 7]), 600, 900)).toBe('listening_port a:7');
    expect(responder(binds([100, 7], [2_100, 8]), 600, 900)).toBe('listening_port a:7');
  });

  it('may have come to nobody, and a later one to who bound the port next and answered', () => {
    expect(responder(binds([100, 7], [1_100, 8]), 600, 900)).toBe('ambiguous a:7 a:8');
  });

  it('may have been answered by who bound it after the first', () => {
    expect(responder(binds([1_100, 8]), 600, 900)).toBe('ambiguous a:8');
  });
});
