import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const tables: HostTable[] = ['socket_events', 'process_open_sockets', 'interface_addresses'];
const tcp = { family: 2, protocol: 6 } as const;
const [own, container] = ['4026531840', '4026532101'];

/** A host whose interface table names no namespaces, as osquery's, with sockets in these. */
const host = (spaces: readonly string[]): Scene => {
  const scene = new Scene({ startsKnown: true }).host('a', tables);
  scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
  for (const [socket, net_namespace] of spaces.entries()) {
    const open = { ...tcp, pid: 5, fd: 3, socket, local_address: '0.0.0.0', local_port: 22 + socket, net_namespace };
    scene.added('a', 'process_open_sockets', 2, open, 1);
  }
  return scene;
};

/** Who originated what was captured on another host, where a call of that time names its peer alone. */
const ofCall = (scene: Scene, peer: string, captureHost = 'gateway'): string => {
  scene.event('a', 'socket_events', 9.999, {
    ...tcp,
    remote_address: peer,
    remote_port: 80,
    action: 'connect',
    pid: 9,
  });
  scene.end('C1', 10, 0.1, `192.0.2.1 40000 > ${peer} 80`, {}, { captureHost }).complete('a', 20, tables);
  scene.join.end();
  return scene.last('C1').orig.state;
};

describe('a call that names its peer alone, of a connection captured on another host', () => {
  it('may have gone to a container of its own that has the address', () => {
    expect(ofCall(host([own, container]), '172.17.0.2')).toBe('ambiguous');
  });

  it('did not where it was captured at home', () => {
    expect(ofCall(host([own, container]), '172.17.0.2', 'a')).toBe('attributed');
  });

  it('did not where the host has no containers', () => {
    expect(ofCall(host([own]), '172.17.0.2')).toBe('attributed');
  });

  it('did not where the address is known everywhere', () => {
    expect(ofCall(host([own, container]), '198.51.100.2')).toBe('attributed');
  });

  it('did not where another host is known to have the address', () => {
    const scene = host([own, container]).host('b', tables);
    scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '10.0.0.2' });
    expect(ofCall(scene, '10.0.0.2')).toBe('attributed');
  });

  it('did where a socket of its own had the address, told before or after', () => {
    const bound = { ...tcp, pid: 8, fd: 3, socket: 9, local_address: '198.51.100.2', local_port: 80 } as const;
    const before = host([own]);
    before.added('a', 'process_open_sockets', 3, bound, 2);
    expect(ofCall(before, '198.51.100.2')).toBe('ambiguous');
    const after = host([own]);
    const call = { ...tcp, remote_address: '198.51.100.2', remote_port: 80, action: 'connect', pid: 9 } as const;
    after.event('a', 'socket_events', 9.999, call);
    after.end('C1', 10, 0.1, '192.0.2.1 40000 > 198.51.100.2 80', {}, { captureHost: 'gateway' });
    after.complete('a', 20, tables);
    expect(after.last('C1').orig.state).toBe('attributed');
    after.added('a', 'process_open_sockets', 3, bound, 2);
    expect(after.last('C1').orig.state).toBe('ambiguous');
  });
});
