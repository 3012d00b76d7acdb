import { describe, expect, it } from 'vitest';
import type { Columns } from '../../src/records/host-tables.js';
import { Scene } from './scene.js';
import { inWords } from './world/story.js';

const tables = ['process_open_sockets'] as const;
const socket: Columns<'process_open_sockets'> = {
  ...{ pid: 102, fd: 4, socket: 9, family: 2, protocol: 6, state: 'ESTABLISHED' },
  ...{ local_address: '192.0.2.1', local_port: 40_000, remote_address: '192.0.2.2', remote_port: 443 },
};

/** A poll saw a socket long after the connection with its endpoints was over, the next one no longer. */
class Polled {
  readonly scene = new Scene().host('a', tables);

  gone(): this {
    this.scene.removed('a', 'process_open_sockets', 20, socket, 19);
    return this;
  }
  seen(): this {
    this.scene.added('a', 'process_open_sockets', 19, socket, 18);
    return this;
  }
  complete(until: number): this {
    this.scene.complete('a', until, tables);
    return this;
  }
  connection(): this {
    this.scene.end('C1', 1, 0.1, '192.0.2.1 40000 > 192.0.2.2 443');
    return this;
  }
  advance(now: number): this {
    this.scene.advance(now);
    return this;
  }
  end(): string {
    this.scene.join.end();
    return inWords(this.scene.last('C1').orig);
  }
}

describe('a poll that no longer saw a socket', () => {
  it('tells nothing of it while the row of the first poll that saw it may still come, each within the lateness', () => {
    const late = new Polled().complete(5).connection().gone().advance(62).seen().complete(70);
    const whole = new Polled().seen().gone().complete(70).connection();
    expect([late.end(), whole.end()]).toEqual(['no_socket_seen', 'no_socket_seen']);
  });

  it('tells that it stood before the host was watched, once every row until it was last seen has come', () => {
    const early = new Polled().complete(5).connection().gone().complete(19).advance(62);
    const late = new Polled().complete(5).connection().complete(19).gone();
    for (const polled of [early, late]) expect(polled.end()).toBe('open_socket a:102');
  });
});
