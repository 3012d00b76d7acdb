import { describe, expect, it } from 'vitest';
import { noAgent, pending } from '../../src/join/end-record.js';
import { KeptEnds, NO_AGENT, NONE, PENDING } from '../../src/join/kept-ends.js';
import type { End } from '../../src/records/attributed-connection.js';
import { Scene } from './scene.js';

const end = (): End => ({ state: 'unattributed', reason: 'no_socket_seen' });
const tables = ['socket_events', 'interface_addresses'] as const;

describe('what was found of ends', () => {
  it('has a number for as long as it is used, which then passes on', () => {
    const ends = new KeptEnds();
    const [one, other] = [end(), end()];
    const number = ends.keep(one);
    expect(ends.use(number)).toBe(number);
    ends.drop(number);
    expect(ends.at(number)).toBe(one);
    expect(ends.size).toBe(1);
    ends.drop(number);
    expect(ends.at(number)).toBeUndefined();
    expect(ends.size).toBe(0);
    expect(ends.keep(other)).toBe(number);
    expect(ends.at(number)).toBe(other);
  });

  it('takes no room where it is what most ends are', () => {
    const ends = new KeptEnds();
    expect([undefined, pending, noAgent].map((one) => ends.keep(one))).toEqual([NONE, PENDING, NO_AGENT]);
    for (const number of [NONE, PENDING, NO_AGENT]) ends.drop(ends.use(number));
    for (const number of [NONE, PENDING, NO_AGENT]) ends.drop(number);
    expect([NONE, PENDING, NO_AGENT].map((number) => ends.at(number))).toEqual([undefined, pending, noAgent]);
    expect(ends.size).toBe(0);
  });

  it('is told anew when it is found anew, and not when it was told', () => {
    const scene = new Scene({ startsKnown: true }).host('a', tables, { err: 0.001 });
    scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
    scene.start('C1', 10, '192.0.2.1 40000 > 192.0.2.2 443').advance(13);
    const call = {
      ...{ action: 'connect', family: 2, protocol: 6, pid: 7, socket: '7', path: '/bin/x' },
      ...{ local_address: '192.0.2.1', local_port: 40_000, remote_address: '192.0.2.2', remote_port: 443 },
    } as const;
    scene.event('a', 'socket_events', 9.9999, call).complete('a', 11, tables).complete('a', 12, tables);
    scene.end('C1', 10, 4, '192.0.2.1 40000 > 192.0.2.2 443').complete('a', 30, tables).join.end();
    const told = scene.lines.map(({ cause, orig, resp }) => `${cause} ${orig.state} ${resp.state}`);
    expect(told).toEqual([
      'start pending unattributed',
      'evidence attributed unattributed',
      'end attributed unattributed',
    ]);
  });
});
