import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import type { Columns } from '../../src/records/host-tables.js';
import { inAnyOrder, originators } from './world/any-order.js';
import { at, type ConnectionOptions, connection, ends, inWords, Teller } from './world/story.js';

const asked = '172.17.0.2:20000>172.17.0.3:53';
const chosen = '172.17.0.2:45000>172.17.0.3:53';
const address = '192.0.2.1';
const over = (capture: string, uid: string): ConnectionOptions => ({ uid, capture, captureHost: 'a', proto: 'udp' });
const one = (ms: number, lasted: number, text = chosen): ConnectionUpdate =>
  connection(ms, lasted, text, over('br1@a', 'C1'));
const other = (ms: number, lasted: number, text = chosen): ConnectionUpdate =>
  connection(ms, lasted, text, over('br2@a', 'C2'));

/** A host that is polled each two seconds: a process of a container behind the one or the other bridge had a connected socket. */
function polled(firstSeen: number, lastSeen: number, text = chosen): Teller {
  const socket = { pid: 114, fd: 4, socket: 53, family: 2, protocol: 17, ...ends(text) };
  return new Teller('a', { address, streams: ['process_open_sockets', 'interface_addresses'] })
    .row('process_open_sockets', 'added', firstSeen, socket as Columns<'process_open_sockets'>, firstSeen - 2_000)
    .row('process_open_sockets', 'removed', lastSeen + 2_000, socket as Columns<'process_open_sockets'>, lastSeen);
}

describe('datagrams with the endpoints of others over another bridge of the host', () => {
  it('are not given the socket that polls saw before and after their first, which may be of the others', () => {
    for (const text of [asked, chosen]) {
      for (const lasted of [4, 1_000, 3_000]) {
        for (const others of [other(-1_000, 6_000, text), other(-1_000, 1_500, text), other(1_700, 4_000, text)]) {
          const isLater = others.connection.ts > one(1_600, lasted, text).connection.ts + lasted * 1_000;
          const found = originators(polled(1_500, 3_500, text), [one(1_600, lasted, text), others]);
          expect(found.C1).toBe(isLater ? 'open_socket a:114' : 'ambiguous a:114');
        }
      }
    }
  });

  it('are not given the socket that a poll saw first while both went on', () => {
    for (const others of [other(-200, 4_000), other(500, 3_000)]) {
      expect(originators(polled(1_500, 1_500), [one(0, 2_000), others]).C1).toBe('ambiguous a:114');
    }
  });

  it('are given it where they may be one exchange that was captured twice, as may be the one before', () => {
    const twice = [one(1_600, 1_000), other(1_600.5, 1_000)];
    expect(originators(polled(-500, 3_500), twice)).toEqual({ C1: 'open_socket a:114', C2: 'open_socket a:114' });
    const before = [connection(0, 300, chosen, over('br1@a', 'B1')), connection(0.5, 300, chosen, over('br2@a', 'B2'))];
    const found = originators(polled(-500, 3_500), [...before, ...twice]);
    expect(Object.values(found)).toEqual(Array(4).fill('open_socket a:114'));
    const cut = connection(0.5, 100, chosen, over('br2@a', 'B2'));
    expect(originators(polled(-500, 3_500), [before[0]!, cut, ...twice]).C1).toBe('ambiguous a:114');
  });

  it('are no exchange that was captured twice where that had other packets, or lasted longer, be it by less than the clocks tell', () => {
    const held = polled(-500, 3_500);
    held.rows.push(
      ...['br1@a', 'br2@a'].map(
        (capture) => ({ kind: 'clock', host: 'a', capture, offset: 0, err: 30_000, from: at(-100_000) }) as const,
      ),
    );
    const longer = other(1_601, 1_020);
    const shorter = other(1_601, 1_000);
    const fewer = { ...shorter, connection: { ...shorter.connection, resp_pkts: 4 } };
    expect(originators(held, [one(1_600, 1_000), shorter]).C1).toBe('open_socket a:114');
    for (const others of [longer, fewer]) {
      expect(originators(held, [one(1_600, 1_000), others]).C1).toBe('ambiguous a:114');
    }
  });

  it('are given it where the others were captured on another host', () => {
    const others = connection(-1_000, 6_000, chosen, { ...over('br1@b', 'C2'), captureHost: 'b' });
    expect(originators(polled(1_500, 3_500), [one(1_600, 4), others]).C1).toBe('open_socket a:114');
  });
});

describe('a call of the endpoints of two connections over two bridges of a host', () => {
  const tcp = { proto: 'tcp' } as const;
  const connect = { ...ends(chosen), fd: '4' };
  const updates = [
    // So that calls before the first packet are known not to be of a connection before.
    connection(-3_000, 4, '172.17.0.9:40000>172.17.0.3:53', { ...over('br2@a', 'C0'), ...tcp }),
    connection(0, 900, chosen, { ...over('br1@a', 'C1'), ...tcp }),
    connection(20, 900, chosen, { ...over('br2@a', 'C2'), ...tcp }),
  ];
  const streams = ['socket_events', 'interface_addresses'] as const;
  const called = (): Teller =>
    new Teller('a', { address: '172.17.0.2', streams }).socket(-0.1, 'connect', 114, connect);

  it('is not taken for both where rows of other calls are lost', () => {
    const found = originators(called().lost('socket_events', 10, 30), updates);
    expect(found.C2).toBe('events_lost');
  });

  it('is not taken for either where the other one has a call too', () => {
    const both = called().socket(19.9, 'connect', 115, connect);
    expect(originators(both, updates).C2).toBe('ambiguous a:114 a:115');
  });
});

describe('who took datagrams of an endpoint that two namespaces have', () => {
  const socket = { fd: '3', protocol: 17 };
  const served = ends('172.17.0.3:53>172.17.0.2:45000');
  const space = (net_namespace: string) => ({ net_namespace });
  const host = (): Teller => {
    const streams = ['socket_events', 'interface_addresses'] as const;
    const teller = new Teller('a', { address, streams });
    for (const of of ['1', '2']) {
      teller.row('interface_addresses', 'added', -9_000, { interface: 'eth0', address: '172.17.0.3', ...space(of) });
    }
    return teller;
  };
  const taken = (ms: number): Teller => host().socket(ms, 'receive', 114, { ...socket, ...served, ...space('1') });
  const responders = (teller: Teller, updates: readonly ConnectionUpdate[]): string[] => {
    const found = inAnyOrder(teller, updates);
    return [found.C1!.resp, found.C2!.resp];
  };

  it('is not known of either of two exchanges that may be it, since nobody need have taken the other one', () => {
    for (const others of [other(500, 100), other(0.01, 900)]) {
      expect(responders(taken(500.1), [one(0, 900), others])).toEqual(['ambiguous a:114', 'ambiguous a:114']);
    }
  });

  it('is not told before all that began before is known', () => {
    const lines: AttributedConnection[] = [];
    const emit = (line: AttributedConnection): void => {
      lines.push(line);
    };
    const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 0, finalOnly: false, emit });
    const { rows } = taken(500.1).complete(2_000);
    for (const row of rows) join.row(row);
    join.connection(one(400, 500));
    join.advance(at(5_000));
    expect(lines.map(({ resp }) => inWords(resp))).not.toContain('accept_event a:114');
    join.connection(other(-500, 6_000));
    join.end();
    expect(inWords(lines.findLast(({ connection: { uid } }) => uid === 'C1')!.resp)).toBe('ambiguous a:114');
  });

  it('is not told before the host has told which namespaces have it, where there is another exchange over another bridge', () => {
    const streams = ['socket_events', 'interface_addresses'] as const;
    const own = { interface: 'eth0', address: '172.17.0.3' };
    const events = new Teller('a', { address, streams })
      .row('interface_addresses', 'added', -9_000, { ...own, ...space('1') })
      .socket(0.1, 'receive', 114, { ...socket, ...served, ...space('1') });
    const early: HostRow[] = [
      ...events.rows,
      { kind: 'complete', host: 'a', stream: 'socket_events', until: at(2_000) },
    ];
    const { rows } = events.row('interface_addresses', 'added', -9_000, { ...own, ...space('2') }).complete(2_000);
    const found: string[] = [];
    const emit = ({ connection: { uid }, resp }: AttributedConnection): void => {
      if (uid === 'C1') found.push(inWords(resp));
    };
    const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 0, finalOnly: false, startsKnown: true, emit });
    for (const row of early) join.row(row);
    for (const update of [other(0.05, 900), one(0, 900)]) join.connection(update);
    join.advance(at(5_000));
    for (const row of rows.slice(early.length - 1)) join.row(row);
    join.end();
    expect(found).not.toContain('accept_event a:114');
    expect(found.at(-1)).toBe('ambiguous a:114');
  });

  it('is not who took earlier ones, where who took these may have taken those of the other one', () => {
    const own = { ...socket, socket: '9', ...served, ...space('1') };
    const again = host()
      .socket(-470, 'receive', 114, own)
      .socket(0.1, 'receive', 115, own)
      .socket(9_000, 'close', 115, own);
    const before = connection(-500, 0, chosen, over('br1@a', 'C0'));
    expect(responders(again, [before, one(0, 0), other(-100, 900)])[0]).toBe('ambiguous a:114 a:115');
  });

  it('is not who took earlier ones before anything was captured, which may have come over the other bridge', () => {
    const own = { ...socket, socket: '9', ...served, ...space('1') };
    const takenEarly = (): Teller => host().socket(-140, 'receive', 114, own).socket(9_000, 'close', 114, own);
    const early = connection(-300, 4, '172.17.0.9:45000>172.17.0.3:53', over('br1@a', 'B'));
    expect(inAnyOrder(takenEarly(), [one(0, 0)]).C1!.resp).toBe('ambiguous a:114');
    expect(inAnyOrder(takenEarly(), [early, one(0, 0)]).C1!.resp).toBe('accept_event a:114');
  });

  it('is known of the one that went on then', () => {
    expect(responders(taken(0.1), [one(0, 400), other(500, 100)])[0]).toBe('accept_event a:114');
    expect(responders(taken(0.1), [one(0, 900), other(500, 100)])[0]).toBe('accept_event a:114');
  });
});

describe('a call of endpoints that a socket of another namespace has', () => {
  it('is not taken for the sending of datagrams that may be of that one', () => {
    const streams = ['socket_events', 'process_open_sockets', 'interface_addresses'] as const;
    const held = { pid: 115, fd: 4, socket: 53, family: 2, protocol: 17, net_namespace: '2', ...ends(chosen) };
    const teller = new Teller('a', { address, streams });
    for (const net_namespace of ['1', '2']) {
      teller.row('interface_addresses', 'added', -9_000, { address: '172.17.0.2', net_namespace });
    }
    const called = { fd: '4', socket: '54', protocol: 17, net_namespace: '1', ...ends(chosen) };
    teller
      .row('process_open_sockets', 'added', -9_000, held as Columns<'process_open_sockets'>)
      .socket(-0.1, 'connect', 114, called)
      .socket(2_000, 'close', 114, called);
    const found = originators(teller, [one(0, 900), other(10, 900)]);
    expect(found).toEqual({ C1: 'ambiguous a:114 a:115', C2: 'ambiguous a:114 a:115' });
  });
});

describe('a listener at the responding end of two connections over two bridges of a host', () => {
  it('is not taken for that of both where the host does not tell its addresses', () => {
    const listener = { pid: 7, fd: 3, socket: 9, family: 2, protocol: 6, port: 53, address: '0.0.0.0' };
    const socket = { pid: 7, fd: 4, socket: 10, family: 2, protocol: 6, state: 'ESTABLISHED' };
    const shown = { ...socket, ...ends('172.17.0.3:53>172.17.0.9:1') } as Columns<'process_open_sockets'>;
    const teller = new Teller('a', { address, streams: ['process_open_sockets', 'listening_ports'] })
      .row('listening_ports', 'added', -3_500, listener, -5_500)
      .row('process_open_sockets', 'added', -3_500, shown, -5_500);
    teller.rows.splice(
      0,
      teller.rows.length,
      ...teller.rows.filter((row) => !('table' in row) || row.table !== 'interface_addresses'),
    );
    const tcp = { proto: 'tcp' } as const;
    const updates = [
      connection(0, 900, chosen, { ...over('br1@a', 'C1'), ...tcp }),
      connection(2_000, 900, chosen, { ...over('br2@a', 'C2'), ...tcp }),
    ];
    expect(inAnyOrder(teller, updates.slice(0, 1)).C1!.resp).toBe('listening_port a:7');
    expect(inAnyOrder(teller, updates).C2!.resp).toBe('ambiguous a:7');
  });
});
