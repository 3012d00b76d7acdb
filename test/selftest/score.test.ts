import { describe, expect, it } from 'vitest';
import { score, type ToldConnection } from '../../src/selftest/score.js';
import type { TrueEnd } from '../../src/selftest/truth.js';

const t0 = 1_700_000_000;

function trueEnd(more: Partial<TrueEnd> = {}): TrueEnd {
  return {
    kind: 'k',
    role: 'orig',
    proto: 6,
    owner: { pid: 7, uid: 1000 },
    local: '192.0.2.1',
    localPort: 4000,
    remote: '192.0.2.2',
    remotePort: 80,
    from: t0 * 1e6,
    to: t0 * 1e6 + 1000,
    sent: 100,
    received: 0,
    ...more,
  };
}

const attributed = (pid: number, more: object = {}): ToldConnection['orig'] => ({
  state: 'attributed',
  method: 'socket_event',
  process: { pid },
  ...more,
});
const pending = { state: 'pending' } as const;

function line(orig: ToldConnection['orig'], more: Partial<ToldConnection> = {}): ToldConnection {
  return {
    ts: t0,
    uid: 'C1',
    'id.orig_h': '192.0.2.1',
    'id.orig_p': 4000,
    'id.resp_h': '192.0.2.2',
    'id.resp_p': 80,
    ip_proto: 6,
    duration: 0.001,
    orig_bytes: 100,
    orig,
    resp: pending,
    ...more,
  };
}

const of = (truth: readonly TrueEnd[], lines: readonly ToldConnection[]) => score(truth, lines).get('k')!;

describe('a score', () => {
  it('counts an owner that was told at last, with the bytes of its connection', () => {
    expect(of([trueEnd()], [line(pending), line(attributed(7))])).toMatchObject({
      connections: 1,
      ends: 1,
      right: 1,
      unique: 1,
      wrong: 0,
      sentBytes: 100,
      attributedBytes: 100,
      senders: 1,
      exactSenders: 1,
    });
  });

  it('counts a wrong owner on any line, also where the last one is right', () => {
    const found = of([trueEnd()], [line(attributed(8)), line(attributed(7))]);
    expect(found).toMatchObject({ right: 1, wrong: 1, named: 1 });
    expect(found.mistakes).toHaveLength(1);
  });

  it('counts a wrong user of the right process apart, and not as right', () => {
    const user = attributed(7, { user: { uid: 0 } });
    expect(of([trueEnd()], [line(user)])).toMatchObject({ right: 0, wrong: 0, wrongUsers: 1 });
  });

  it('counts an owner of what no process owns as wrong', () => {
    const { owner: _, ...nobody } = trueEnd();
    expect(of([nobody], [line(attributed(7))])).toMatchObject({ ends: 0, ownerless: 1, wrong: 1 });
    expect(of([nobody], [line(pending)])).toMatchObject({ ends: 0, ownerless: 1, wrong: 0 });
  });

  it('counts neither right nor wrong what holders of one socket share', () => {
    const shared = attributed(8, { method: 'shared_socket', sharers: [{ pid: 7 }] });
    expect(of([trueEnd()], [line(shared)])).toMatchObject({
      right: 0,
      unique: 0,
      wrong: 0,
      missed: { shared_socket: 1 },
    });
    const strangers = attributed(8, { method: 'shared_socket', sharers: [{ pid: 9 }] });
    expect(of([trueEnd()], [line(strangers)])).toMatchObject({ right: 0, wrong: 1 });
  });

  it('says what was told in place of an owner, and that nothing was', () => {
    const reason = { state: 'unattributed', reason: 'no_socket_seen' } as const;
    expect(of([trueEnd()], [line(reason)]).missed).toEqual({ no_socket_seen: 1 });
    expect(of([trueEnd()], []).missed).toEqual({ 'not captured': 1 });
  });

  it('tells connections of one port apart by their order, however near they are', () => {
    const later = { from: t0 * 1e6 + 2000, to: t0 * 1e6 + 3000 };
    const truth = [trueEnd(), trueEnd({ owner: { pid: 9, uid: 1000 }, ...later })];
    const told = [line(attributed(7)), line(attributed(9), { uid: 'C2', ts: t0 + 0.0005 })];
    expect(of(truth, told)).toMatchObject({ connections: 2, right: 2, wrong: 0 });
  });

  it('does not ask for the later owner of a port within one connection', () => {
    const truth = [trueEnd(), trueEnd({ owner: { pid: 9, uid: 1000 }, from: t0 * 1e6 + 500 })];
    expect(of(truth, [line(attributed(7))])).toMatchObject({ ends: 1, right: 1, wrong: 0 });
  });

  it('finds an end whose socket was bound to no address, and the other side of a connection', () => {
    const { local: _, ...unbound } = trueEnd({ role: 'resp', localPort: 80, remote: '192.0.2.1', remotePort: 4000 });
    expect(of([unbound], [line(pending, { resp: attributed(7), resp_bytes: 100 })])).toMatchObject({
      connections: 0,
      right: 1,
      attributedBytes: 100,
    });
  });
});
