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

/** `a` took datagrams of a connection that began at 3 from `at` on, and had the address by some poll. */
function later(at: number, options: { since?: number; seen?: number; startsKnown?: boolean; takesShortWay?: boolean }) {
  const { since, seen = 4, ...rest } = options;
  const scene = new Scene({ startsKnown: true, ...rest }).host('a', tables, { err: 0.03 });
  const address = { interface: 'eth0', address: '192.0.2.99' };
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
  const tell = (): void => {
    scene.added('a', 'interface_addresses', seen, address, since);
  };
  return { scene, tell, take: () => scene.event('a', 'socket_events', at, { ...taken, pid: 116 }) };
}

const lasting = '192.0.2.11 40000 > 192.0.2.99 53 udp';

describe('a datagram that was taken well after the first one', () => {
  it("is not its taker's where another host may have had the address at the first, whatever comes first", () => {
    for (const takesShortWay of [true, false]) {
      const [early, late] = [later(4.5, { since: 1, takesShortWay }), later(4.5, { since: 1, takesShortWay })];
      for (const { scene, tell, take } of [early, late]) {
        scene.start('C1', 3, lasting);
        if (scene === early.scene) tell();
        take();
        scene.complete('a', 2.9, ['interface_addresses']).complete('a', 4.6, ['socket_events']).advance(6);
        if (scene === late.scene) tell();
        scene.end('C1', 3, 5, lasting).complete('a', 20, tables).advance(80).join.end();
        expect(scene.lines.filter(({ resp }) => resp.state === 'attributed')).toEqual([]);
        expect(inWords(scene.last('C1').resp)).toBe('ambiguous a:116');
      }
    }
  });

  it('leaves the connection to who took the first one on the host that had the address', () => {
    const { scene, tell, take } = later(8, { since: 5, seen: 7 });
    const address = { interface: 'eth0', address: '192.0.2.99' };
    scene.host('b', tables, { err: 0.03 }).added('b', 'interface_addresses', 1, address);
    scene.removed('b', 'interface_addresses', 6, address, 4);
    // So that the first datagram is known not to be of a connection before.
    scene.end('C0', 1, 0.1, '198.51.100.8 40000 > 198.51.100.9 80');
    scene.start('C1', 3, lasting).event('b', 'socket_events', 3.001, { ...taken, pid: 105 });
    take();
    tell();
    scene.end('C1', 3, 6, lasting).complete('a', 20, tables).complete('b', 20, tables).join.end();
    expect(inWords(scene.last('C1').resp)).toBe('accept_event b:105');
  });

  it('is its taker’s where that host surely had it then, or took it about then', () => {
    for (const takesShortWay of [true, false]) {
      for (const [at, seen, since] of [
        [4.5, 2, 1],
        [3.07, 4, 1],
      ] as const) {
        const { scene, tell, take } = later(at, { seen, since, takesShortWay });
        scene.start('C1', 3, lasting);
        tell();
        take();
        scene.complete('a', 4.6, tables).advance(6);
        expect(inWords(scene.last('C1').resp)).toBe('accept_event a:116');
      }
    }
  });

  it('is not given away before that host has told which addresses it had then', () => {
    const scene = new Scene({ startsKnown: true }).host('a', tables, { err: 0.03 });
    scene.start('C1', 3, lasting).event('a', 'socket_events', 4.5, { ...taken, pid: 116 });
    scene.complete('a', 4.6, ['socket_events']).advance(6);
    expect(scene.last('C1').resp.state).toBe('pending');
    scene.complete('a', 3.04, ['interface_addresses']);
    expect(inWords(scene.last('C1').resp)).toBe('accept_event a:116');
  });
});

/** `a` took a datagram of the peer at 3, and had the address up to some time about that at which the next connection begins, 10. */
function earlier(takesShortWay: boolean): Scene {
  const scene = new Scene({ startsKnown: true, takesShortWay }).host('a', tables, { err: 0.03 });
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.99' });
  scene.event('a', 'socket_events', 3, { ...taken, pid: 116 });
  return scene.end('C1', 10, 0.1, lasting);
}

describe('a datagram of a peer of which one was taken long before', () => {
  const gone = (scene: Scene, at: number, since: number): Scene =>
    scene.removed('a', 'interface_addresses', at, { interface: 'eth0', address: '192.0.2.99' }, since);

  it("is not its taker's where another host may have the address since, on no line", () => {
    for (const takesShortWay of [true, false]) {
      const scene = earlier(takesShortWay)
        .complete('a', 12, ['socket_events'])
        .complete('a', 9, ['interface_addresses']);
      expect(scene.advance(12).last('C1').resp.state).toBe('pending');
      gone(scene, 11, 9).complete('a', 20, tables).advance(80).join.end();
      expect(scene.lines.filter(({ resp }) => resp.state === 'attributed')).toEqual([]);
      expect(inWords(scene.last('C1').resp)).toBe('ambiguous a:116');
    }
  });

  it("is its taker's where that host surely still had it", () => {
    for (const takesShortWay of [true, false]) {
      const scene = gone(earlier(takesShortWay), 13, 10.5).complete('a', 20, tables);
      expect(inWords(scene.advance(21).last('C1').resp)).toBe('accept_event a:116');
    }
  });
});

const sent = '192.0.2.99 123 > 192.0.2.11 123 udp';
const datagram = {
  ...{ family: 2, protocol: 17, action: 'send', pid: 103, local_address: '192.0.2.99', local_port: 123 },
  ...{ remote_address: '192.0.2.11', remote_port: 123 },
} as const;

/** `a` sent to a peer at 3 from a socket that stands, and the endpoints have a connection again at 5. */
function again(takesShortWay: boolean): Scene {
  const scene = new Scene({ startsKnown: true, takesShortWay }).host('a', tables, { err: 0.03 });
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.99' });
  return scene.end('C1', 3, 0.1, sent).event('a', 'socket_events', 2.99, datagram).start('C2', 5, sent);
}

describe('a datagram from a port from which a process sent to the same peer before', () => {
  const gone = (scene: Scene, at: number, since: number): Scene =>
    scene.removed('a', 'interface_addresses', at, { interface: 'eth0', address: '192.0.2.99' }, since);

  it("is not that one's where another host may have the address since, on no line", () => {
    for (const takesShortWay of [true, false]) {
      const scene = again(takesShortWay).complete('a', 7, ['socket_events']).complete('a', 4, ['interface_addresses']);
      expect(scene.advance(7).last('C2').orig.state).toBe('pending');
      gone(scene, 6, 4).end('C2', 5, 0.1, sent).complete('a', 20, tables).advance(80).join.end();
      const named = scene.lines.filter(({ orig, connection: { uid } }) => uid === 'C2' && orig.state === 'attributed');
      expect(named).toEqual([]);
      expect(inWords(scene.last('C2').orig)).toBe('ambiguous a:103');
      expect(inWords(scene.last('C1').orig)).toBe('socket_event a:103');
    }
  });

  it("is that one's as soon as that host is known to have had it", () => {
    for (const takesShortWay of [true, false]) {
      const scene = again(takesShortWay).complete('a', 5.1, tables).advance(6);
      expect(inWords(scene.last('C2').orig)).toBe('socket_event a:103');
      gone(scene, 8, 6).end('C2', 5, 0.1, sent).complete('a', 20, tables).advance(80).join.end();
      expect(inWords(scene.last('C2').orig)).toBe('socket_event a:103');
    }
  });

  it("is that one's where a poll saw the address only later, as its own call tells that it was there", () => {
    for (const takesShortWay of [true, false]) {
      const scene = new Scene({ startsKnown: true, takesShortWay }).host('a', tables, { err: 0.03 });
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      scene.event('a', 'socket_events', 4, datagram).start('C2', 5, sent);
      scene.added('a', 'interface_addresses', 6, { interface: 'eth0', address: '192.0.2.99' }, 1);
      expect(inWords(scene.complete('a', 7, tables).advance(8).last('C2').orig)).toBe('socket_event a:103');
    }
  });
});
