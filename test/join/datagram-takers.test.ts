import { describe, expect, it } from 'vitest';
import { Scene, s, t0 } from './scene.js';

const tables = ['socket_events'] as const;
const ends = '192.0.2.1 40000 > 192.0.2.2 53 udp';
const local = { family: 2, protocol: 17, local_address: '192.0.2.2', local_port: 53 } as const;
const receive = {
  ...{ ...local, action: 'receive' },
  ...{ remote_address: '192.0.2.1', remote_port: 40_000 },
} as const;

/** One server took the first datagram, within the error of the clock; another, that followed it on the port, a later one. */
function twoServers(scene: Scene): Scene {
  scene.host('b', tables, { err: 0.001 });
  scene.event('b', 'socket_events', 10.0005, { ...receive, pid: 8, socket: '1' });
  return scene.event('b', 'socket_events', 10.5, { ...receive, pid: 9, socket: '2' });
}

describe('datagrams that several processes took in turn', () => {
  it('are given to nobody while the first taker may have taken those of an earlier connection, and then to the first', () => {
    const scene = twoServers(new Scene()).end('C1', 10, 0.6, ends).complete('b', 20, tables).advance(12);
    expect(scene.last().resp.state).toBe('pending');
    scene.join.end();
    expect(scene.last().resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  });

  it('are the first one’s whether a later taker is told of before or after that was decided', () => {
    const [early, late] = [new Scene({ startsKnown: true }), new Scene({ startsKnown: true })];
    for (const scene of [early, late]) {
      scene.host('b', tables, { err: 0.001 });
      scene.event('b', 'socket_events', 10.0005, { ...receive, pid: 8, socket: '1' });
      const tellLater = () => scene.event('b', 'socket_events', 12, { ...receive, pid: 9, socket: '1' });
      if (scene === early) tellLater();
      scene.end('C1', 10, 0.1, ends).advance(11).complete('b', 11, tables);
      if (scene === late) tellLater();
      scene.end('C2', 11.9995, 0.1, ends).complete('b', 20, tables).join.end();
      expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    }
  });

  it('are the sender’s whether who took the answer to the next connection is told of before or after that was decided', () => {
    const send = { action: 'send', pid: 7, socket: '1', family: 2, protocol: 17, local_address: '192.0.2.1' } as const;
    const peer = { local_port: 40_000, remote_address: '192.0.2.2', remote_port: 53 } as const;
    const [early, late] = [new Scene({ startsKnown: true }), new Scene({ startsKnown: true })];
    for (const scene of [early, late]) {
      scene.host('a', tables, { err: 0.001 });
      scene.event('a', 'socket_events', 10.0005, { ...send, ...peer });
      const tellLater = () =>
        scene.event('a', 'socket_events', 12, { ...send, ...peer, action: 'receive', pid: 9, socket: '2' });
      if (scene === early) tellLater();
      scene.end('C1', 10, 0.1, ends);
      if (scene === late) scene.advance(11).complete('a', 11, tables);
      if (scene === late) tellLater();
      scene.end('C2', 11.9995, 0.1, '192.0.2.2 53 > 192.0.2.1 40000 udp').complete('a', 20, tables).join.end();
      expect(scene.last('C1').orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    }
  });

  it('are told of with the taker’s process, though who took those of the next connection may not be known any more', () => {
    const [early, late] = [new Scene({ startsKnown: true }), new Scene({ startsKnown: true })];
    const streams = ['socket_events', 'processes'] as const;
    const columns = { pid: 8, path: '/usr/bin/named', cmdline: 'named -4', start_time: t0 / s };
    for (const scene of [early, late]) {
      scene.host('b', streams, { err: 0.001 }).added('b', 'processes', 1, columns);
      scene.event('b', 'socket_events', 10.002, { ...receive, pid: 8, socket: '1' });
      // Of which of the two connections it is the clock leaves open, and of processes the host told no more before it fell silent.
      const next = () =>
        scene.event('b', 'socket_events', 20, { ...receive, pid: 8, socket: '1' }).end('C2', 20, 1, ends);
      scene.end('C1', 10, 0.1, ends);
      if (scene === late) next();
      scene.advance(12).complete('b', 15, streams);
      if (scene === early) next();
      scene.join.end();
      expect(scene.last('C1').resp).toMatchObject({ process: { pid: 8, cmdline: 'named -4' } });
    }
  });

  it('are on no line a later taker’s while the host may yet tell of an earlier one, however the connection goes on', () => {
    for (const takesShortWay of [true, false]) {
      const scene = new Scene({ startsKnown: true, takesShortWay }).host('b', tables, { err: 0.001 });
      scene.start('C1', 10, ends).event('b', 'socket_events', 10.3, { ...receive, pid: 9, socket: '2' });
      scene.advance(10.4).complete('b', 9.9, tables);
      scene.event('b', 'socket_events', 10.002, { ...receive, pid: 8, socket: '1' }).complete('b', 11, tables);
      // It need not be over.
      expect(scene.advance(13).last().resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
      scene.end('C1', 10, 4, ends).complete('b', 90, tables).join.end();
      const named = scene.lines.flatMap(({ resp }) => (resp.state === 'attributed' ? [resp.process.pid] : []));
      expect(new Set(named)).toEqual(new Set([8]));
    }
  });

  it('are a later taker’s once the host has told everything until then, while the connection goes on', () => {
    for (const takesShortWay of [true, false]) {
      const scene = new Scene({ startsKnown: true, takesShortWay }).host('b', tables, { err: 0.001 });
      scene.start('C1', 10, ends).event('b', 'socket_events', 10.3, { ...receive, pid: 9, socket: '2' });
      scene.complete('b', 10.2, tables).advance(10.4);
      expect(scene.lines.filter(({ resp }) => resp.state === 'attributed')).toEqual([]);
      scene.complete('b', 10.3, tables).advance(13);
      expect(scene.last().resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    }
  });

  it('are not the taker’s of an earlier connection while one that took some at the first is not surely of this one', () => {
    const scene = new Scene({ startsKnown: true }).host('b', tables, { err: 0.003 });
    scene.event('b', 'socket_events', 9.63, { ...receive, pid: 9, socket: '1' });
    scene.start('C0', 9.6, ends).end('C0', 9.6, 0, ends);
    scene.event('b', 'socket_events', 10.0001, { ...receive, pid: 8, socket: '1' });
    scene.start('C1', 10, ends).end('C1', 10, 0, ends).complete('b', 20, tables);
    scene.advance(30).complete('b', 90, tables).join.end();
    const named = scene.lines.flatMap(({ connection, resp }) =>
      connection.uid === 'C1' && resp.state === 'attributed' ? [resp.process.pid] : [],
    );
    expect(new Set(named)).toEqual(new Set([8]));
  });

  it('are not given to a later taker where the row of the first may be lost', () => {
    const lost = (from: number, to: number, taken = 11) => {
      const scene = new Scene({ startsKnown: true }).host('b', tables, { err: 0.001 });
      scene
        .start('C1', 10, ends)
        .row({ kind: 'lost', host: 'b', stream: 'socket_events', from: scene.at(from), to: scene.at(to) });
      scene.event('b', 'socket_events', taken, { ...receive, pid: 9, socket: '1' }).advance(13);
      scene.end('C1', 10, 3, ends).complete('b', 20, tables).join.end();
      expect(scene.lines.some(({ resp }) => resp.state === 'attributed')).toBe(
        scene.last().resp.state === 'attributed',
      );
      return scene.last().resp;
    };
    expect(lost(9, 10.5)).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
    expect(lost(10, 10.01, 10.02)).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
    expect(lost(12, 12.5)).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  it('are not given to a later taker where another may have taken the first before the host was watched', () => {
    const watched = (from: number, short: boolean) => {
      const scene = new Scene({ startsKnown: true, takesShortWay: short });
      const streams = tables.map((table) => ({ stream: table, table }));
      scene.row({ kind: 'host', host: 'b', streams, from: scene.at(from) });
      scene.row({ kind: 'clock', host: 'b', capture: 'eth0', offset: 0, err: 1_000, from: t0 });
      scene
        .start('C1', 10, ends)
        .event('b', 'socket_events', 11, { ...receive, pid: 9, socket: '1' })
        .advance(13);
      scene.end('C1', 10, 3, ends).complete('b', 20, tables).join.end();
      expect(scene.lines.some(({ resp }) => resp.state === 'attributed')).toBe(
        scene.last().resp.state === 'attributed',
      );
      return scene.last().resp;
    };
    for (const short of [true, false]) {
      expect(watched(10.5, short)).toMatchObject({ state: 'unattributed', reason: 'agent_offline' });
      expect(watched(9, short)).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    }
  });

  it('stay ambiguous when earlier connections had to be forgotten', () => {
    const scene = twoServers(new Scene({ limits: { connections: 1 } }));
    scene.start('C0', 9, '192.0.2.1 40000 > 192.0.2.2 123 udp').end('C1', 10, 0.6, ends);
    scene.complete('b', 20, tables).join.end();
    expect(scene.last('C1').resp).toMatchObject({ state: 'ambiguous' });
  });

  it('belong to the taker alone where only the next connection has another', () => {
    const scene = twoServers(new Scene({ startsKnown: true }));
    scene.end('C1', 10, 0.1, ends).end('C2', 10.49, 0.1, ends).complete('b', 20, tables).join.end();
    expect(scene.last('C1').resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    expect(scene.last('C2').resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });

  /** These processes read from one socket after the peer's first two datagrams had come at 10; the second one a while later. */
  function readers(scene: Scene, ...pids: number[]): Scene {
    scene.host('b', tables);
    for (const [i, pid] of pids.entries()) {
      const [time, since] = [10.001 + i, 10];
      scene.row(scene.makeRow('b', 'socket_events', 'event', time, { ...receive, pid, socket: '1' }, 1, since));
    }
    return scene.end('C1', 9.9999, 2, ends);
  }

  it('are nobody’s where either of two that read may have taken the first', () => {
    const scene = readers(new Scene({ startsKnown: true }), 8, 9);
    expect(scene.last().resp.state).toBe('pending');
    expect(scene.complete('b', 20, tables).last().resp).toMatchObject({
      state: 'ambiguous',
      candidates: [{ process: { pid: 8 } }, { process: { pid: 9 } }],
    });
  });

  it('are the only reader’s, once no other can be told of any more', () => {
    const scene = readers(new Scene({ startsKnown: true }), 8)
      .complete('b', 20, tables)
      .advance(30);
    expect(scene.last().resp.state).toBe('pending');
    scene.advance(80);
    expect(scene.last().resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  });

  it('are nobody’s where the second of two readers is told of long after the connection, and on no line the first one’s', () => {
    const scene = readers(new Scene({ startsKnown: true }), 8)
      .complete('b', 20, tables)
      .advance(20);
    scene.row(scene.makeRow('b', 'socket_events', 'event', 21, { ...receive, pid: 9, socket: '1' }, 1, 10));
    scene.complete('b', 40, tables).join.end();
    expect(scene.lines.filter(({ resp }) => resp.state === 'attributed')).toEqual([]);
    expect(scene.last().resp).toMatchObject({ candidates: [{ process: { pid: 8 } }, { process: { pid: 9 } }] });
  });

  it('are nobody’s where the row is lost that told of another reader, unless that one had long been there to read again', () => {
    for (const [from, state] of [
      [12.1, 'ambiguous'],
      [14, 'attributed'],
    ] as const) {
      const scene = readers(new Scene({ startsKnown: true }), 8);
      scene.row({ kind: 'lost', host: 'b', stream: 'socket_events', from: scene.at(from), to: scene.at(15) });
      scene.complete('b', 20, tables).advance(80).join.end();
      expect(scene.last().resp.state).toBe(state);
    }
  });

  it('are nobody’s where the host fell silent before another reader was told of, unless that one had long been there to read again', () => {
    for (const [silentAt, state] of [
      [12.1, 'ambiguous'],
      [14, 'attributed'],
    ] as const) {
      const scene = readers(new Scene({ startsKnown: true }), 8).complete('b', silentAt, tables);
      scene
        .row({ kind: 'host_timeout', host: 'b', at: scene.at(silentAt) })
        .advance(80)
        .join.end();
      expect(scene.last().resp.state).toBe(state);
    }
  });

  it('are nobody’s where the connection had to be let go while another reader might still be told of', () => {
    const scene = readers(new Scene({ startsKnown: true, limits: { connections: 1 } }), 8).complete('b', 20, tables);
    scene.start('C2', 15, '192.0.2.1 40000 > 192.0.2.2 123 udp').advance(20);
    scene.complete('b', 20, tables).join.end();
    expect(scene.last().resp).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 8 } }] });
  });

  it('leave out who took those of an earlier connection, which nobody need have answered', () => {
    const [seen, unseen] = [new Scene({ startsKnown: true }), new Scene({ startsKnown: true })];
    for (const scene of [seen, unseen]) {
      scene.host('b', tables, { err: 0.05 });
      scene.event('b', 'socket_events', 5.001, { ...receive, pid: 8, socket: '1' });
      scene.event('b', 'socket_events', 10.001, { ...receive, pid: 9, socket: '1' });
      // Nobody captured the earlier connection, or it has a line of its own.
      const from = scene === seen ? ends : '192.0.2.1 40000 > 192.0.2.2 123 udp';
      scene.end('C1', scene === seen ? 5 : 7, 0, from, { resp_pkts: 0, history: 'D' });
      scene.end('C2', 10, 0.1, ends).complete('b', 20, tables).join.end();
      expect(scene.last('C2').resp).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    }
  });

  it('are not given to who took an earlier one where the socket closed before anybody need have read them', () => {
    for (const [takesShortWay, from] of [
      [true, ends],
      [false, ends],
      // Nobody captured the earlier connection.
      [true, '192.0.2.1 40000 > 192.0.2.2 123 udp'],
      [false, '192.0.2.1 40000 > 192.0.2.2 123 udp'],
    ] as const) {
      const closing = (at: number) => {
        const scene = new Scene({ startsKnown: true, takesShortWay }).host('b', tables, { err: 0.001 });
        scene.end('C1', 5, 0, from).event('b', 'socket_events', 5.01, { ...receive, pid: 8, socket: '1' });
        scene.end('C2', 10, 0, ends).complete('b', 10.02, tables).advance(11);
        scene.event('b', 'socket_events', at, { ...local, action: 'close', pid: 9, socket: '1' });
        const last = scene.complete('b', 20, tables).last('C2').resp;
        scene.join.end();
        const lines = scene.lines.filter(
          ({ connection: { uid }, resp }) => uid === 'C2' && resp.state === 'attributed',
        );
        expect(lines.length > 0).toBe(last.state === 'attributed');
        expect(scene.last('C2').resp.state).toBe(last.state);
        return last;
      };
      expect(closing(10.03)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 8 } }] });
      expect(closing(10.1)).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    }
  });

  it('are not given to who took an earlier one where the row of its close may be lost', () => {
    for (const takesShortWay of [true, false]) {
      const lost = (from: number, to: number) => {
        const scene = new Scene({ startsKnown: true, takesShortWay }).host('b', tables, { err: 0.001 });
        scene.end('C1', 5, 0, ends).event('b', 'socket_events', 5.01, { ...receive, pid: 8, socket: '1' });
        scene.end('C2', 10, 0, ends);
        scene.row({ kind: 'lost', host: 'b', stream: 'socket_events', from: scene.at(from), to: scene.at(to) });
        scene.complete('b', 20, tables).advance(80).join.end();
        const named = scene.lines.filter(
          ({ connection: { uid }, resp }) => uid === 'C2' && resp.state === 'attributed',
        );
        const { resp } = scene.last('C2');
        expect(named.length > 0).toBe(resp.state === 'attributed');
        return resp;
      };
      expect(lost(7, 8)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 8 } }] });
      expect(lost(9.9, 11)).toMatchObject({ state: 'unattributed', reason: 'events_lost' });
      expect(lost(10.02, 10.03)).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 8 } }] });
      expect(lost(1, 2)).toMatchObject({ state: 'attributed', process: { pid: 8 } });
      expect(lost(10.1, 11)).toMatchObject({ state: 'attributed', process: { pid: 8 } });
    }
  });

  it('are given to who took an earlier one where calls are told that no close is told of', () => {
    const scene = new Scene({ startsKnown: true }).host('b', tables, { err: 0.001 });
    scene.end('C1', 5, 0, ends).event('b', 'socket_events', 5.01, { ...receive, action: 'accept', pid: 8 });
    scene.end('C2', 10, 0, ends).complete('b', 20, tables).join.end();
    expect(scene.last('C2').resp).toMatchObject({ state: 'attributed', process: { pid: 8 } });
  });

  it('may be of the unanswered connection before where the clock is that uncertain', () => {
    const scene = new Scene({ startsKnown: true }).host('b', tables, { err: 1 });
    scene.event('b', 'socket_events', 10, { ...receive, pid: 8, socket: '1' });
    scene.end('C1', 9.5, 0, ends, { resp_pkts: 0, history: 'D' });
    scene.end('C2', 10.4, 0.1, ends).complete('b', 20, tables).join.end();
    expect(scene.last('C2').resp).toMatchObject({ state: 'ambiguous' });
  });

  it('are not given to a later taker where the peer had sent to another address of the same socket', () => {
    const other = '192.0.2.3';
    const known = (at: number, socket: string, taken = 10.9) => {
      const scene = new Scene({ startsKnown: true }).host('b', tables, { err: 0.001 });
      const tell = () => scene.event('b', 'socket_events', at, { ...receive, local_address: other, pid: 8, socket });
      if (at < 10.85) tell();
      scene.event('b', 'socket_events', taken, { ...receive, pid: 9, socket: '1' });
      scene.end('C1', 10, 0.8, ends).complete('b', 10.85, tables).advance(13);
      if (at >= 10.85) tell();
      scene.complete('b', 20, tables).advance(80).join.end();
      const { resp } = scene.last('C1');
      expect(scene.lines.some((line) => line.resp.state === 'attributed')).toBe(resp.state === 'attributed');
      return resp;
    };
    expect(known(9.9, '1')).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(known(10.87, '1')).toMatchObject({ state: 'ambiguous', candidates: [{ process: { pid: 9 } }] });
    expect(known(11, '1')).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    expect(known(9.9, '2')).toMatchObject({ state: 'attributed', process: { pid: 9 } });
    expect(known(9.9, '1', 10.01)).toMatchObject({ state: 'attributed', process: { pid: 9 } });
  });
});
