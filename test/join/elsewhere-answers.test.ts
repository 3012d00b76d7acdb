import { describe, expect, it } from 'vitest';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import { inAnyOrder } from './world/any-order.js';
import { connection, ends, Teller } from './world/story.js';

/** Of packets without ports. */
function over(capture: string, uid: string, ms: number, lasted: number, isAnswered: boolean): ConnectionUpdate {
  const options = {
    uid,
    capture,
    captureHost: 'a',
    proto: 'unknown_transport',
    history: isAnswered ? 'Dd' : 'D',
  } as const;
  const update = connection(ms, lasted, '172.17.0.2:0>172.17.0.3:0', options);
  const packets = isAnswered ? 5 : 0;
  return { ...update, connection: { ...update.connection, ip_proto: 253, resp_pkts: packets, resp_ip_bytes: packets } };
}

describe('who sent to the peer from an endpoint without ports that two namespaces have', () => {
  /** A container of each address behind each of two bridges, and who answered behind the first one. */
  const answered = (ms: number): Teller => {
    const streams = ['socket_events', 'packet_sockets', 'interface_addresses'] as const;
    const teller = new Teller('a', { address: '192.0.2.1', streams });
    for (const net_namespace of ['1', '2']) {
      for (const address of ['172.17.0.2', '172.17.0.3']) {
        teller.row('interface_addresses', 'added', -9_000, { interface: 'eth0', address, net_namespace });
      }
    }
    const sent = { fd: '3', protocol: 253, net_namespace: '1', ...ends('172.17.0.3:0>172.17.0.2:0') };
    return teller.socket(ms, 'send', 114, sent);
  };

  it('did not answer where no answer was captured, over whatever bridge the others went', () => {
    for (const ms of [-6, 0.1, 200]) {
      const updates = [over('br1@a', 'C1', -500, 1_000, true), over('br2@a', 'C2', 0, 400, false)];
      const found = inAnyOrder(answered(ms), updates);
      expect([found.C1!.resp, found.C2!.resp]).toEqual(['socket_event a:114', 'ambiguous a:114']);
    }
    expect(inAnyOrder(answered(-6), [over('br2@a', 'C2', 0, 400, false)]).C2!.resp).toBe('ambiguous a:114');
  });
});
