import { describe, expect, it } from 'vitest';
import type { JoinOptions } from '../../src/join/attribution.js';
import { Scene, s } from './scene.js';

const tables = ['socket_events'] as const;
const ends = '192.0.2.1 40000 > 192.0.2.2 443';
const others = '192.0.2.3 40000 > 192.0.2.2 443';
const tuple = {
  ...{ family: 2, protocol: 6, local_address: '192.0.2.1', local_port: 40_000 },
  ...{ remote_address: '192.0.2.2', remote_port: 443 },
} as const;
const refused = { conn_state: 'REJ', history: 'Sr', resp_pkts: 1 } as const;

/** A host whose clock is known to 20 ms, with sockets of these endpoints, each from its connect to its close. */
function watched(
  sockets: readonly { pid: number; connect?: number; close: number }[],
  options: Partial<JoinOptions> = {},
): Scene {
  const scene = new Scene(options).host('a', tables, { err: 0.02 });
  for (const { pid, connect, close } of sockets) {
    const socket = { pid, ...tuple, socket: `${pid}` };
    if (connect !== undefined) scene.event('a', 'socket_events', connect, { ...socket, action: 'connect' });
    scene.event('a', 'socket_events', close, { ...socket, action: 'close' });
  }
  return scene;
}

describe('a connection whose first packet was held up', () => {
  it('belongs to the socket that stood then, though the connection before may have been what it began', () => {
    const scene = watched([
      { pid: 7, connect: 9.989, close: 9.991 },
      { pid: 8, connect: 9.992, close: 12 },
    ]);
    scene.end('C1', 9.99, 0.001, ends, refused).end('C2', 10.2, 1.8, ends).complete('a', 20, tables).join.end();
    expect(scene.last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  });

  it('is not given to the caller of the next one, which began within the error of the clock', () => {
    const scene = watched([
      { pid: 7, connect: 9.989, close: 9.991 },
      { pid: 8, connect: 9.992, close: 10.202 },
      { pid: 9, connect: 10.21, close: 10.212 },
    ]);
    for (const [i, at] of [9.99, 10.2, 10.211].entries()) scene.end(`C${i + 1}`, at, 0.001, ends, refused);
    scene.complete('a', 20, tables).join.end();
    expect(scene.last('C2').orig).toMatchObject({ state: 'ambiguous', candidates: [{}, {}] });
  });

  it('has one owner or none, whether the next one is told of before or after the host has told all', () => {
    // Its caller is not told of: what the connection before began is all there is.
    const [early, late] = [0, 1].map(() => watched([{ pid: 8, connect: 9.989, close: 10.19 }])) as [Scene, Scene];
    for (const scene of [early, late]) {
      scene.end('C1', 9.99, 0.001, ends, refused);
      if (scene === late) scene.complete('a', 20, tables).end('C2', 10.2, 0.001, ends, refused);
      else scene.end('C2', 10.2, 0.001, ends, refused).complete('a', 20, tables);
      scene.advance(15);
      expect(
        scene.lines.filter(({ connection: { uid }, orig }) => uid === 'C2' && orig.state === 'attributed'),
      ).toEqual([]);
      scene.join.end();
      expect(scene.last('C2').orig.state).toBe('unattributed');
    }
  });

  it('is not given to the caller of the next one where its own call came before the watch began', () => {
    // The host is watched from second 0 on.
    const scene = watched([
      { pid: 8, close: 0.202 },
      { pid: 9, connect: 0.21, close: 0.212 },
    ]);
    scene.end('C1', 0.2, 0.001, ends, refused).end('C2', 0.211, 0.001, ends, refused);
    scene.complete('a', 20, tables).join.end();
    expect(scene.last('C1').orig).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(scene.last('C2').orig).toMatchObject({ process: { pid: 9 } });
  });

  it('is not given for good to the caller of the next one, near as that call is, where its own may have come before the watch began', () => {
    for (const handsInLate of [false, true]) {
      for (const captureBegan of [-1, 0.01]) {
        // The watch began after its own call. Of the next one the first packet was held up.
        const sockets = [
          { pid: 8, close: 0.009 },
          { pid: 9, connect: 0.012, close: 0.4 },
        ];
        const scene = watched(sockets, { startsKnown: true }).end('C0', captureBegan, 0.001, others);
        scene.end('C1', 0.01, 0.1, ends, refused);
        if (handsInLate) scene.advance(0.3).complete('a', 20, tables);
        scene.end('C2', 0.31, 0.001, ends, refused).complete('a', 20, tables).join.end();
        expect(scene.last('C1').orig).toMatchObject({ state: 'unattributed', reason: 'agent_offline' });
        expect(scene.last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
      }
    }
  });

  it('is not given to the caller of the next one, near as that call is, where its own may be among lost rows', () => {
    const called = (close: number): Scene => {
      const scene = watched([
        { pid: 8, close: 9.991 },
        { pid: 9, connect: 9.992, close },
      ]);
      scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from: scene.at(9.2), to: scene.at(9.8) });
      scene.end('C0', 5, 0.001, others).end('C1', 9.99, 0.001, ends, refused).end('C2', 10.299, 0.001, ends, refused);
      scene.complete('a', 20, tables).join.end();
      return scene;
    };
    const heldUp = called(10.4);
    expect(heldUp.last('C1').orig).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(heldUp.last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    // What closed before the next one began is of none but this one.
    expect(called(10.2).last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('is not given to the caller of the next one that names its peer alone, where its own may be among lost rows', () => {
    const told = [...tables, 'interface_addresses'] as const;
    const called = (isLost: boolean): Scene => {
      const scene = new Scene({ startsKnown: true }).host('a', told, { err: 0.02 });
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      // Told in the second in which both began.
      const call = { action: 'connect', pid: 9, family: 2, protocol: 6, remote_address: '192.0.2.2', remote_port: 443 };
      scene.event('a', 'socket_events', 10.3, call, s);
      const [from, to] = [scene.at(9.2), scene.at(9.8)];
      if (isLost) scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from, to });
      scene.end('C0', 5, 0.001, others).end('C1', 10.1, 0.001, ends, refused).end('C2', 10.301, 0.001, ends, refused);
      scene.complete('a', 20, told).join.end();
      return scene;
    };
    const heldUp = called(true);
    expect(heldUp.last('C1').orig).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(heldUp.last('C2').orig).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    // Where no row is missing there is no other call.
    expect(called(false).last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('is not given to the caller of one before that names its peer alone, where its own may be lost or from before the watch', () => {
    const told = [...tables, 'interface_addresses'] as const;
    const called = (at: number, isLost: boolean): Scene => {
      const scene = new Scene({ startsKnown: true }).host('a', told, { err: 0.001 });
      scene.added('a', 'interface_addresses', 0, { interface: 'eth0', address: '192.0.2.1' });
      const call = { action: 'connect', pid: 9, family: 2, protocol: 6, remote_address: '192.0.2.2', remote_port: 443 };
      scene.event('a', 'socket_events', at - 0.001, call);
      const [from, to] = [scene.at(at + 0.2), scene.at(at + 0.7)];
      if (isLost) scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from, to });
      scene.end('C0', -1, 0.001, others);
      scene.end('C1', at, 0.001, ends, refused).end('C2', at + 0.8, 0.001, ends, refused);
      scene.complete('a', 20, told).join.end();
      return scene;
    };
    for (const heldUp of [called(10, true), called(1, false)]) {
      expect(heldUp.last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
      expect(heldUp.last('C2').orig).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    }
    // Where no row is missing there is no other call.
    expect(called(10, false).last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('is not given to who called its peer in the same second, of whose connections none is named, where its own call may be lost', () => {
    const told = [...tables, 'interface_addresses'] as const;
    const called = (isLost: boolean): Scene => {
      const scene = new Scene({ startsKnown: true }).host('a', told, { err: 0.001 });
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      const call = { action: 'connect', pid: 9, family: 2, protocol: 6, remote_address: '192.0.2.2', remote_port: 443 };
      scene.event('a', 'socket_events', 10, call, s);
      const [from, to] = [scene.at(8), scene.at(10.2)];
      if (isLost) scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from, to });
      scene.end('C0', 5, 0.001, others).end('C1', 10.5, 0.001, ends).end('C2', 10.8, 0.001, others);
      scene.complete('a', 20, told).join.end();
      return scene;
    };
    expect(called(true).last('C1').orig).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(called(false).last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('is not given to a caller that names its peer alone of just after it, who may have begun the next one, where its own may be among lost rows', () => {
    const told = [...tables, 'interface_addresses'] as const;
    const called = (next: number): Scene => {
      const scene = new Scene({ startsKnown: true }).host('a', told, { err: 0.02 });
      scene.added('a', 'interface_addresses', 1, { interface: 'eth0', address: '192.0.2.1' });
      const call = { action: 'connect', pid: 9, family: 2, protocol: 6, remote_address: '192.0.2.2', remote_port: 443 };
      scene.event('a', 'socket_events', 10.11, call);
      scene.row({ kind: 'lost', host: 'a', stream: 'socket_events', from: scene.at(9.2), to: scene.at(9.8) });
      scene.end('C0', 5, 0.001, others).end('C1', 10.1, 0.001, ends, refused).end('C2', next, 0.001, ends, refused);
      scene.complete('a', 20, told).join.end();
      return scene;
    };
    const heldUp = called(10.125).last('C1').orig;
    expect(heldUp).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(called(15).last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('is given to the one caller that is told of where none can be missing, whoever calls next', () => {
    const scene = watched([
      { pid: 8, connect: 9.989, close: 9.991 },
      { pid: 9, connect: 10.3, close: 10.31 },
    ]);
    scene.end('C0', 5, 0.001, others).end('C1', 9.99, 0.001, ends, refused).end('C2', 10.301, 0.001, ends, refused);
    scene.complete('a', 20, tables).join.end();
    expect(scene.last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    expect(scene.last('C2').orig).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('is not given for good to the caller of one before it that is handed in only when it ends', () => {
    const scene = new Scene({ finalOnly: true }).host('a', tables, { err: 0.02 });
    const socket = { pid: 8, ...tuple, socket: '8' };
    scene.event('a', 'socket_events', 10, { ...socket, action: 'connect' });
    scene.event('a', 'socket_events', 10.21, { ...socket, action: 'close' }).complete('a', 20, tables);
    scene.end('C0', 5, 0.001, others).end('C2', 10.2, 0.001, ends, refused);
    scene.end('C1', 9.99, 0.001, ends, refused).join.end();
    expect(scene.last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    expect(scene.last('C2').orig).toMatchObject({ state: 'unattributed', reason: 'no_socket_seen' });
  });
});
