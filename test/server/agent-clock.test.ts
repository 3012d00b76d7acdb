import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { Join } from '../../src/join/attribution.js';
import type { AttributedConnection } from '../../src/records/attributed-connection.js';
import type { HostRow } from '../../src/records/host-row.js';
import { AgentEndpoint } from '../../src/server/agent-endpoint.js';
import { AgentHub } from '../../src/server/agent-hub.js';
import { Enrolments } from '../../src/server/enrolments.js';
import { QueryLog } from '../../src/server/query-log.js';
import { subprotocols } from '../../src/wire/protocol.js';
import { encodeRows } from '../../src/wire/row-message.js';

const SECOND = 1_000_000;
const silent = (): void => {};
const now = (): number => Date.now() * 1000;

let rows: HostRow[];
let lines: AttributedConnection[];
let join: Join;
let hub: AgentHub;
let endpoint: AgentEndpoint;
let socket: WebSocket | undefined;

/** An engine that captures `eth0` and joins what its agents tell. */
beforeEach(async () => {
  rows = [];
  lines = [];
  join = new Join({
    latenessUs: 600 * SECOND,
    attrWaitUs: 2 * SECOND,
    finalOnly: false,
    startsKnown: true,
    emit: (line) => lines.push(line),
  });
  hub = new AgentHub({
    version: 'test',
    captures: ['eth0'],
    latenessUs: 600 * SECOND,
    subnets: [],
    enrolments: new Enrolments(),
    queryLog: new QueryLog(undefined),
    emit: (more) => {
      rows.push(...more);
      join.together(() => {
        for (const row of more) join.row(row);
      });
    },
    onEvent: silent,
    warn: silent,
  });
  endpoint = await AgentEndpoint.open({ host: '127.0.0.1', port: 0 }, hub, silent);
});

afterEach(async () => {
  socket?.terminate();
  hub.close();
  await endpoint.close();
});

const streams = [{ stream: 'socket_events', table: 'socket_events' }] as const;

/** A connect to 192.0.2.2:443 from port 40000, at a time of the host. */
const connect = (time: number, pid: number): HostRow => ({
  ...{ kind: 'row', host: '', stream: 'socket_events', table: 'socket_events', action: 'event' },
  ...{ time, resolution: 1, seq: pid },
  columns: {
    ...{ action: 'connect', pid, family: 2, protocol: 6, local_address: '192.0.2.1', local_port: 40_000 },
    ...{ remote_address: '192.0.2.2', remote_port: 443 },
  },
});

/** An agent on a host whose clock is ahead of the engine's. It never answers questions for its clock. */
async function agent(ahead: number, told: readonly HostRow[]): Promise<void> {
  socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}/agent`, [...subprotocols]);
  await new Promise((resolve) => socket!.once('open', resolve));
  const welcome = new Promise((resolve) => socket!.once('message', resolve));
  socket.send(
    JSON.stringify({
      ...{ type: 'hello', host: 'far', run: 'run', version: 'test', groups: [], tables: [], limited: [] },
      ...{ time: now() + ahead, journal: { id: 'j', next: 0 }, token: 'token' },
    }),
  );
  await welcome;
  socket.send(encodeRows([...told], 0, undefined).text);
  const isTaken = (): boolean => rows.filter(({ kind }) => kind !== 'clock').length === told.length;
  for (const deadline = Date.now() + 10_000; !isTaken(); ) {
    if (Date.now() > deadline) throw new Error('rows were not taken');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function begin(ts: number): void {
  join.connection({
    cause: 'start',
    capture: 'eth0',
    connection: {
      ...{ ts, uid: 'C1', 'id.orig_h': '192.0.2.1', 'id.orig_p': 40_000, 'id.resp_h': '192.0.2.2', 'id.resp_p': 443 },
      ...{ proto: 'tcp', conn_state: 'S0', history: 'S', missed_bytes: 0, ip_proto: 6 },
      ...{ orig_pkts: 1, orig_ip_bytes: 60, resp_pkts: 0, resp_ip_bytes: 0 },
    },
  });
}

describe.each([300 * SECOND, -300 * SECOND])('a host whose clock is off by %i µs', (ahead) => {
  it('has a clock before its first row, within the error that is told', async () => {
    const at = now() + ahead;
    await agent(ahead, [{ kind: 'host', host: '', streams: [...streams], from: at - SECOND }, connect(at, 7)]);
    const [first] = rows;
    expect(first).toMatchObject({ kind: 'clock', host: 'far', capture: 'eth0' });
    if (first?.kind !== 'clock') return;
    expect(Math.abs(first.offset - ahead)).toBeLessThanOrEqual(first.err);
  });

  it('is told of on no line by another clock: the first connection has its owner, not that of its port at the time shown', async () => {
    const ts = now();
    begin(ts);
    await agent(ahead, [
      { kind: 'host', host: '', streams: [...streams], from: ts - 1_000 * SECOND },
      // On a host that is ahead, another process had the port when its clock showed what the engine's shows now.
      ...(ahead > 0 ? [connect(ts - 1, 8)] : []),
      connect(ts + ahead - 1, 7),
      { kind: 'complete', host: '', stream: 'socket_events', until: ts + ahead + 10 * SECOND },
    ]);
    join.advance(ts + 10 * SECOND);
    const owners = lines.flatMap(({ orig }) => (orig.state === 'attributed' ? [orig.process.pid] : []));
    expect(lines.at(-1)?.orig).toMatchObject({ state: 'attributed', process: { pid: 7 } });
    expect(new Set(owners)).toEqual(new Set([7]));
    expect(lines.map(({ orig }) => orig.state === 'unattributed' && orig.reason)).not.toContain('no_socket_seen');
  });
});
