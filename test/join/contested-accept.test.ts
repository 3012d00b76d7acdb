import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene, s, t0 } from './scene.js';

const tables: HostTable[] = ['socket_events', 'interface_addresses'];
const tcp = { family: 2, protocol: 6 } as const;
const peer = { remote_address: '192.0.2.1', remote_port: 40_000 } as const;
const taken = { ...tcp, ...peer, action: 'accept', pid: 8, local_address: '192.0.2.2', local_port: 443 } as const;
/** An accept that does not name its own end. */
const blank = { ...tcp, ...peer, action: 'accept', pid: 9 } as const;

/** The first of two connections from one endpoint, whose owner is known for good before the second is. */
const first = (scene: Scene): Scene => scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.2 443');

describe('an accept that names its peer alone', () => {
  it('may be of a settled connection to an address that its host turns out to have had', () => {
    for (const isSettled of [true, false]) {
      const scene = new Scene({ startsKnown: true }).host('b', tables).host('c', tables);
      scene.event('b', 'socket_events', 10.01, taken).event('c', 'socket_events', 10.02, blank);
      scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
      const tellMove = () => scene.added('c', 'interface_addresses', 12, { interface: 'eth0', address: '192.0.2.2' });
      if (!isSettled) tellMove();
      first(scene)
        .end('C2', 10, 0.1, '192.0.2.1 40000 > 192.0.2.3 80')
        .complete('b', 11, tables)
        .complete('c', 11, tables);
      if (isSettled) tellMove();
      scene.complete('b', 20, tables).complete('c', 20, tables).join.end();
      expect(scene.last('C2').resp).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    }
  });

  it('may be of a connection that is let go and was translated, captured where the clock is not known', () => {
    const scene = new Scene().host('gateway', [...tables, 'conntrack']).host('c', tables);
    scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
    scene.event('c', 'socket_events', 11.02, blank);
    const original = { original_source: '10.0.0.5', original_source_port: 40_000 };
    const asked = { original_destination: '192.0.2.3', original_destination_port: 80 };
    const reply = { reply_source: '192.0.2.3', reply_source_port: 80 };
    const outside = { reply_destination: '192.0.2.1', reply_destination_port: 40_000 };
    scene.added('gateway', 'conntrack', 10.1, { protocol: 6, ...original, ...asked, ...reply, ...outside }, 9.9);
    scene.end('C1', 10, 0.1, '10.0.0.5 40000 > 192.0.2.3 80', {}, { capture: 'br0', captureHost: 'gateway' });
    scene.end('C2', 11, 0.1, '192.0.2.1 40000 > 192.0.2.3 443');
    scene.complete('gateway', 20, [...tables, 'conntrack']).complete('c', 20, tables);
    // Only the first of them is past the lateness.
    scene.join.advance(scene.at(70.5));
    scene.join.end();
    expect(scene.last('C2').resp).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
  });

  it('may be of a connection that is let go since many have the same endpoints', () => {
    const outcome = (connectionsOfTuple: number): string => {
      const scene = new Scene({ startsKnown: true, limits: { connectionsOfTuple } }).host('c', tables);
      scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
      scene.event('c', 'socket_events', 10.02, blank);
      const refused = { history: 'Sr', conn_state: 'REJ' };
      scene.end('C1', 10, 10, '192.0.2.1 40000 > 192.0.2.3 443');
      scene.end('C3', 21, 0, '192.0.2.1 40000 > 192.0.2.3 443', refused);
      scene.end('C2', 10, 12, '192.0.2.1 40000 > 192.0.2.3 80').complete('c', 30, tables).join.end();
      return scene.last('C2').resp.state;
    };
    expect(outcome(10)).toBe('ambiguous');
    expect(outcome(1)).toBe('ambiguous');
  });

  it('may be of another one where the connection had begun before the capture and its own accept is not known', () => {
    for (const history of ['DadA', 'ShADadFf']) {
      const scene = new Scene({ startsKnown: true }).host('c', tables);
      scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
      scene.event('c', 'socket_events', 10.02, blank);
      scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.3 80', { history }).complete('c', 20, tables);
      scene.join.end();
      const isWhole = history.startsWith('S');
      expect(scene.last('C1').resp.state).toBe(isWhole ? 'attributed' : 'ambiguous');
    }
  });
});

describe('an accept that names its peer alone, on a host with containers that does not tell their addresses', () => {
  const polls: HostTable[] = [...tables, 'process_open_sockets'];
  const [own, container] = ['4026531840', '4026532101'];
  const listener = { ...tcp, fd: 3, local_address: '0.0.0.0', remote_address: '0.0.0.0', remote_port: 0 } as const;
  const shown = { ...tcp, pid: 7, fd: 4, socket: 2, local_address: '192.0.2.3', local_port: 22, net_namespace: own };

  /** Who answered on the host itself, where pid 9 accepted from its peer and listens there, and pid 5 on another port. */
  const answering = (port: number, net_namespace: string | undefined, local = '192.0.2.3', others = 80, seen = 2) => {
    const scene = new Scene({ startsKnown: true }).host('c', polls);
    scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
    scene.added('c', 'interface_addresses', 1, { interface: 'lo', address: '127.0.0.1' });
    const held = { ...listener, pid: 5, socket: 1, local_port: others, net_namespace: own };
    scene.added('c', 'process_open_sockets', 2, held, 1);
    scene.added('c', 'process_open_sockets', 2, { ...shown, remote_address: '192.0.2.9', remote_port: 7 }, 1);
    const other = { ...listener, pid: 9, socket: 3, local_port: port };
    const told = net_namespace === undefined ? other : { ...other, net_namespace };
    scene.added('c', 'process_open_sockets', seen, told, seen === 2 ? 1 : 9);
    // The container itself.
    const inside = { ...listener, pid: 6, socket: 4, local_port: 8080, net_namespace: container };
    scene.added('c', 'process_open_sockets', 2, inside, 1);
    const remote = local === '127.0.0.1' ? local : '192.0.2.1';
    scene.event('c', 'socket_events', 10.02, { ...blank, remote_address: remote });
    scene.end('C1', 10, 0.1, `${remote} 40000 > ${local} 80`, {}, { captureHost: 'c' }).complete('c', 20, polls);
    scene.join.end();
    const { resp } = scene.last('C1');
    return resp.state === 'attributed' ? `${resp.method} ${resp.process.pid}` : resp.state;
  };

  it('may be of a connection to one of them where others listen at the endpoint, and its process is not seen to', () => {
    expect(answering(80, container)).toBe('ambiguous');
    expect(answering(81, own)).toBe('ambiguous');
    expect(answering(80, undefined)).toBe('ambiguous');
    expect(answering(80, own)).toBe('accept_event 9');
    expect(answering(81, own, '192.0.2.3', 443)).toBe('accept_event 9');
  });

  it('may be of one of them where its process is seen to listen only later: a child of those others may have its pid by then', () => {
    expect(answering(80, own, '192.0.2.3', 80, 12)).toBe('ambiguous');
    expect(answering(80, own, '192.0.2.3', 443, 12)).toBe('accept_event 9');
  });

  it('may be of one of them where its process listens at every address and another at this one, which has it then', () => {
    for (const [address, state] of [
      ['192.0.2.3', 'ambiguous'],
      ['0.0.0.0', 'attributed'],
    ] as const) {
      const scene = new Scene({ startsKnown: true }).host('c', polls);
      scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
      scene.added('c', 'process_open_sockets', 2, { ...shown, remote_address: '192.0.2.9', remote_port: 7 }, 1);
      const ofAll = { ...listener, local_port: 80, pid: 9, socket: 3 };
      scene.added('c', 'process_open_sockets', 2, { ...ofAll, net_namespace: own }, 1);
      const inside = { ...listener, local_port: 81, pid: 6, socket: 4, net_namespace: container };
      scene.added('c', 'process_open_sockets', 2, inside, 1);
      scene.event('c', 'socket_events', 5, { ...tcp, action: 'bind', pid: 5, local_address: address, local_port: 80 });
      scene.event('c', 'socket_events', 10.02, blank);
      scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.3 80', {}, { captureHost: 'c' }).complete('c', 20, polls);
      scene.join.end();
      expect(scene.last('C1').resp.state).toBe(state);
    }
  });

  it('may be of one of them where its process listens there too, at the port of its listener of the host', () => {
    const accepting = (pid: number, fd: number, namespaces: readonly string[], isInherited = false): string => {
      const scene = new Scene({ startsKnown: true }).host('c', polls);
      scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
      scene.added('c', 'process_open_sockets', 2, { ...shown, remote_address: '192.0.2.9', remote_port: 7 }, 1);
      for (const [i, net_namespace] of namespaces.entries()) {
        const held = { ...listener, pid, fd: fd + i, socket: 10 + i, local_port: 80, net_namespace };
        scene.added('c', 'process_open_sockets', 2, held, 1);
        // Its parent's, or its child's.
        if (isInherited) scene.added('c', 'process_open_sockets', 2, { ...held, pid: 5 }, 1);
      }
      scene.added('c', 'process_open_sockets', 2, { ...listener, pid: 6, local_port: 81, net_namespace: container }, 1);
      scene.event('c', 'socket_events', 10.02, blank);
      scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.3 80', {}, { captureHost: 'c' }).complete('c', 20, polls);
      scene.join.end();
      const { resp } = scene.last('C1');
      return resp.state === 'attributed' ? `${resp.method} ${resp.process.pid}` : resp.state;
    };
    for (const isInherited of [false, true]) {
      // Nobody else may have accepted on the host where nobody else listens there.
      const expected = isInherited ? 'ambiguous' : 'listening_port 9';
      expect(accepting(9, 3, [own, container], isInherited)).toBe(expected);
      expect(accepting(9, 3, [container, own], isInherited)).toBe(expected);
      expect(accepting(9, 3, [own], isInherited)).toBe('accept_event 9');
      expect(accepting(9, 3, [own, own], isInherited)).toBe('accept_event 9');
    }
    // As where a port of the host is passed on to a container, which nobody tells.
    expect(accepting(9, 3, [container])).toBe('accept_event 9');
    // Another one's listeners are no matter.
    expect(accepting(5, 3, [container])).toBe('accept_event 9');
  });

  /** Who answered on the host, where a process that listens there accepted from an endpoint that reached one of them at that time. */
  const besideAContainers = (
    to: string,
    how: { captureHost?: string; capture?: string; at?: number; isRefused?: boolean },
    told: Partial<{
      isLate: boolean;
      isFirst: boolean;
      isAlone: boolean;
      shows: string;
      namespace: string;
      listensAt: number;
      err: number;
      hasLater: string;
    }> = {},
  ) => {
    const { captureHost, capture = 'br0', at = 10, isRefused = false } = how;
    const { isLate = false, isFirst = false, isAlone = false, shows, namespace, listensAt = 80, err = 0 } = told;
    const scene = new Scene({ startsKnown: true }).host('c', polls, { err });
    scene.row({ kind: 'clock', host: 'c', capture: 'br0', offset: 0, err: err * s, from: t0 });
    scene.added('c', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.3' });
    scene.added('c', 'process_open_sockets', 2, { ...shown, remote_address: '192.0.2.9', remote_port: 7 }, 1);
    const held = { ...listener, pid: 9, socket: 3, local_port: listensAt, net_namespace: own };
    scene.added('c', 'process_open_sockets', 2, held, 1);
    // Its parent's, or its child's.
    if (!isAlone) scene.added('c', 'process_open_sockets', 2, { ...held, pid: 5 }, 1);
    const inside = { ...listener, pid: 6, socket: 4, local_port: 8080, net_namespace: container };
    scene.added('c', 'process_open_sockets', 2, inside, 1);
    if (told.hasLater !== undefined)
      scene.added('c', 'interface_addresses', 15, { interface: 'br1', address: told.hasLater }, 14);
    if (shows !== undefined) {
      const its = { ...inside, fd: 5, socket: 5, local_address: shows, remote_address: '192.0.2.9', remote_port: 8 };
      scene.added('c', 'process_open_sockets', 2, its, 1);
    }
    const accept = namespace === undefined ? blank : { ...blank, net_namespace: namespace };
    const tell = () => scene.event('c', 'socket_events', 10.02, accept);
    if (!isLate) tell();
    const tellOfHosts = () => scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.3 80', {}, { captureHost: 'c' });
    if (!isFirst) tellOfHosts();
    const where = captureHost === undefined ? {} : { captureHost };
    const changes = isRefused ? ({ history: 'Sr', conn_state: 'REJ', resp_pkts: 1 } as const) : {};
    scene.end('C2', at, 0.1, `192.0.2.1 40000 > ${to}`, changes, { capture, ...where });
    if (isFirst) tellOfHosts();
    if (isLate) tell();
    scene.complete('c', 20, polls).join.end();
    const { resp } = scene.last('C1');
    return resp.state === 'attributed' ? `${resp.method} ${resp.process.pid}` : resp.state;
  };

  it('may be of a connection that was captured on the host, to an address that it is not known to have', () => {
    for (const order of [{}, { isLate: true }, { isFirst: true }]) {
      const beside = (...[to, how, more]: Parameters<typeof besideAContainers>) =>
        besideAContainers(to, how, { ...order, ...more });
      expect(beside('172.17.0.2 443', { captureHost: 'c' })).toBe('ambiguous');
      // Nobody else may have accepted on the host where nobody else listens there.
      expect(beside('172.17.0.2 443', { captureHost: 'c' }, { isAlone: true })).toBe('listening_port 9');
      // Nor is it known where the container's address is seen with a socket, and no private one.
      expect(beside('198.51.100.2 443', { captureHost: 'c' }, { shows: '198.51.100.2' })).toBe('ambiguous');
      expect(beside('198.51.100.2 443', { captureHost: 'c' })).toBe('accept_event 9');
      // What is captured elsewhere is of no container of the host, unless one is seen to have the address.
      for (const elsewhere of [{}, { captureHost: 'd' }]) {
        expect(beside('172.17.0.2 443', elsewhere)).toBe('accept_event 9');
        expect(beside('198.51.100.2 443', elsewhere)).toBe('accept_event 9');
        expect(beside('198.51.100.2 443', elsewhere, { shows: '198.51.100.2' })).toBe('ambiguous');
        expect(beside('172.17.0.2 443', elsewhere, { hasLater: '172.17.0.2' })).toBe('accept_event 9');
      }
      expect(beside('172.17.0.2 443', { captureHost: 'c' }, { hasLater: '172.17.0.2' })).toBe('ambiguous');
      // Another time, nobody answered, another place.
      expect(beside('172.17.0.2 443', { captureHost: 'c', at: 12 })).toBe('accept_event 9');
      expect(beside('172.17.0.2 443', { captureHost: 'c', isRefused: true })).toBe('accept_event 9');
      expect(beside('172.17.0.2 443', { captureHost: 'c' }, { namespace: own })).toBe('accept_event 9');
      // Where nobody is seen to listen on the host, its port may be passed on to the container, and these be one connection.
      expect(beside('172.17.0.2 443', { captureHost: 'c' }, { listensAt: 81 })).toBe('accept_event 9');
    }
  });

  it('may be of one of them where nobody is seen to listen on the host, if the connections are surely two', () => {
    const shown = { listensAt: 81, shows: '198.51.100.2' };
    for (const order of [{}, { isLate: true }, { isFirst: true }]) {
      const beside = (at: number, capture: string, captureHost?: string, err = 0): string =>
        besideAContainers(
          '198.51.100.2 443',
          { at, capture, ...(captureHost !== undefined && { captureHost }) },
          { ...order, ...shown, err },
        );
      // A packet that is passed on to a container is captured again soon after.
      for (const at of [9.995, 10, 10.005]) expect(beside(at, 'eth0')).toBe('accept_event 9');
      for (const at of [9.95, 10.015]) expect(beside(at, 'eth0')).toBe('ambiguous');
      expect(beside(10.015, 'br0', 'c')).toBe('ambiguous');
      // Two captures have clocks of their own, one has one.
      expect(beside(10.015, 'br0', 'c', 0.01)).toBe('accept_event 9');
      expect(beside(10.015, 'eth0', undefined, 0.01)).toBe('ambiguous');
    }
  });

  it('may be of a connection over the loopback of one of them', () => {
    expect(answering(80, container, '127.0.0.1')).toBe('ambiguous');
    expect(answering(80, own, '127.0.0.1')).toBe('accept_event 9');
  });
});

describe('a connect that names its peer alone', () => {
  it('is near the beginning of no connection that had begun before the capture', () => {
    for (const history of ['DadA', 'ShADadFf']) {
      const scene = new Scene({ startsKnown: true }).host('a', tables);
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      const call = { ...tcp, remote_address: '192.0.2.3', remote_port: 80, action: 'connect', pid: 9 } as const;
      scene.event('a', 'socket_events', 9.9, call);
      scene.end('C1', 10, 0.1, '192.0.2.1 40000 > 192.0.2.3 80', { history }).complete('a', 20, tables);
      scene.join.end();
      const isWhole = history.startsWith('S');
      expect(scene.last('C1').orig.state).toBe(isWhole ? 'attributed' : 'ambiguous');
    }
  });
});
