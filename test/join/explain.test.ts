import { describe, expect, it } from 'vitest';
import type { HostTable } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';

const tables: HostTable[] = ['socket_events', 'listening_ports', 'interface_addresses'];
const server = {
  family: 2,
  protocol: 6,
  local_address: '192.0.2.2',
  local_port: 443,
  remote_address: '192.0.2.1',
  remote_port: 40000,
};

describe('an explanation', () => {
  it('names every socket that was tried, with rank, clock and why it lost', () => {
    const scene = new Scene().host('b', tables, { offset: 2, err: 0.001 });
    scene.added('b', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.2' });
    scene.added('b', 'listening_ports', 3, { family: 2, protocol: 6, port: 443, address: '0.0.0.0', pid: 5 });
    scene.event('b', 'socket_events', 6, { ...server, action: 'accept', pid: 6 });
    scene.event('b', 'socket_events', 12.001, { ...server, action: 'accept', pid: 7 });
    scene.end('C1', 10, 1, '192.0.2.1 40000 > 192.0.2.2 443').complete('b', 20, tables);
    const explanation = scene.join.explain(({ uid }) => uid === 'C1', 10)[0]!.explanation;
    expect(explanation.orig.tried).toEqual([]);
    expect(explanation.resp).toMatchObject({
      end: { state: 'attributed', method: 'accept_event' },
      clocks: [{ host: 'b', offset: 2_000_000, err: 1_000, measured: true }],
      tried: [
        { pid: 7, method: 'accept_event', rank: 0, weight: 'certain' },
        { pid: 5, method: 'listening_port', rank: 4, lost: 'better evidence was found' },
        { pid: 6, lost: 'it was opened too long before the connection' },
      ],
    });
    expect(explanation.resp.tried[0]).not.toHaveProperty('lost');
  });

  it('is not there for a connection that is not known any more', () => {
    expect(new Scene().join.explain(() => true, 10)).toEqual([]);
  });
});
