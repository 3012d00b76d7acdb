// The engine of the outage campaign, as a process that can be killed: real endpoint, hub and join, and the tables that rules read. A line with
// names of hosts on the standard input is answered with what it holds of these, as one JSON line; each host that is welcomed is told of.
//
//   node engine.mjs --host ADDRESS --port N --cert FILE --key FILE --secret FILE --socket FILE
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const load = (file) => import(new URL(`../../../dist/${file}.js`, import.meta.url).href);
const option = { type: 'string' };
const { values } = parseArgs({
  options: { host: option, port: option, cert: option, key: option, secret: option, socket: option },
});
const { Engine } = await load('pipeline/engine');
const { HostTables } = await load('hosts/tables');
const { Join } = await load('join/attribution');
const { RunMetrics } = await load('pipeline/run-metrics');

const latenessUs = 600e6;
const join = new Join({ latenessUs, attrWaitUs: 2e6, finalOnly: false, startsKnown: true, emit() {} });
const tables = new HostTables();
const silent = new Set();
/** Rows of tables by what names them for good, of each host: how often each was taken. */
const taken = new Map();
const warnings = [];

function take(row) {
  join.row(row);
  if (row.kind === 'host_timeout') silent.add(row.host);
  // Who watches a host again tells its whole state again.
  if (row.kind === 'host' && silent.delete(row.host)) tables.forget(row.host);
  if (row.kind !== 'row') return;
  tables.apply(row);
  let counts = taken.get(row.host);
  if (counts === undefined) {
    counts = new Map();
    taken.set(row.host, counts);
  }
  const name = `${row.stream} ${row.seq} ${row.time} ${row.action}`;
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function state(hosts) {
  return Object.fromEntries(
    hosts.map((host) => {
      const counts = taken.get(host) ?? new Map();
      const held = {
        processes: [...tables.rows(host, 'processes')].map(({ pid, name, path }) => ({ pid, name, path })),
        ports: [...tables.rows(host, 'listening_ports')].map(({ pid, port, protocol }) => ({ pid, port, protocol })),
        connects: [...tables.rows(host, 'socket_events')].map(({ remote_port }) => remote_port),
        rows: counts.size,
        repeated: [...counts].filter(([, count]) => count > 1).map(([name]) => name),
      };
      return [host, held];
    }),
  );
}

await Engine.start(
  {
    version: 'campaign',
    endpoint: {
      host: values.host,
      port: Number(values.port),
      tls: { certFile: values.cert, keyFile: values.key },
      secretFile: values.secret,
    },
    socket: values.socket,
    isDefaultSocket: false,
    subnets: [],
  },
  {
    captures: ['br0'],
    latenessUs,
    rows: (rows) => rows.forEach(take),
    metrics: new RunMetrics('campaign', 0),
    warn: ({ message }) => warnings.push(message),
    info(message) {
      const host = /^host (\S+) (?:joined|is back)$/.exec(message)?.[1];
      if (host !== undefined) process.stdout.write(`welcome ${host}\n`);
    },
  },
);
createInterface({ input: process.stdin }).on('line', (line) => {
  process.stdout.write(`${JSON.stringify({ hosts: state(line.split(' ')), warnings })}\n`);
});
process.stdout.write('ready\n');
