import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { inWords } from './world/story.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const taken = {
  ...{ family: 2, protocol: 17, action: 'receive', local_address: '192.0.2.99', local_port: 53 },
  ...{ remote_address: '192.0.2.11', remote_port: 40_000 },
} as const;

/** An address that goes from `b` to `a`, each of which takes datagrams of one peer there. */
class Move {
  readonly scene = new Scene({ startsKnown: true });

  constructor() {
    for (const host of ['a', 'b']) this.scene.host(host, tables, { err: 0.03 });
    // So that the first datagram is known not to be of a connection before.
    this.scene.end('C0', 1, 0.1, '198.51.100.8 40000 > 198.51.100.9 80');
  }
  toB(): this {
    this.scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.99' });
    this.scene.event('b', 'socket_events', 3.001, { ...taken, pid: 105 });
    return this;
  }
  /** It takes the first datagram of the next connection, within the error of its clock before the first packet of that, or after it. */
  toA(at: number): this {
    const address = { interface: 'eth0', address: '192.0.2.99' };
    this.scene.removed('b', 'interface_addresses', 6, address, 4);
    this.scene.added('a', 'interface_addresses', 7, address, 5);
    this.scene.event('a', 'socket_events', at, { ...taken, pid: 116 });
    return this;
  }
  connections(): this {
    this.scene.end('C1', 3, 0, '192.0.2.11 40000 > 192.0.2.99 53 udp', { history: 'D', resp_pkts: 0 });
    this.scene.advance(7.5);
    return this;
  }
  next(): this {
    this.scene.end('C2', 8, 0.1, '192.0.2.11 40000 > 192.0.2.99 53 udp', { history: 'Dd' });
    return this;
  }
  complete(until: number): this {
    for (const host of ['a', 'b']) this.scene.complete(host, until, tables);
    return this;
  }
  /** Who took the first datagram of the first connection. */
  end(): string {
    this.scene.join.end();
    return inWords(this.scene.last('C1').resp);
  }
}

describe('a datagram to an address that another host has later', () => {
  it("is its taker's, though what that other one took may be of that connection by its clock, whatever comes first", () => {
    for (const at of [7.99, 8.01]) {
      const live = new Move().toB().connections().complete(4).toA(at).next().complete(20);
      const late = new Move().connections().next().toA(at).toB().complete(20);
      const whole = new Move().toA(at).toB().complete(20).connections().next();
      for (const move of [live, late, whole]) expect(move.end()).toBe('accept_event b:105');
    }
  });
});
