import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { Columns } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { originators } from './world/any-order.js';
import { at, type ConnectionOptions, connection, ends, inWords, Teller } from './world/story.js';

const SECOND = 1_000_000;
const text = '172.17.0.2:40000>192.0.2.11:443';
const over = (capture: string, uid: string): ConnectionOptions => ({ uid, capture, captureHost: 'a' });

/** A host that is polled: a process of a container behind the one or the other bridge had a socket with the endpoints, last seen then. */
function polled(lastSeen = 1_500, resolution = 1): Teller {
  const socket = { pid: 114, fd: 4, socket: 53, family: 2, protocol: 6, state: 'ESTABLISHED', ...ends(text) };
  const streams = ['process_open_sockets', 'interface_addresses'] as const;
  return new Teller('a', { address: '172.17.0.2', streams, resolution })
    .row('process_open_sockets', 'added', 1_500, socket as Columns<'process_open_sockets'>, -500)
    .row('process_open_sockets', 'removed', lastSeen + 2_000, socket as Columns<'process_open_sockets'>, lastSeen);
}

describe('a connection with the endpoints of another one over another bridge of the host', () => {
  it('is not given the socket that a poll saw once the other one had begun', () => {
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(1_200, 900, text, over('br2@a', 'C2'))];
    expect(originators(polled(), updates)).toEqual({ C1: 'ambiguous a:114', C2: 'open_socket a:114' });
  });

  it('is given it where it was seen before the other one began', () => {
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(2_500, 900, text, over('br2@a', 'C2'))];
    expect(originators(polled(), updates).C1).toBe('open_socket a:114');
  });

  it('is given it where it may be one connection that was captured twice', () => {
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(0.5, 4, text, over('br2@a', 'C2'))];
    expect(originators(polled(), updates)).toEqual({ C1: 'open_socket a:114', C2: 'open_socket a:114' });
  });

  it('is given it where the other one was captured on another host', () => {
    const other = { uid: 'C2', capture: 'br1@b', captureHost: 'b' };
    const updates = [connection(0, 4, text, over('br1@a', 'C1')), connection(1_200, 900, text, other)];
    expect(originators(polled(), updates).C1).toBe('open_socket a:114');
  });

  it('is not given the socket that a poll saw once it was over, while the other one went on', () => {
    const other = connection(-200, 2_200, text, over('br2@a', 'C2'));
    for (const began of [0, -199]) {
      const updates = [connection(began, 4, text, over('br1@a', 'C1')), other];
      expect(originators(polled(), updates)).toEqual({ C1: 'ambiguous a:114', C2: 'open_socket a:114' });
    }
  });

  it('is given the socket that a poll saw before it was over', () => {
    const updates = [
      connection(0, 2_000, text, over('br1@a', 'C1')),
      connection(-200, 4_000, text, over('br2@a', 'C2')),
    ];
    expect(originators(polled(), updates).C1).toBe('open_socket a:114');
  });

  it('is not given the socket that a poll saw about its first packet, which may have been of the other one', () => {
    const updates = [
      // So that the first packet is known not to be of a connection before.
      connection(-3_000, 4, '172.17.0.9:40000>192.0.2.11:443', over('br1@a', 'C0')),
      connection(1_499.5, 4, text, over('br1@a', 'C1')),
    ];
    expect(originators(polled(), updates).C1).toBe('open_socket a:114');
    for (const [began, lasted] of [
      [-1_000, 2_000],
      [1_499, 2_000],
    ] as const) {
      const other = connection(began, lasted, text, over('br2@a', 'C2'));
      expect(originators(polled(), [...updates, other]).C1).toBe('ambiguous a:114');
    }
  });

  it('is not given the socket that polls saw before and after it, which may have been of the other one all along', () => {
    const other = connection(-1_000, 6_000, text, over('br2@a', 'C2'));
    const short = connection(1_499.5, 1_000, text, over('br1@a', 'C1'));
    const teller = polled(3_500);
    expect(originators(teller, [short, other])).toEqual({ C1: 'ambiguous a:114', C2: 'open_socket a:114' });
    const whole = polled(3_500, SECOND);
    const later = connection(1_900, 1_000, text, over('br1@a', 'C1'));
    expect(originators(whole, [later, other])).toEqual({ C1: 'ambiguous a:114', C2: 'open_socket a:114' });
  });

  it('has its owner as soon as the other one is over, where that may be the same one, captured twice', () => {
    const { rows } = polled().complete(4_000);
    const lines: AttributedConnection[] = [];
    const emit = (line: AttributedConnection): void => {
      lines.push(line);
    };
    const options = { latenessUs: 30 * SECOND, attrWaitUs: 0, finalOnly: false, startsKnown: true };
    const join = new Join({ ...options, emit });
    for (const row of rows) join.row(row);
    const last = (): string => inWords(lines.findLast(({ connection: { uid } }) => uid === 'C1')!.orig);
    join.connection(connection(0.5, 0, text, { ...over('br2@a', 'C2'), cause: 'start' }));
    join.connection(connection(0, 4, text, over('br1@a', 'C1')));
    join.advance(at(5_000));
    expect(last()).toBe('pending');
    join.connection(connection(0.5, 4, text, over('br2@a', 'C2')));
    expect(last()).toBe('open_socket a:114');
  });

  it('is not looked at again for each of many that end, beyond those next to it in time', () => {
    const looksOf = (count: number): number => {
      const scene = new Scene({ startsKnown: true }).host('a', ['process_open_sockets', 'interface_addresses']);
      for (let i = 0; i < count; i++) {
        const told = ['br1@a', 'br2@a'].map((capture) => [`C${i} ${capture}`, { capture, captureHost: 'a' }] as const);
        const began = 10 + i / 20;
        for (const [uid, capture] of told) scene.start(uid, began, '172.17.0.2 40000 > 192.0.2.11 443', {}, capture);
        for (const [uid, capture] of told)
          scene.end(uid, began, 0.01, '172.17.0.2 40000 > 192.0.2.11 443', {}, capture);
      }
      return scene.join.stats.looks / count;
    };
    expect(looksOf(200)).toBeLessThan(1.2 * looksOf(50));
  });
});
