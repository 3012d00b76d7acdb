import { describe, expect, it } from 'vitest';
import { Join } from '../../src/join/attribution.js';
import { reference } from '../../src/join/reference.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { ConnectionUpdate } from '../../src/records/connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import type { Columns } from '../../src/records/host-tables.js';
import { referenceInWords } from './world/agreement.js';
import { swapped, translation } from './world/nat-rows.js';
import { at, connection, ends, inWords, Teller } from './world/story.js';

/** Who begins 10.0.0.5:40000 > 203.0.113.1:443 is seen outside as 198.51.100.1:61000. */
const inner = '10.0.0.5:40000>203.0.113.1:443';
const outer = '198.51.100.1:61000>203.0.113.1:443';
/** 10.0.0.5:80 is published as 198.51.100.1:8080. */
const asked = '203.0.113.9:5555>198.51.100.1:8080';
const taken = '10.0.0.5:80>203.0.113.9:5555';

/** As the gateway tells of the connection from within. */
const masqueraded = translation(inner, swapped(outer));
const published = translation(asked, taken);

const streams = ['socket_events', 'processes', 'interface_addresses', 'conntrack'] as const;
const gateway = (options = {}) => new Teller('gw', { address: '198.51.100.1', streams, ...options });
const inside = () => new Teller('inside', { address: '10.0.0.5' });

interface Told {
  readonly orig: string;
  readonly resp: string;
  readonly line: AttributedConnection;
}

/** What is told in the end of a connection, in three orders, and that the reference says the same. */
function told(tellers: readonly Teller[], updates: readonly ConnectionUpdate[], uid = 'C1'): Told {
  const rows = tellers.flatMap((teller) => teller.rows);
  const orders: (HostRow | ConnectionUpdate)[][] = [
    [...rows, ...updates],
    [...updates, ...rows],
    [
      ...rows.toReversed().filter(({ kind }) => kind === 'row'),
      ...rows.filter(({ kind }) => kind !== 'row'),
      ...updates,
    ],
  ];
  const shown = orders.map((order) => {
    const last = new Map<string, AttributedConnection>();
    const emit = (line: AttributedConnection): void => void last.set(line.connection.uid, line);
    const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 2_000_000, finalOnly: false, emit });
    for (const step of order)
      if ('kind' in step) join.row(step);
      else join.connection(step);
    join.end();
    return last.get(uid)!;
  });
  const { orig, resp } = reference(updates, rows).get(uid)!;
  for (const line of shown) {
    expect([inWords(line.orig), inWords(line.resp)]).toEqual([referenceInWords(orig), referenceInWords(resp)]);
    expect(JSON.stringify([line.orig, line.resp])).toBe(JSON.stringify([shown[0]!.orig, shown[0]!.resp]));
  }
  return { orig: inWords(shown[0]!.orig), resp: inWords(shown[0]!.resp), line: shown[0]! };
}

describe('a connection that a gateway translates', () => {
  it('has its originator behind a masquerade', () => {
    const { line, ...words } = told(
      [
        gateway().row('conntrack', 'added', 0.2, masqueraded, -20).complete(90_000),
        inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000),
      ],
      [connection(0, 10, outer)],
    );
    expect(words).toEqual({ orig: 'socket_event inside:100', resp: 'no_agent' });
    expect(line.orig).toMatchObject({
      nat: { host: { id: 'gw' }, address: '10.0.0.5', port: 40_000, peer_address: '203.0.113.1', peer_port: 443 },
    });
    expect(line.resp).not.toHaveProperty('nat');
  });

  it('is not contested by itself where it was captured inside too and an accept names no port', () => {
    const blank = { remote_address: '198.51.100.1', remote_port: 61_000 };
    const server = new Teller('server', { address: '203.0.113.1', streams: ['socket_events', 'interface_addresses'] });
    const words = told(
      [
        gateway().row('conntrack', 'added', 0.2, masqueraded, -20).complete(90_000),
        server.socket(1, 'accept', 200, blank).complete(90_000),
      ],
      [connection(0, 10, outer), connection(0, 10, inner, { uid: 'C2', capture: 'br0' })],
    );
    expect(words.resp).toBe('accept_event server:200');
  });

  it('is not given what was accepted of the gateway’s own next call from the endpoints outside', () => {
    const server = () => new Teller('server', { address: '203.0.113.1', err: 2_000 });
    const accepted = server()
      .socket(1_000, 'accept', 200, ends(swapped(outer)))
      .complete(90_000);
    const gw = () => gateway().row('conntrack', 'added', 0.2, masqueraded, -20);
    const captured = [connection(0, 10, inner)];
    expect(told([gw().complete(90_000), accepted], captured).resp).toBe('accept_event server:200');
    const called = gw().socket(1_000, 'connect', 300, ends(outer)).complete(90_000);
    expect(told([called, accepted], captured).resp).toBe('ambiguous server:200');
    const before = gw().socket(-1_000, 'connect', 300, ends(outer)).complete(90_000);
    const maybe = server()
      .socket(-1_000, 'accept', 200, ends(swapped(outer)))
      .complete(90_000);
    expect(told([before, maybe], captured).resp).toBe('ambiguous server:200');
    // A poll saw the gateway's own socket some time about the first packet.
    const ownEnds = { local_address: '198.51.100.1', local_port: 61_000 } as const;
    const peer = { remote_address: '203.0.113.1', remote_port: 443 } as const;
    const own = { ...ownEnds, ...peer, pid: 300, family: 2, protocol: 6, socket: 7 } as const;
    const polled = gw().row('process_open_sockets', 'added', 500, own, -500).complete(90_000);
    expect(told([polled, accepted], captured).resp).toBe('nat');
  });

  it('has its responder behind a published port, and not at what listens on the gateway', () => {
    const { line, ...words } = told(
      [
        gateway()
          .socket(-900, 'listen', 7, ends('0.0.0.0:8080'))
          .row('conntrack', 'added', 0.2, published, -20)
          .complete(90_000),
        inside().socket(1, 'accept', 200, ends(taken)).complete(90_000),
      ],
      [connection(0, 10, asked)],
    );
    expect(words).toEqual({ orig: 'no_agent', resp: 'accept_event inside:200' });
    expect(line.resp).toMatchObject({
      nat: { host: { id: 'gw' }, address: '10.0.0.5', port: 80, peer_address: '203.0.113.9', peer_port: 5555 },
    });
  });

  it('is what it is where it was captured within', () => {
    const tellers = [
      gateway().row('conntrack', 'added', 0.2, masqueraded, -20).complete(90_000),
      inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000),
    ];
    const { orig, line } = told(tellers, [connection(0, 10, inner)]);
    expect(orig).toBe('socket_event inside:100');
    expect(line.orig).not.toHaveProperty('nat');
  });

  it('is told apart by time from others with the same translated port', () => {
    const other = '10.0.0.6:50000>203.0.113.1:443';
    const { orig } = told(
      [
        gateway()
          .row('conntrack', 'added', -9_000, translation(other, swapped(outer)), -9_020)
          .row('conntrack', 'removed', -500, translation(other, swapped(outer)), -520)
          .row('conntrack', 'added', 0.2, masqueraded, -20)
          .row('conntrack', 'removed', 5_000, masqueraded, 4_980)
          .row('conntrack', 'added', 6_000, translation(other, swapped(outer)), 5_980)
          .complete(90_000),
        inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000),
      ],
      [connection(0, 10, outer)],
    );
    expect(orig).toBe('socket_event inside:100');
  });

  it('is not told apart from another one whose time overlaps', () => {
    const other = '10.0.0.6:50000>203.0.113.1:443';
    const { orig, line } = told(
      [
        gateway()
          .row('conntrack', 'added', -9_000, translation(other, swapped(outer)))
          .row('conntrack', 'removed', 10, translation(other, swapped(outer)), -30)
          .row('conntrack', 'added', 11, masqueraded, -30)
          .complete(90_000),
        inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000),
      ],
      [connection(0, 10, outer)],
    );
    expect(orig).toBe('nat');
    expect(line.orig).toMatchObject({ host: { id: 'gw' } });
  });

  it('says so where nobody watches behind the gateway', () => {
    const { orig, line } = told(
      [gateway().row('conntrack', 'added', 0.2, masqueraded, -20).complete(90_000)],
      [connection(0, 10, outer)],
    );
    expect(orig).toBe('nat');
    expect(line.orig).toMatchObject({ host: { id: 'gw' }, nat: { address: '10.0.0.5' } });
  });

  it('is followed through two gateways', () => {
    const middle = '192.0.2.7:55555>203.0.113.1:443';
    const { orig, line } = told(
      [
        gateway()
          .row('conntrack', 'added', 0.2, translation(middle, swapped(outer)), -20)
          .complete(90_000),
        new Teller('gw2', { address: '192.0.2.7', streams })
          .row('conntrack', 'added', 0.1, translation(inner, swapped(middle)), -20)
          .complete(90_000),
        inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000),
      ],
      [connection(0, 10, outer)],
    );
    expect(orig).toBe('socket_event inside:100');
    expect(line.orig).toMatchObject({ nat: { host: { id: 'gw2' }, address: '10.0.0.5' } });
  });

  it('belongs to the container of the gateway itself, whoever else has such an address', () => {
    const host = gateway().row('interface_addresses', 'added', -60_000, {
      interface: 'eth0',
      address: '10.0.0.5',
      net_namespace: '2',
    });
    const { orig } = told(
      [
        host
          .socket(-0.1, 'connect', 300, ends(inner))
          .row('conntrack', 'added', 0.2, masqueraded, -20)
          .complete(90_000),
        inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000),
      ],
      [connection(0, 10, outer)],
    );
    expect(orig).toBe('socket_event gw:300');
  });

  /** A host that tells its network namespaces: its own, and one with a container where `inside` says so. */
  const docker = (id: string, address: string, inside: boolean): Teller => {
    const teller = new Teller(id, { address, streams });
    teller.rows.push({
      kind: 'host',
      host: id,
      boot: `boot-${id}`,
      streams: [],
      from: at(-60_000),
      net_namespace: '1',
    });
    teller.row('interface_addresses', 'added', -60_000, { interface: 'eth1', address, net_namespace: '1' });
    const container = { interface: 'eth0', address: '10.0.0.5', net_namespace: '2' };
    return inside ? teller.row('interface_addresses', 'added', -60_000, container) : teller;
  };

  describe('to a container whose address a container of another host has too', () => {
    const other = () => docker('other', '198.51.100.2', true).socket(1, 'accept', 200, ends(taken)).complete(90_000);
    const publisher = (inside: boolean) =>
      docker('gw', '198.51.100.1', inside).row('conntrack', 'added', 0.2, published, -20);

    it('is not given to the other one before the gateway has told what its containers have', () => {
      const words: string[] = [];
      const emit = ({ resp }: AttributedConnection): void => void words.push(inWords(resp));
      const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 2_000_000, finalOnly: false, emit });
      for (const row of [...publisher(false).rows, ...other().rows]) join.row(row);
      const complete = (stream: string) => {
        join.row({ kind: 'complete', host: 'gw', stream, until: at(90_000) });
        join.advance(-Infinity);
      };
      complete('socket_events');
      complete('conntrack');
      join.connection(connection(0, 10, asked));
      join.advance(at(5_000));
      expect(words.at(-1)).toBe('ambiguous other:200');
      complete('interface_addresses');
      expect(words.at(-1)).toBe('accept_event other:200');
      expect(words.filter((word) => word.startsWith('accept_event'))).toHaveLength(1);
    });

    it('is of that of the gateway, or in doubt where the gateway does not tell', () => {
      const respondent = (host: Teller) => told([host, other()], [connection(0, 10, asked)]).resp;
      expect(respondent(publisher(true).socket(1, 'accept', 100, ends(taken)).complete(90_000))).toBe(
        'accept_event gw:100',
      );
      const silent = gateway().row('conntrack', 'added', 0.2, published, -20).complete(90_000);
      expect(respondent(silent)).toBe('ambiguous other:200');
    });
  });

  describe('of a container whose address another host has in a container too, where it was captured', () => {
    /** The gateway translates a connection of its own container with the same endpoints; the server takes it. */
    const others = () => [
      docker('gw', '198.51.100.1', true).row('conntrack', 'added', 0.2, masqueraded, -20).complete(90_000),
      new Teller('server', { address: '203.0.113.1' }).socket(1, 'accept', 200, ends(swapped(outer))).complete(90_000),
    ];
    const captured = [connection(0, 10, inner, { captureHost: 'site' })];

    it('is not that which the gateway translates', () => {
      const site = docker('site', '198.51.100.2', true).socket(-0.1, 'connect', 100, ends(inner)).complete(90_000);
      const { line, ...words } = told([...others(), site], captured);
      expect(words).toEqual({ orig: 'socket_event site:100', resp: 'no_socket_seen' });
      expect(line.resp).not.toHaveProperty('nat');
    });

    it('is that which the gateway translates where nobody else has the address', () => {
      const { resp } = told([...others(), docker('site', '198.51.100.2', false).complete(90_000)], captured);
      expect(resp).toBe('accept_event server:200');
    });

    it('may be either where the host does not tell what its containers have', () => {
      const { resp } = told([...others(), new Teller('site', { address: '198.51.100.2' }).complete(90_000)], captured);
      expect(resp).toBe('nat');
    });
  });

  it('is told apart by its translations from others with the same inner endpoints', () => {
    const second = '198.51.100.1:61001>203.0.113.1:443';
    const { orig } = told(
      [
        gateway()
          .row('conntrack', 'added', -1_499.8, translation(inner, swapped(second)), -1_520)
          .row('conntrack', 'removed', -700, translation(inner, swapped(second)), -720)
          .row('conntrack', 'added', 0.2, masqueraded, -20)
          .complete(90_000),
        inside()
          .socket(-1_500.1, 'connect', 99, { ...ends(inner), socket: '1' })
          .socket(-0.1, 'connect', 100, { ...ends(inner), socket: '2' })
          .complete(90_000),
      ],
      [connection(0, 10, outer)],
    );
    expect(orig).toBe('socket_event inside:100');
  });

  it('is not given the socket of the next one with the same inner endpoints, which another port was put to', () => {
    const second = '198.51.100.1:61001>203.0.113.1:443';
    const socket = {
      pid: 200,
      fd: 3,
      socket: 9,
      family: 2,
      protocol: 6,
      state: 'ESTABLISHED',
      ...ends(inner),
    } as Columns<'process_open_sockets'>;
    const words = (next: boolean): string =>
      told(
        [
          gateway()
            .row('conntrack', 'added', 0.2, masqueraded, -20)
            .row('conntrack', 'removed', 15, masqueraded, 12)
            .row('conntrack', 'added', next ? 35 : 3_500, translation(inner, swapped(second)), next ? 15 : 3_400)
            .complete(90_000),
          new Teller('inside', { address: '10.0.0.5', streams: ['process_open_sockets', 'interface_addresses'] })
            .row('process_open_sockets', 'added', 40, socket, -100)
            .row('process_open_sockets', 'removed', 300, socket, 200)
            .complete(90_000),
        ],
        [connection(0, 10, outer)],
      ).orig;
    expect(words(false)).toBe('open_socket inside:200');
    expect(words(true)).not.toBe('open_socket inside:200');
  });

  describe('and, within an error of the clocks, another one of the gateway itself with the same endpoints', () => {
    const own = (at: number, action: string, text: string) =>
      gateway().socket(at, action, 50, { ...ends(text), socket: '1' });
    const orig = (tellers: readonly Teller[], uid: string, updates: readonly ConnectionUpdate[]) =>
      told(tellers, updates, uid).orig;

    it('is told from the one before, which is not given what the translation leads to', () => {
      const tellers = [
        own(-0.005, 'connect', outer)
          .socket(0.001, 'close', 50, { ...ends(outer), socket: '1' })
          .row('conntrack', 'added', 0.2, masqueraded, -20)
          .complete(90_000),
        inside().socket(0.006, 'connect', 100, ends(inner)).complete(90_000),
      ];
      const updates = [connection(0, 0.001, outer), connection(0.014, 10, outer, { uid: 'C2' })];
      expect(orig(tellers, 'C1', updates)).toBe('nat');
      expect(orig(tellers, 'C2', updates)).toBe('socket_event inside:100');
    });

    it('is told from the one after, which is not given what the translation leads to', () => {
      const tellers = [
        own(0.015, 'connect', outer)
          .row('conntrack', 'added', 0.2, masqueraded, -20)
          .row('conntrack', 'removed', 40, masqueraded, 20)
          .complete(90_000),
        inside().socket(-0.005, 'connect', 100, ends(inner)).socket(0.001, 'close', 100, ends(inner)).complete(90_000),
      ];
      const updates = [connection(0, 0.001, outer), connection(0.008, 10, outer, { uid: 'C2' })];
      expect(orig(tellers, 'C1', updates)).toBe('socket_event inside:100');
      expect(orig(tellers, 'C2', updates)).toBe('nat');
    });

    it('is in no doubt for what polls of the gateway, or another host, show with the endpoints', () => {
      const seen = { pid: 50, fd: 3, socket: 9, family: 2, protocol: 6, state: 'ESTABLISHED', ...ends(outer) };
      const tellers = [
        new Teller('gw', { address: '198.51.100.1', streams: [...streams, 'process_open_sockets'] })
          .row('process_open_sockets', 'added', -0.004, seen as Columns<'process_open_sockets'>, -500)
          .row('conntrack', 'added', 0.2, masqueraded, -20)
          .complete(90_000),
        new Teller('other', { address: '198.51.100.9' }).socket(-0.005, 'connect', 60, ends(outer)).complete(90_000),
        inside().socket(-0.005, 'connect', 100, ends(inner)).complete(90_000),
      ];
      expect(orig(tellers, 'C1', [connection(0, 10, outer)])).toBe('socket_event inside:100');
    });

    it('is not given what the translation leads to where a socket of the gateway stood by then, and the translation need not have', () => {
      const seen = { pid: 50, fd: 3, socket: 9, family: 2, protocol: 6, state: 'SYN_SENT', ...ends(outer) };
      const seenWith = (removed: number, since: number) =>
        orig(
          [
            new Teller('gw', { address: '198.51.100.1', streams: [...streams, 'process_open_sockets'] })
              .row('process_open_sockets', 'added', -300, seen as Columns<'process_open_sockets'>, -500)
              .row('process_open_sockets', 'removed', 500, seen as Columns<'process_open_sockets'>, 200)
              .row('conntrack', 'added', -300, masqueraded, -500)
              .row('conntrack', 'removed', removed, masqueraded, since)
              .complete(90_000),
            inside().socket(-240, 'connect', 100, ends(inner)).complete(90_000),
          ],
          'C1',
          [connection(0, 10, outer)],
        );
      expect(seenWith(200, -300)).toBe('nat');
      expect(seenWith(200, 100)).toBe('socket_event inside:100');
    });

    it('is not said to be of the process behind the translation before the gateway has told what it accepted', () => {
      const words: string[] = [];
      const emit = ({ resp }: AttributedConnection): void => void words.push(inWords(resp));
      const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 2_000_000, finalOnly: false, emit });
      const container = inside().socket(0.02, 'accept', 100, ends(taken)).complete(90_000);
      const first = gateway().row('conntrack', 'added', 0.01, published, -20).complete(1);
      for (const row of [...container.rows, ...first.rows]) join.row(row);
      join.connection(connection(0, 10, asked));
      join.advance(at(3_000));
      expect(words.at(-1)).toBe('pending');
      for (const row of own(5, 'accept', swapped(asked)).complete(90_000).rows) join.row(row);
      join.end();
      expect(words.filter((word) => word !== 'pending')).toEqual(['nat']);
    });
  });

  it('is pending until the gateway has told every translation of that time', () => {
    const lines: string[] = [];
    const emit = ({ orig }: AttributedConnection): void => void lines.push(inWords(orig));
    const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 2_000_000, finalOnly: false, startsKnown: true, emit });
    const first = gateway().row('conntrack', 'added', 0.2, masqueraded, -20).complete(-5_000);
    const then = inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000);
    for (const row of [...first.rows, ...then.rows]) join.row(row);
    join.connection(connection(0, 10, outer, { cause: 'start' }));
    join.advance(at(3_000));
    expect(lines).toEqual(['pending']);
    join.row({ kind: 'complete', host: 'gw', stream: 'conntrack', until: at(5_000) });
    join.row({ kind: 'complete', host: 'gw', stream: 'socket_events', until: at(5_000) });
    join.advance(at(3_000));
    expect(lines).toEqual(['pending', 'socket_event inside:100']);
  });

  it('is not taken for that of the host which its published address has left, and which may still translate it', () => {
    const container = (name: string, pid: number) =>
      new Teller(name, { address: '198.51.100.1', streams })
        .row('interface_addresses', 'added', -60_000, { interface: 'eth0', address: '10.0.0.5', net_namespace: '2' })
        .socket(1, 'accept', pid, ends(taken));
    const before = container('a', 100).row('conntrack', 'added', -9_000, published, -9_020).complete(90_000);
    const after = container('b', 200).row('conntrack', 'added', 0.2, published, -20).complete(90_000);
    const { resp, line } = told([after, before], [connection(0, 10, asked)]);
    expect(resp).toBe('nat');
    expect(line.resp).toMatchObject({ host: { id: 'a' } });
  });

  const stale = () => gateway().row('conntrack', 'added', -9_000, published, -9_020);
  const server = () => inside().socket(1, 'accept', 200, ends(taken)).complete(90_000);

  it('is found whatever is told of a later one with the same endpoints whose beginning was lost', () => {
    const host = gateway()
      .row('conntrack', 'added', 0.2, published, -20)
      .row('conntrack', 'removed', 700, published, 500)
      .lost('conntrack', 900, 3_500)
      .row('conntrack', 'removed', 5_000, published, 4_000);
    const server = inside().socket(1, 'accept', 100, ends(taken));
    const { resp } = told([host.complete(90_000), server.complete(90_000)], [connection(0, 10, asked)]);
    expect(resp).toBe('accept_event inside:100');
  });

  it('is found whatever is told of a later one with the same inner endpoints, and another port, whose beginning was lost', () => {
    const host = gateway()
      .row('conntrack', 'added', 0.2, masqueraded, -20)
      .row('conntrack', 'removed', 700, masqueraded, 500)
      .lost('conntrack', 900, 3_500)
      .row('conntrack', 'removed', 5_000, translation(inner, '203.0.113.1:443>198.51.100.1:61005'), 4_000);
    const client = inside().socket(-0.1, 'connect', 100, ends(inner));
    const { orig } = told([host.complete(90_000), client.complete(90_000)], [connection(0, 10, outer)]);
    expect(orig).toBe('socket_event inside:100');
  });

  it('is found where a later one of its inner endpoints, whose beginning was lost, began after it', () => {
    const resp = (later: Columns<'conntrack'>, lostFrom: number, last: number): string => {
      const host = gateway()
        .row('conntrack', 'added', 20, published, -20)
        .row('conntrack', 'removed', 20, published, -20)
        .lost('conntrack', lostFrom, 3_500)
        .row('conntrack', 'removed', 5_000, later, 4_000);
      return told([host.complete(90_000), server()], [connection(0, last, asked)]).resp;
    };
    const other = translation(asked.replace('.1:8080', '.2:8080'), taken);
    for (const later of [published, other]) {
      expect(resp(later, 900, 1)).toBe('accept_event inside:200');
      // It may have begun before the accept, unless packets came after that.
      expect(resp(later, 0.5, 1)).not.toBe('accept_event inside:200');
      expect(resp(later, 0.5, 10)).toBe('accept_event inside:200');
      // At the last read before the loss it was not there.
      expect(resp(later, 1.5, 1)).toBe('accept_event inside:200');
    }
  });

  it('is found where the row of its end was lost and others of its inner endpoints came before it began again', () => {
    const host = gateway()
      .row('conntrack', 'added', 0.2, masqueraded, -20)
      .lost('conntrack', 5, 3_500)
      .row('conntrack', 'removed', 5_000, translation(inner, '203.0.113.1:443>198.51.100.1:61005'), 4_000)
      .row('conntrack', 'added', 6_000, masqueraded, 5_000)
      .row('conntrack', 'removed', 7_000, masqueraded, 6_000);
    const client = inside().socket(-0.1, 'connect', 100, ends(inner)).complete(90_000);
    expect(told([host.complete(90_000), client], [connection(0, 10, outer)]).orig).toBe('socket_event inside:100');
  });

  it('is not told apart from one of the same inner endpoints that began between the same two reads', () => {
    const other = translation(asked.replace('.1:8080', '.2:8080'), taken);
    const host = gateway().row('conntrack', 'added', 20, published, -20).row('conntrack', 'added', 20, other, -20);
    expect(told([host.complete(90_000), server()], [connection(0, 10, asked)]).resp).toBe('nat');
  });

  it('is not found behind a translation whose end may be lost', () => {
    const lossy = stale().lost('conntrack', -5_000, -4_000).complete(90_000);
    expect(told([lossy, server()], [connection(0, 10, asked)]).resp).toBe('nat');
    const earlier = stale().lost('conntrack', -9_900, -9_500).complete(90_000);
    expect(told([earlier, server()], [connection(0, 10, asked)]).resp).toBe('accept_event inside:200');
  });

  it('has lost events as the reason where the row that tells its translation may be lost', () => {
    const lossy = () => gateway().lost('conntrack', -500, 500);
    const listening = lossy().socket(-900, 'listen', 7, ends('0.0.0.0:8080')).complete(90_000);
    expect(told([listening, server()], [connection(0, 10, asked)]).resp).toBe('events_lost');
    expect(told([lossy().complete(90_000)], [connection(0, 10, outer)]).orig).toBe('events_lost');
    const before = gateway().lost('conntrack', -9_900, -9_500).complete(90_000);
    expect(told([before], [connection(0, 10, outer)]).orig).toBe('no_socket_seen');
  });

  it('is not found behind a translation of a host that fell silent before', () => {
    expect(told([stale().timeout(-3_000), server()], [connection(0, 10, asked)]).resp).toBe('nat');
  });

  it('is forgotten at the bound, which shows as a reason', () => {
    const last = new Map<string, AttributedConnection>();
    const emit = (line: AttributedConnection): void => void last.set(line.connection.uid, line);
    const join = new Join({
      latenessUs: 30_000_000,
      attrWaitUs: 2_000_000,
      finalOnly: true,
      emit,
      limits: { translationRows: 2 },
    });
    const rows = gateway()
      .socket(-900, 'listen', 7, ends('0.0.0.0:8080'))
      .row('conntrack', 'added', 0.2, published, -20);
    for (let port = 1; port <= 2; port++) {
      rows.row(
        'conntrack',
        'added',
        1,
        translation(`203.0.113.9:${port}>198.51.100.1:8080`, `10.0.0.5:80>203.0.113.9:${port}`),
      );
    }
    for (const row of rows.complete(90_000).rows) join.row(row);
    join.connection(connection(0, 10, asked));
    join.end();
    expect(inWords(last.get('C1')!.resp)).toBe('events_lost');
    expect(join.stats.translationsEvicted).toBe(1);
  });

  it('is forgotten first of many of the same packets, by turns or at other ports, and ends of later times do not miss it', () => {
    const last = new Map<string, AttributedConnection>();
    const emit = (line: AttributedConnection): void => void last.set(line.connection.uid, line);
    const limits = { translationsOfDirection: 2 };
    const join = new Join({ latenessUs: 30_000_000, attrWaitUs: 2_000_000, finalOnly: true, emit, limits });
    const rows = gateway()
      .socket(-900, 'listen', 7, ends('0.0.0.0:8080'))
      .row('conntrack', 'added', 0.2, published, -20);
    const same = translation('203.0.113.9:1>198.51.100.1:8080', '10.0.0.5:80>203.0.113.9:1');
    for (let turn = 1; turn <= 6; turn++) rows.row('conntrack', turn % 2 === 1 ? 'added' : 'removed', turn, same);
    for (let port = 1; port <= 6; port++) {
      const one = translation(`203.0.113.9:2>198.51.100.1:${8080 + port}`, '10.0.0.5:80>203.0.113.9:2');
      rows.row('conntrack', 'added', 1, one);
    }
    for (const row of rows.complete(90_000).rows) join.row(row);
    expect(join.stats.translationsEvicted).toBe(2 + 4);
    for (const row of inside().socket(1_001, 'accept', 200, ends(taken)).complete(90_000).rows) join.row(row);
    join.connection(connection(1_000, 10, asked));
    join.end();
    expect(inWords(last.get('C1')!.resp)).toBe('accept_event inside:200');
  });
});
