import { describe, expect, it } from 'vitest';
import type { SocketInterval } from '../../src/hosts/state/socket-interval.js';
import type { EndQuery } from '../../src/join/end-query.js';
import type { Loss } from '../../src/join/loss.js';
import { matchSocket, type Weight } from '../../src/join/match.js';
import type { Method } from '../../src/records/attributed-connection.js';

const ms = 1_000;
const s = 1_000_000;

/** A TCP connection from 192.0.2.1:40000 to 192.0.2.2:443 that lasts from second 100 to 101, seen from one of its ends. */
function query(changes: Partial<EndQuery> = {}): EndQuery {
  const orig = { localAddress: '192.0.2.1', localPort: 40000, remoteAddress: '192.0.2.2', remotePort: 443 };
  const resp = { localAddress: '192.0.2.2', localPort: 443, remoteAddress: '192.0.2.1', remotePort: 40000 };
  return {
    role: 'orig',
    protocol: 6,
    ...(changes.role === 'resp' ? resp : orig),
    first: 100 * s,
    last: 101 * s,
    err: 0,
    opening: (changes.protocol ?? 6) === 6,
    answered: true,
    aloneSince: -Infinity,
    aloneUntil: Infinity,
    nextFirst: Infinity,
    ...changes,
  };
}

function socket(source: SocketInterval['source'], changes: Partial<SocketInterval> = {}): SocketInterval {
  const at = changes.openHi ?? 100 * s;
  return {
    source,
    protocol: 6,
    openLo: at,
    openHi: at,
    closeLo: Infinity,
    closeHi: Infinity,
    resolution: 1,
    ...changes,
  };
}

const origTuple = { localAddress: '192.0.2.1', localPort: 40000, remoteAddress: '192.0.2.2', remotePort: 443 };
const respTuple = { localAddress: '192.0.2.2', localPort: 443, remoteAddress: '192.0.2.1', remotePort: 40000 };
const toServer = { remoteAddress: '192.0.2.2', remotePort: 443 };
const port443 = { localPort: 443 };
const seen = { openLo: 95 * s, openHi: 100.5 * s, closeLo: 100.5 * s };

type Case =
  | [name: string, query: Partial<EndQuery>, socket: SocketInterval, Method, Weight]
  | [string, Partial<EndQuery>, SocketInterval, Loss];

const udp = { protocol: 17, opening: false };
const resp = { role: 'resp' as const };

const cases: Case[] = [
  // Full tuples
  [
    'a connect just before the SYN',
    {},
    socket('connect', { ...origTuple, openHi: 100 * s - 1 * ms }),
    'socket_event',
    'certain',
  ],
  ['a connect after the SYN', {}, socket('connect', { ...origTuple, openHi: 100 * s + 1 * ms }), 'opened_after'],
  [
    'a connect after the SYN within the clock error',
    { err: 2 * ms },
    socket('connect', { ...origTuple, openHi: 100 * s + 1 * ms }),
    'socket_event',
    'certain',
  ],
  [
    'a datagram sent just before the first packet',
    { ...udp, err: 1 * ms },
    socket('connect', { ...origTuple, protocol: 17, openHi: 100 * s - 2 * ms }),
    'socket_event',
    'certain',
  ],
  [
    'a datagram that may have been sent after the first packet',
    { ...udp, err: 1 * ms },
    socket('connect', { ...origTuple, protocol: 17, openHi: 100 * s + 0.5 * ms }),
    'socket_event',
    'sole',
  ],
  [
    'a connect two seconds before the SYN',
    {},
    socket('connect', { ...origTuple, openHi: 98 * s }),
    'socket_event',
    'sole',
  ],
  ['a connect long before the SYN', {}, socket('connect', { ...origTuple, openHi: 90 * s }), 'opened_too_early'],
  [
    'a connect long before a connection that was seen in the middle',
    { opening: false },
    socket('connect', { ...origTuple, openHi: 90 * s }),
    'socket_event',
    'sole',
  ],
  [
    'a connect that may be later than the first packet of a connection seen in the middle',
    { opening: false, err: 2 * s },
    socket('connect', { ...origTuple, openHi: 101.5 * s }),
    'socket_event',
    'certain',
  ],
  [
    'the same where the next connection may have begun by then',
    { opening: false, err: 2 * s, aloneUntil: 103 * s },
    socket('connect', { ...origTuple, openHi: 101.5 * s }),
    'socket_event',
    'possible',
  ],
  [
    'a connect that was closed before the SYN',
    {},
    socket('connect', { ...origTuple, openHi: 99 * s, closeLo: 99.5 * s, closeHi: 99.5 * s }),
    'closed_before',
  ],
  [
    'the connect of the connection before',
    { aloneSince: 99.5 * s },
    socket('connect', { ...origTuple, openHi: 99.4 * s }),
    'other_connection',
  ],
  [
    'a connect that may be of the connection before',
    { aloneSince: 99.99 * s, err: 10 * ms },
    socket('connect', { ...origTuple, openHi: 99.985 * s }),
    'socket_event',
    'sole',
  ],
  [
    'a connect that the connection before followed promptly, within the error of the clock',
    { aloneSince: 99.9 * s, err: 2 * ms },
    socket('connect', { ...origTuple, openHi: 99.9 * s - 10, closeLo: 99.999 * s, closeHi: 99.999 * s }),
    'other_connection',
  ],
  [
    'a connect that the connection before may have followed promptly, of a socket that still stood at the SYN',
    { aloneSince: 99.9 * s, err: 2 * ms },
    socket('connect', { ...origTuple, openHi: 99.9 * s + 1 * ms, closeLo: 101 * s, closeHi: 101 * s }),
    'socket_event',
    'sole',
  ],
  [
    'the same of a socket that may have been closed by then',
    { aloneSince: 99.9 * s, err: 2 * ms },
    socket('connect', { ...origTuple, openHi: 99.9 * s + 1 * ms, closeLo: 100 * s + 1 * ms, closeHi: 101 * s }),
    'other_connection',
  ],
  [
    'a connect that the connection before followed promptly, where the call of the next one may fit this one too',
    { aloneSince: 99.9 * s, err: 20 * ms, aloneUntil: 100 * s + 30 * ms },
    socket('connect', { ...origTuple, openHi: 99.9 * s, closeLo: 99.999 * s, closeHi: 99.999 * s }),
    'socket_event',
    'possible',
  ],
  [
    'a connect that both this connection and the one before followed promptly',
    { aloneSince: 99.99 * s, err: 2 * ms },
    socket('connect', { ...origTuple, openHi: 99.99 * s - 10 }),
    'socket_event',
    'sole',
  ],
  [
    'a connect some time after the connection before began, and before this one',
    { aloneSince: 99.5 * s, err: 2 * ms },
    socket('connect', { ...origTuple, openHi: 99.9 * s }),
    'socket_event',
    'sole',
  ],
  [
    'a connect that the connection before followed promptly, by a clock that is not known well',
    { aloneSince: 99.5 * s, err: 60 * ms },
    socket('connect', { ...origTuple, openHi: 99.499 * s }),
    'socket_event',
    'sole',
  ],
  [
    'a whole-second connect',
    {},
    socket('connect', { ...origTuple, openLo: 100 * s, openHi: 101 * s - 1, resolution: s }),
    'socket_event',
    'certain',
  ],
  [
    'a whole-second connect while the connection may be over',
    { aloneUntil: 100.2 * s },
    socket('connect', { ...origTuple, openLo: 100 * s, openHi: 101 * s - 1, resolution: s }),
    'socket_event',
    'sole',
  ],
  [
    'a connect of a flipped connection',
    { role: 'resp', ...origTuple },
    socket('connect', { ...origTuple, openHi: 99.999 * s }),
    'socket_event',
    'certain',
  ],
  [
    'an accept just after the SYN',
    resp,
    socket('accept', { ...respTuple, openHi: 100.001 * s }),
    'accept_event',
    'certain',
  ],
  [
    'a datagram that was received before, through a socket that may have closed before anybody read the next',
    { ...resp, ...udp, err: 10 * ms },
    socket('accept', { ...respTuple, protocol: 17, openHi: 90 * s, closeLo: 100.055 * s, closeHi: 100.055 * s }),
    'accept_event',
    'possible',
  ],
  [
    'a datagram that was received before, through a socket that still stood',
    { ...resp, ...udp, err: 10 * ms },
    socket('accept', { ...respTuple, protocol: 17, openHi: 90 * s, closeLo: 100.07 * s, closeHi: 100.07 * s }),
    'accept_event',
    'certain',
  ],
  [
    'a datagram that was received after the only packet, and never answered',
    { ...resp, ...udp, last: 100 * s, isOver: true, answered: false },
    socket('accept', { ...respTuple, protocol: 17, openHi: 100.002 * s }),
    'accept_event',
    'certain',
  ],
  ['an accept before the SYN', resp, socket('accept', { ...respTuple, openHi: 99.9 * s }), 'opened_too_early'],
  [
    'an accept after a connection that is over',
    { ...resp, isOver: true },
    socket('accept', { ...respTuple, openHi: 103 * s }),
    'opened_after',
  ],
  [
    'an accept after the connection, when no other came',
    resp,
    socket('accept', { ...respTuple, openHi: 103 * s }),
    'accept_event',
    'certain',
  ],
  [
    'an accept after the connection, when another may have come',
    { ...resp, aloneUntil: 101 * s },
    socket('accept', { ...respTuple, openHi: 103 * s }),
    'accept_event',
    'possible',
  ],
  [
    'the accept of the next connection',
    { ...resp, aloneUntil: 102 * s },
    socket('accept', { ...respTuple, openHi: 103 * s }),
    'other_connection',
  ],
  [
    'an accept of a refused connection',
    { ...resp, answered: false },
    socket('accept', { ...respTuple, openHi: 100.1 * s }),
    'not_answered',
  ],
  ['another tuple', {}, socket('connect', { ...origTuple, remotePort: 444 }), 'other_remote_endpoint'],
  ['another local port', {}, socket('connect', { ...origTuple, localPort: 40001 }), 'other_local_endpoint'],
  ['another protocol', {}, socket('connect', { ...origTuple, protocol: 17 }), 'other_protocol'],
  // Polls
  ['a poll during the connection', {}, socket('open', { ...origTuple, ...seen }), 'open_socket', 'certain'],
  [
    'a poll after the last packet, when no other connection came',
    {},
    socket('open', { ...origTuple, openLo: 95 * s, openHi: 110 * s }),
    'open_socket',
    'certain',
  ],
  [
    'a poll after the last packet, when another may have come',
    { aloneUntil: 101 * s },
    socket('open', { ...origTuple, openLo: 95 * s, openHi: 110 * s }),
    'open_socket',
    'possible',
  ],
  [
    'a poll that first saw the socket after the next connection',
    { aloneUntil: 105 * s },
    socket('open', { ...origTuple, openLo: 95 * s, openHi: 110 * s }),
    'open_socket',
    'possible',
  ],
  [
    'a poll that had not seen it when the next one began',
    { aloneUntil: 105 * s },
    socket('open', { ...origTuple, openLo: 106 * s, openHi: 110 * s }),
    'other_connection',
  ],
  [
    'a poll that saw the socket before the SYN alone',
    {},
    socket('open', { ...origTuple, openLo: 80 * s, openHi: 90 * s, closeLo: 90 * s, closeHi: 105 * s }),
    'opened_too_early',
  ],
  [
    'a poll by whole seconds during the connection',
    { last: 105 * s },
    socket('open', {
      ...origTuple,
      openLo: 95 * s,
      openHi: 103 * s - 1,
      closeLo: 102 * s,
      closeHi: 110 * s,
      resolution: s,
    }),
    'open_socket',
    'certain',
  ],
  // A poll that saw the socket wait for an answer
  [
    'a socket that waits for the answer to the first packet',
    {},
    socket('connecting', {
      ...origTuple,
      openLo: 99.96 * s,
      openHi: 100.02 * s,
      closeLo: 100.02 * s,
      closeHi: 100.1 * s,
    }),
    'open_socket',
    'certain',
  ],
  [
    'a socket that waits for the answer, which may have been seen too late for it',
    { err: 40 * ms },
    socket('connecting', {
      ...origTuple,
      openLo: 99.96 * s,
      openHi: 100.02 * s,
      closeLo: 100.02 * s,
      closeHi: 100.1 * s,
    }),
    'open_socket',
    'possible',
  ],
  [
    'a socket that may have waited for an answer long before the first packet',
    {},
    socket('connecting', {
      ...origTuple,
      openLo: 99.9 * s,
      openHi: 100.02 * s,
      closeLo: 100.02 * s,
      closeHi: 100.1 * s,
    }),
    'open_socket',
    'possible',
  ],
  [
    'a socket that waits for an answer long after the first packet of a connection that was answered',
    {},
    socket('connecting', { ...origTuple, openLo: 99 * s, openHi: 100.5 * s, closeLo: 100.5 * s, closeHi: 100.6 * s }),
    'open_socket',
    'possible',
  ],
  [
    'a socket that waits for an answer after the last packet of a connection that was answered',
    { isOver: true },
    socket('connecting', { ...origTuple, openLo: 99 * s, openHi: 102 * s, closeLo: 102 * s, closeHi: 103 * s }),
    'other_connection',
  ],
  [
    'a socket that still waits for an answer after a short connection that was answered',
    { isOver: true, last: 100.005 * s },
    socket('connecting', {
      ...origTuple,
      openLo: 99.96 * s,
      openHi: 100.02 * s,
      closeLo: 100.02 * s,
      closeHi: 103 * s,
    }),
    'other_connection',
  ],
  [
    'a socket that waits for an answer after the last packet so far',
    {},
    socket('connecting', { ...origTuple, openLo: 99.96 * s, openHi: 100.02 * s, closeLo: 102 * s, closeHi: 103 * s }),
    'open_socket',
    'certain',
  ],
  [
    'a socket that waits for an answer that never came',
    { answered: false, isOver: true },
    socket('connecting', { ...origTuple, openLo: 99 * s, openHi: 100.5 * s, closeLo: 103 * s, closeHi: 104 * s }),
    'open_socket',
    'certain',
  ],
  // Blanks
  [
    'a connect without local port near the SYN',
    {},
    socket('connect', { ...toServer, openHi: 99.5 * s }),
    'connect_event',
    'sole',
  ],
  [
    'a connect without local port two seconds before',
    {},
    socket('connect', { ...toServer, openHi: 98 * s }),
    'opened_too_early',
  ],
  [
    'a connect without local port near packets that began none of those captured',
    { opening: false },
    socket('connect', { ...toServer, openHi: 99.5 * s }),
    'connect_event',
    'possible',
  ],
  [
    'a UDP connect without local port',
    udp,
    socket('connect', { ...toServer, protocol: 17, openHi: 99.9 * s }),
    'connect_event',
    'possible',
  ],
  [
    'a connect without local port for the responding end',
    resp,
    socket('connect', { remoteAddress: '192.0.2.1', remotePort: 40000, openHi: 99.9 * s }),
    'not_for_this_end',
  ],
  [
    'an accept without local end, of a connection whose beginning was not captured',
    { ...resp, opening: false },
    socket('accept', { remoteAddress: '192.0.2.1', remotePort: 40000, openHi: 100.1 * s }),
    'accept_event',
    'possible',
  ],
  [
    'an accept without local end',
    resp,
    socket('accept', { remoteAddress: '192.0.2.1', remotePort: 40000, openHi: 100.1 * s }),
    'accept_event',
    'sole',
  ],
  // Listeners and bound sockets
  [
    'a listener on the exact address',
    resp,
    socket('listening', { localAddress: '192.0.2.2', ...port443, openHi: 50 * s }),
    'listening_port',
    'certain',
  ],
  [
    'a wildcard listener',
    resp,
    socket('listening', { localAddress: '0.0.0.0', ...port443, family: 2, openHi: 50 * s }),
    'listening_port',
    'certain',
  ],
  [
    'a dual-stack listener takes IPv4',
    resp,
    socket('listening', { localAddress: '::', ...port443, family: 10, openHi: 50 * s }),
    'listening_port',
    'certain',
  ],
  [
    'an IPv4 listener does not take IPv6',
    { ...resp, localAddress: '2001:db8::2', remoteAddress: '2001:db8::1' },
    socket('listening', { localAddress: '0.0.0.0', ...port443, family: 2 }),
    'other_local_endpoint',
  ],
  [
    'a listener on another address',
    resp,
    socket('listening', { localAddress: '192.0.2.3', ...port443, openHi: 50 * s }),
    'other_local_endpoint',
  ],
  [
    'a listener that a poll first saw after the SYN',
    resp,
    socket('listening', { localAddress: '0.0.0.0', ...port443, openLo: 95 * s, openHi: 105 * s }),
    'listening_port',
    'possible',
  ],
  [
    'a listener opened after the SYN',
    resp,
    socket('listen', { localAddress: '0.0.0.0', ...port443, openHi: 100.1 * s }),
    'opened_after',
  ],
  [
    'a listener closed before the SYN',
    resp,
    socket('listening', { localAddress: '0.0.0.0', ...port443, openHi: 50 * s, closeLo: 60 * s, closeHi: 70 * s }),
    'closed_before',
  ],
  [
    'a listener that may have closed before the SYN',
    resp,
    socket('listening', { localAddress: '0.0.0.0', ...port443, openHi: 50 * s, closeLo: 90 * s, closeHi: 110 * s }),
    'listening_port',
    'possible',
  ],
  [
    'a listener and a refused connection',
    { ...resp, answered: false },
    socket('listening', { localAddress: '0.0.0.0', ...port443, openHi: 50 * s }),
    'not_answered',
  ],
  [
    'a listener never originates',
    {},
    socket('listening', { localAddress: '192.0.2.1', localPort: 40000, openHi: 50 * s }),
    'not_for_this_end',
  ],
  [
    'a TCP socket bound before it connects',
    {},
    socket('bind', { localAddress: '192.0.2.1', localPort: 40000, openHi: 99 * s }),
    'local_endpoint',
    'certain',
  ],
  [
    'a UDP socket bound to the exact endpoint',
    udp,
    socket('open', { localAddress: '192.0.2.1', localPort: 40000, protocol: 17, openHi: 50 * s }),
    'local_endpoint',
    'certain',
  ],
  [
    'a UDP socket bound to every address',
    udp,
    socket('bind', { localAddress: '0.0.0.0', localPort: 40000, protocol: 17, family: 2, openHi: 50 * s }),
    'local_endpoint',
    'certain',
  ],
  [
    'a UDP socket opened within the connection',
    udp,
    socket('open', { ...origTuple, protocol: 17, openLo: 100.2 * s, openHi: 100.9 * s }),
    'opened_after',
  ],
  [
    'a connected UDP socket that was seen after the first datagram and before the last',
    udp,
    socket('open', { ...origTuple, protocol: 17, openLo: 95 * s, openHi: 100.9 * s }),
    'open_socket',
    'sole',
  ],
  [
    'a UDP socket of every address that was seen after the first datagram and before the last',
    udp,
    socket('listening', { localAddress: '0.0.0.0', localPort: 40000, protocol: 17, openLo: 95 * s, openHi: 101 * s }),
    'local_endpoint',
    'sole',
  ],
  [
    'a connected UDP socket that was seen after the last datagram',
    { ...udp, err: 1 * ms },
    socket('open', { ...origTuple, protocol: 17, openLo: 95 * s, openHi: 101 * s }),
    'open_socket',
    'possible',
  ],
  [
    'a connected UDP socket of a port that was asked for, which may have passed from another since the first datagram',
    { ...udp, localPort: 32767 },
    socket('open', { ...origTuple, localPort: 32767, protocol: 17, openLo: 95 * s, openHi: 100.9 * s }),
    'open_socket',
    'possible',
  ],
  [
    'a UDP socket that took datagrams, and was seen after the first and before the last',
    { ...resp, ...udp },
    socket('open', { ...respTuple, protocol: 17, openLo: 95 * s, openHi: 100.9 * s }),
    'open_socket',
    'possible',
  ],
];

describe('whether a socket is that of an end', () => {
  it.each(cases)('%s', (...[, changes, evidence, expected, weight]: Case) => {
    const match = matchSocket(query(changes), evidence);
    if (weight === undefined) expect(match).toEqual({ matched: false, loss: expected });
    else expect(match).toMatchObject({ matched: true, method: expected, weight });
  });

  it('ranks an event over a poll, a call with a blank, exact endpoints, wildcards and dual-stack ones, in this order', () => {
    const ofResp: SocketInterval[] = [
      socket('accept', { ...respTuple, openHi: 100.1 * s }),
      socket('open', { ...respTuple, ...seen }),
      socket('accept', { remoteAddress: '192.0.2.1', remotePort: 40000, openHi: 100.1 * s }),
      socket('listening', { localAddress: '192.0.2.2', ...port443, openHi: 50 * s }),
      socket('listening', { localAddress: '0.0.0.0', ...port443, family: 2, openHi: 50 * s }),
      socket('listening', { localAddress: '::', ...port443, family: 10, openHi: 50 * s }),
    ];
    const ranks = ofResp.map((evidence) => {
      const match = matchSocket(query(resp), evidence);
      return match.matched ? match.rank : Number.NaN;
    });
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    expect(new Set(ranks).size).toBe(ranks.length);
  });
});
